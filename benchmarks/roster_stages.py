"""Where a row's time goes: the worker's own functions, one after the other over the same file, each with a clock."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

CHUNK: Final = 4_000


class Clock:
    """Microseconds by stage."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self._last = time.perf_counter()

    def note(self, stage: str) -> None:
        now = time.perf_counter()
        self.spent[stage] += (now - self._last) * 1e6
        self._last = now


def run(data: bytes) -> dict[str, float]:
    """Microseconds that each stage takes for the whole file, in one thread."""
    from django.utils import timezone

    from recipients.checking import Known, RowChecker
    from recipients.columns import guess_columns
    from recipients.models import Roster
    from recipients.reading import open_table
    from recipients.routing_rules import Rules
    from recipients.services.duplicates import Persons
    from recipients.services.finishing import Seen
    from recipients.services.storing import RowSealer, store_rows
    from recipients.services.uploading import upload_roster
    from tenants import keys
    from tenants.context import tenant_scope
    from tenants.permissions import Role
    from tenants.selectors import actor_of
    from tenants.services import create_member, create_tenant

    now = timezone.now()
    tenant = create_tenant(name="stages", office_name="stages", now=now)
    with tenant_scope(tenant.pk):
        user = create_member(email="s@bench.example", name="s", password=None, role=Role.ADMIN, department=None)
        roster: Roster = upload_roster(data=b"x", file_name="x", department=None, by=actor_of(user), now=now)
    ring, clock = keys.ring_of(tenant.pk), Clock()
    table = open_table(data)
    clock.note("what file it is")
    rules = Rules(roster.as_of, require_consent=True, age_limit=60)
    mapping = guess_columns(table.header, table.sample()).mapping
    check = RowChecker(header=table.header, mapping=mapping, rules=rules, known=Known()).check
    seal = RowSealer(ring, phone_header=table.header[mapping.phones[0]]).seal
    seen = Seen(persons=Persons(expected=data.count(b"\n")), keys=ring, watch_ids=True)
    clock.note("its columns")
    for chunk in _chunks(table.rows()):
        clock.note("reading rows")
        checked = [(row, cells, check(cells)) for row, cells in chunk]
        clock.note("checking rows")
        for _row, cells, _checked in checked:
            seen.sketch.add(seen.rows_sum.add(cells))
        clock.note("the sum of the file")
        earlier = [seen.note(row, found) for row, _cells, found in checked]
        clock.note("names and persons")
        sealed = [seal(row, found, same_as=same) for (row, _cells, found), same in zip(checked, earlier, strict=True)]
        clock.note("sealing")
        with tenant_scope(tenant.pk):
            store_rows(roster_id=roster.pk, rows=sealed)
        clock.note("storing rows")
    with tenant_scope(tenant.pk):
        seen.names.store(roster_id=roster.pk)
    clock.note("storing names")
    return dict(clock.spent)


def _chunks(rows: Iterator[Any]) -> Iterator[list[Any]]:
    while chunk := list(islice(rows, CHUNK)):
        yield chunk
