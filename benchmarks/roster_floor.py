"""What reading and storing a roster cost at least: `csv` over the text, one sealed blob a row, COPY and INSERT … SELECT.

No check, no routing, no search, no duplicates, no counts; the database's part is real (row security, indexes, commits).
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import orjson

from benchmarks.measuring import cpu_us, difference, server_pids

CHUNK: Final = 4_000


def run(data: bytes, *, encoding: str = "cp932") -> float:
    """Microseconds of CPU for the whole file, this process's and PostgreSQL's."""
    from django.utils import timezone

    from recipients.services.storing import StoredRow, store_rows
    from recipients.services.uploading import upload_roster
    from tenants import keys
    from tenants.context import tenant_scope
    from tenants.permissions import Role
    from tenants.selectors import actor_of
    from tenants.services import create_member, create_tenant

    now = timezone.now()
    tenant = create_tenant(name="floor", office_name="floor", now=now)
    with tenant_scope(tenant.pk):
        user = create_member(email="f@bench.example", name="f", password=None, role=Role.ADMIN, department=None)
        roster = upload_roster(data=b"x", file_name="x", department=None, by=actor_of(user), now=now)
    seal, roots = keys.ring_of(tenant.pk).sealer("recipients_recipient"), {"postgres": server_pids()[0]}
    before, own = cpu_us(roots), time.process_time()
    records = csv.reader(io.TextIOWrapper(io.BytesIO(data), encoding=encoding, newline=""))
    next(records)
    for chunk in _chunks(enumerate(records, 1)):
        rows = []
        for row, cells in chunk:
            sealed = seal(orjson.dumps(cells))
            rows.append(StoredRow(row, 1, "", False, sealed[3:19], sealed[-16:], sealed))
        with tenant_scope(tenant.pk):
            store_rows(roster_id=roster.pk, rows=rows)
    return (time.process_time() - own) * 1e6 + sum(difference(before, cpu_us(roots)).values())


def _chunks(records: Iterator[Any]) -> Iterator[list[Any]]:
    while chunk := list(islice(records, CHUNK)):
        yield chunk
