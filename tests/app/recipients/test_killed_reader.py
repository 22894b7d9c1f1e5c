"""RELIABILITY.md, row 2: a worker that is killed while it reads is followed by another, and every row is there once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from recipients.models import Recipient, Roster, RosterState
from recipients.services import read_roster, upload_roster
from tests.app.recipients.conftest import make_csv, person
from tests.conftest import NOON, Cast

ROOT = Path(__file__).parents[3]
ROWS = 10_000  # three chunks
READ = """
import django; django.setup()
from django.utils import timezone
from recipients.services import read_roster
read_roster(tenant_id={tenant_id}, roster_id={roster_id}, now=timezone.now())
"""


@pytest.mark.usefixtures("committed")
class TestKilledReader:
    def test_is_followed_by_another_that_stores_the_rest(self, acme: Cast, enqueued: list[Any]) -> None:
        data = make_csv(*(person(number) for number in range(ROWS)), person(0))
        with acme.scope():
            roster = upload_roster(data=data, file_name="x.csv", department=None, by=acme.admin, now=NOON)

        assert self.read_in_a_process(roster, failpoint="read.after_chunk:2") == 137
        with acme.scope():
            assert 0 < Recipient.objects.filter(roster=roster).count() < ROWS
        assert not read_roster(tenant_id=acme.tenant.pk, roster_id=roster.pk, now=NOON)
        self.let_the_lease_pass(acme, roster)
        assert self.read_in_a_process(roster, failpoint="read.after_chunk:1") == 137
        self.let_the_lease_pass(acme, roster)

        assert read_roster(tenant_id=acme.tenant.pk, roster_id=roster.pk, now=NOON)

        with acme.scope():
            roster.refresh_from_db()
            assert roster.state == RosterState.READY
            assert (roster.rows, roster.sms, roster.skip) == (ROWS + 1, ROWS, 1)
            numbers = list(Recipient.objects.filter(roster=roster).order_by("row").values_list("row", flat=True))
        assert numbers == list(range(1, ROWS + 2))

    def read_in_a_process(self, roster: Roster, *, failpoint: str) -> int:
        code = READ.format(tenant_id=roster.tenant_id, roster_id=roster.pk)
        environment = {**os.environ, "FAILPOINT": failpoint}  # noqa: TID251 - a process like a worker's
        return subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, check=False).returncode

    def let_the_lease_pass(self, cast: Cast, roster: Roster) -> None:
        with cast.scope(), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE recipients_roster SET lease_until = clock_timestamp() - interval '1 s' WHERE id = %s",
                [roster.pk],
            )
