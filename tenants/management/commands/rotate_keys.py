"""New data keys for tenants, or a new master key over all of them, while everything runs (docs/runbooks/rotate-keys.md)."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from tenants import keys, rotation, service_rotation
from tenants.rotation import SealedColumn


class Command(BaseCommand):
    help = "Rotate the data keys (of --tenant, or of all), or with --master put all keys under the newest master key."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", type=int, help="the tenant's number; without it, all tenants")
        parser.add_argument("--master", action="store_true", help="only move to the newest key of MASTER_KEYS")
        parser.add_argument("--grace-s", type=int, default=keys.GRACE_S, help="seconds before the new key seals")
        parser.add_argument("--retire-s", type=int, default=rotation.RETIRE_S, help="seconds before an old key may go")
        parser.add_argument("--retire-only", action="store_true", help="only delete old keys that nothing uses")

    def handle(self, *args: Any, **options: Any) -> None:
        known = rotation.tenant_ids()
        wanted = [options["tenant"]] if options["tenant"] is not None else known
        if not set(wanted) <= set(known):
            raise CommandError(f"There is no tenant {options['tenant']}.")
        wanted = [tenant_id for tenant_id in wanted if rotation.has_keys(tenant_id=tenant_id)]
        if options["master"]:
            self._move_to_newest_master(wanted)
            return
        if not options["retire_only"]:
            self._rotate(wanted, grace_s=options["grace_s"])
        for tenant_id in wanted:
            self._say_retired(tenant_id, rotation.retire(tenant_id=tenant_id, retire_s=options["retire_s"]))

    def _rotate(self, tenant_ids: list[int], *, grace_s: int) -> None:
        for tenant_id in tenant_ids:
            number = rotation.begin(tenant_id=tenant_id, grace_s=grace_s)
            self.stdout.write(f"tenant {tenant_id}: key {number}")
        seconds = max((rotation.wait_s(tenant_id=tenant_id) for tenant_id in tenant_ids), default=0.0)
        if seconds and grace_s:
            self.stdout.write(f"waiting {seconds:.0f} s, until every process seals with the new keys")
            time.sleep(seconds)
        for tenant_id in tenant_ids:
            rows = rotation.reseal(tenant_id=tenant_id, told=self._say)
            self.stdout.write(f"tenant {tenant_id}: {rows} rows sealed again")

    def _move_to_newest_master(self, tenant_ids: list[int]) -> None:
        for tenant_id in tenant_ids:
            self.stdout.write(f"tenant {tenant_id}: {rotation.rewrap(tenant_id=tenant_id)} keys wrapped again")
        self.stdout.write(f"service: {service_rotation.reseal_service(told=self._say)} blobs sealed again")
        for number in sorted(settings.MASTER_KEYS)[:-1]:
            left = sum(rotation.wrapped_by(number, tenant_id=tenant_id) for tenant_id in tenant_ids)
            left += service_rotation.sealed_under(number)
            words = "is used by nothing any more and may be removed" if not left else f"is still used by {left}"
            self.stdout.write(f"master key {number} {words}")

    def _say(self, column: SealedColumn, rows: int) -> None:
        self.stdout.write(f"  {column.table}.{column.column}: {rows}")

    def _say_retired(self, tenant_id: int, retired: rotation.Retired) -> None:
        for words, numbers in (
            ("deleted", retired.deleted),
            ("still used, run again", retired.in_use),
            ("not old enough yet, run again later with --retire-only", retired.too_young),
        ):
            for number in numbers:
                self.stdout.write(f"tenant {tenant_id}: old key {number} {words}")
