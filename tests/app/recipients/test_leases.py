"""Who reads a roster: one worker at a time, for as long as it gets on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from recipients.models import Recipient, Roster, RosterState
from recipients.services import leases, read_roster, reading, upload_roster
from tests.app.recipients.conftest import make_csv, person
from tests.conftest import NOON, Cast

ROWS = 8
pytestmark = pytest.mark.usefixtures("committed")


@pytest.fixture
def waiting(acme: Cast, enqueued: list[Any], monkeypatch: pytest.MonkeyPatch) -> Roster:
    """A roster of four chunks that nobody has read yet."""
    monkeypatch.setattr(reading, "CHUNK_ROWS", 2)
    data = make_csv(*(person(number) for number in range(1, ROWS + 1)))
    with acme.scope():
        return upload_roster(data=data, file_name="x.csv", department=None, by=acme.admin, now=NOON)


def read(roster: Roster) -> bool:
    return read_roster(tenant_id=roster.tenant_id, roster_id=roster.pk, now=NOON)


def read_elsewhere(roster: Roster) -> bool:
    """By a second worker, with a connection of its own."""

    def work() -> bool:
        try:
            return read(roster)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as worker:
        return worker.submit(work).result(timeout=60)


def after_each_chunk(monkeypatch: pytest.MonkeyPatch, act: Callable[[int], None]) -> list[int]:
    """Have ``act`` done between the chunks of the first reader, with the chunk's number; returns those that passed."""
    passed: list[int] = []

    def between(_name: str) -> None:
        passed.append(len(passed) + 1)
        act(passed[-1])

    monkeypatch.setattr(reading, "failpoint", between)
    return passed


def lease_of(cast: Cast, roster: Roster) -> Any:
    with cast.scope():
        return Roster.objects.values_list("lease_until", flat=True).get(pk=roster.pk)


class TestASlowReader:
    def test_keeps_its_roster_by_every_chunk_though_the_lease_it_began_with_has_passed(
        self, acme: Cast, waiting: Roster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        claim = leases.claim_roster
        until: list[Any] = []
        others: list[bool] = []

        def claim_for_no_time(roster_id: int) -> leases.Lease | None:
            """As if the first chunk had taken longer than a lease: only what is renewed keeps others away."""
            with monkeypatch.context() as patched:
                patched.setattr(leases, "LEASE_S", 0)
                return claim(roster_id)

        def try_another(_chunk: int) -> None:
            until.append(lease_of(acme, waiting))
            others.append(read_elsewhere(waiting))

        monkeypatch.setattr(reading, "claim_roster", claim_for_no_time)
        passed = after_each_chunk(monkeypatch, try_another)

        assert read(waiting)

        assert passed == [1, 2, 3, 4]
        assert others == [False] * 4
        assert until == sorted(set(until)), "each chunk moves the lease on"

    def test_writes_nothing_any_more_where_another_took_over(
        self, acme: Cast, waiting: Roster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        others: list[bool] = []

        def fall_silent(chunk: int) -> None:
            """For longer than the lease, once; the other one reads all the rest meanwhile."""
            if chunk == 1:
                with acme.scope():
                    Roster.objects.filter(pk=waiting.pk).update(lease_until=NOON)
                others.append(read_elsewhere(waiting))

        after_each_chunk(monkeypatch, fall_silent)

        assert not read(waiting)

        assert others == [True]
        with acme.scope():
            waiting.refresh_from_db()
            rows = Recipient.objects.filter(roster=waiting).order_by("row").values_list("row", flat=True)
            assert list(rows) == list(range(1, ROWS + 1))
        assert (waiting.state, waiting.rows, waiting.sms) == (RosterState.READY, ROWS, ROWS)

    def test_of_a_file_that_is_counted_for_long_keeps_it_too(
        self, acme: Cast, waiting: Roster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reading, "COUNTED_PER_LEASE", 3)
        renewed: list[tuple[int, bool]] = []
        renew = leases.Lease.renew

        def note(self: leases.Lease, *, rows_read: int, got_on: bool) -> None:
            renew(self, rows_read=rows_read, got_on=got_on)
            renewed.append((rows_read, got_on))

        monkeypatch.setattr(leases.Lease, "renew", note)

        assert read(waiting)

        counted_and_noted = [(0, False)] * (ROWS // 3 + 1)
        assert renewed == [*counted_and_noted, (2, True), (4, True), (6, True), (8, True)]
