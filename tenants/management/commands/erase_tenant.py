"""Erase a tenant for good and print the certificate (docs/runbooks/erase-a-tenant.md)."""

from __future__ import annotations

import hmac
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from tenants.models import Tenant, TenantErasure
from tenants.tenant_erasure import OWNER, close_tenant, digest_of, erase_tenant


class Command(BaseCommand):
    help = "Destroy a tenant's keys, then its rows and people; print the certificate."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("tenant", type=int)
        parser.add_argument("--name", default="", help="the tenant's name, to say that it is meant")
        parser.add_argument("--by", default="", help="who orders it; stands on the certificate")
        parser.add_argument("--reason", default="", help="why; stands on the certificate")
        parser.add_argument("--show", action="store_true", help="only print the certificate of an erased tenant")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant_id: int = options["tenant"]
        if options["show"]:
            found = TenantErasure.objects.using(OWNER).filter(tenant_id=tenant_id, done_at__isnull=False).first()
            if found is None:
                raise CommandError(f"There is no certificate for tenant {tenant_id}.")
            self._print(found)
            return
        tenant = Tenant.objects.using(OWNER).filter(pk=tenant_id).first()
        if tenant is None:
            raise CommandError(f"There is no tenant {tenant_id}.")
        if options["name"] != tenant.name:
            raise CommandError("Give the tenant's name with --name exactly as it is: this cannot be undone.")
        if not (options["by"] and options["reason"]):
            raise CommandError("Say who orders it (--by) and why (--reason): both stand on the certificate.")
        close_tenant(tenant_id=tenant_id)
        self._print(erase_tenant(tenant_id=tenant_id, reason=options["reason"], by=options["by"], now=timezone.now()))

    def _print(self, erasure: TenantErasure) -> None:
        digest = bytes(erasure.digest or b"")
        is_genuine = hmac.compare_digest(digest, digest_of(erasure))
        self.stdout.write(
            "\n".join(
                [
                    "消去の証明書 / Certificate of erasure",
                    f"  {erasure.public_id}",
                    f"組織 / tenant: {erasure.tenant_name} ({erasure.tenant_id})",
                    f"理由 / reason: {erasure.reason}",
                    f"命じた人 / by: {erasure.by}",
                    f"開始 / started: {erasure.started_at.isoformat()}",
                    f"鍵の破棄 / keys destroyed: {erasure.keys_destroyed_at and erasure.keys_destroyed_at.isoformat()}",
                    f"終了 / done: {erasure.done_at and erasure.done_at.isoformat()}",
                    *(f"  {table}: {rows}" for table, rows in sorted(erasure.counts.items())),
                    f"照合値 / digest: {digest.hex()} ({'genuine' if is_genuine else 'ALTERED'})",
                ]
            )
        )
