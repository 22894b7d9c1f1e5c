"""Read an uploaded file in a worker: in chunks, each one a transaction, so that a killed worker is followed by another.

A second try reads the file from its beginning (the same persons must be found twice), but stores only what is not
stored yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from django.conf import settings

from recipients.checking import Known, RowChecker
from recipients.columns import BadMapping, Guess, MappingProblem, guess_columns, mapping_from_headers
from recipients.models import Roster, RosterFile, RosterState
from recipients.reading import FileProblem, Limits, Table, open_table
from recipients.routing_rules import Rules
from recipients.selectors.registers import HashedNumbers, consent_book, exclusions_of, opted_out_hashes
from recipients.selectors.rosters import rules_when_read, stated_rules
from recipients.services.ahead import run_ahead
from recipients.services.duplicates import Persons
from recipients.services.finishing import Seen, finish
from recipients.services.leases import Lease, LeaseLost, claim_roster
from recipients.services.mapping_memory import recall_mapping
from recipients.services.storing import RowSealer, StoredRow, store_rows
from tenants.context import tenant_scope
from tenants.failpoints import failpoint
from tenants.keys import ring
from tenants.packing import Packed
from tenants.sealing import KeyRing

CHUNK_ROWS: Final = 4000
COUNTED_PER_LEASE: Final = 100_000
FIRST_ROWS: Final = 5
LONGEST_SHOWN: Final = 200  # characters of a cell
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Job:
    """What the worker knows of a roster while no transaction is open."""

    tenant_id: int
    lease: Lease
    department_id: int | None
    personal: dict[str, Any]
    data: Packed
    ring: KeyRing
    rules: Rules
    stated_rules: dict[str, Any]
    known: Known
    one_text_per_number: bool
    stored: int  # rows that an earlier try stored


def read_roster(*, tenant_id: int, roster_id: int, now: datetime) -> bool:
    """Read, check and store every row, to the state ready or failed. False where there was nothing to do.

    Opens its own scopes. Any number of calls, and kills at any point, end in the same rows.
    """
    with tenant_scope(tenant_id):
        lease = claim_roster(roster_id)
    if lease is None:
        return False
    try:
        if lease.is_one_too_many:
            _fail(tenant_id, lease, code="gave_up", params={}, now=now)
        else:
            _read(tenant_id, lease, now=now)
    except FileProblem as exc:
        _fail(tenant_id, lease, code=exc.code, params=exc.params, now=now)
    except BadMapping as exc:
        _fail(tenant_id, lease, code=exc.code.value, params=exc.params, now=now)
    except LeaseLost:
        log.warning("roster.lease_lost", roster_id=roster_id)
        return False
    except Exception:
        with tenant_scope(tenant_id):
            lease.release()
        raise
    return True


def limits() -> Limits:
    """How large a file may be, as the page says before the upload."""
    return Limits(max_bytes=settings.ROSTER_MAX_BYTES, max_rows=settings.ROSTER_MAX_ROWS)


def rules_of(roster: Roster) -> Rules:
    """The rules of its department on its day, as they are or were when it is read."""
    rules = rules_when_read(roster)
    return Rules(
        as_of=roster.as_of,
        require_consent=rules.requires_consent,
        age_limit=rules.sms_age_limit,
        id_check=rules.id_check,
    )


def known_to(keys: KeyRing, roster: Roster) -> Known:
    """What the registers and the roster's list of exclusions say. Needs the tenant's scope."""
    excluded, hash_phone = exclusions_of(roster.pk), keys.hasher("phone")
    return Known(
        opted_out=HashedNumbers(opted_out_hashes(), hash_phone),
        consents=consent_book(department_id=roster.department_id),
        excluded=HashedNumbers(excluded.numbers, hash_phone),
        excluded_ids=HashedNumbers(excluded.ids, keys.hasher("id")),
        excluded_without_id=HashedNumbers(excluded.spare_numbers, hash_phone),
    )


def _read(tenant_id: int, lease: Lease, *, now: datetime) -> None:
    with tenant_scope(tenant_id):
        job = _load(tenant_id, lease)
    table = open_table(job.data, limits=limits())
    total = _count_rows(job, table)
    try:
        guess, source = _choose_mapping(job, table)
    except BadMapping:
        with tenant_scope(tenant_id):
            _note_table(job, table, total=total, guess=guess_columns(table.header, table.sample()), source="guessed")
        raise
    with tenant_scope(tenant_id):
        _note_table(job, table, total=total, guess=guess, source=source)
    if guess.problems:
        raise BadMapping(MappingProblem.NO_PHONE_COLUMN, {"columns": "、".join(table.header)})
    seen = Seen(
        persons=Persons(expected=total, one_text_per_number=job.one_text_per_number),
        keys=job.ring,
        watch_ids=not job.rules.id_check,
    )
    for last_row, chunk in run_ahead(_chunks(job, table, guess, seen)):
        with tenant_scope(tenant_id):
            store_rows(roster_id=lease.roster_id, rows=chunk)
            lease.renew(rows_read=max(last_row, job.stored), got_on=bool(chunk))
        failpoint("read.after_chunk")
    with tenant_scope(tenant_id):
        finish(lease=lease, total=total, seen=seen, mapping=guess.mapping, rules=job.rules, now=now)


def _count_rows(job: _Job, table: Table) -> int:
    """Every row of the file, looked at before the first one is stored: what is wrong with a file is found here."""
    total = 0
    for total, _cells in table.rows():
        if total % COUNTED_PER_LEASE == 0:
            with tenant_scope(job.tenant_id):
                job.lease.renew(rows_read=job.stored, got_on=False)
    return total


def _load(tenant_id: int, lease: Lease) -> _Job:
    roster = Roster.objects.select_related("tenant", "department").get(pk=lease.roster_id)
    keys, data = ring(), Packed()
    pieces = RosterFile.objects.filter(roster_id=roster.pk).order_by("number").values_list("sealed", flat=True)
    for sealed in pieces.iterator(chunk_size=4):
        data.write(keys.open(RosterFile._meta.db_table, sealed))
    return _Job(
        tenant_id=tenant_id,
        lease=lease,
        department_id=roster.department_id,
        personal=roster.personal,
        data=data,
        ring=keys,
        rules=rules_of(roster),
        stated_rules=stated_rules(rules_when_read(roster)),
        known=known_to(keys, roster),
        one_text_per_number=roster.one_text_per_number,
        stored=roster.rows_read,
    )


def _choose_mapping(job: _Job, table: Table) -> tuple[Guess, str]:
    """The mapping that a person chose, or the department's of these headers, or a guess; and which of them.

    A second try keeps what the first one took. Raises ``BadMapping``.
    """
    header, personal = table.header, job.personal
    if personal.get("mapping"):
        guess = Guess(mapping_from_headers(header, personal["mapping"]), personal.get("confidence", {}))
        return guess, personal["mapping_source"]
    with tenant_scope(job.tenant_id):
        remembered = recall_mapping(department_id=job.department_id, header=header)
    if remembered:
        return Guess(mapping_from_headers(header, remembered)), "remembered"
    return guess_columns(header, table.sample()), "guessed"


def _note_table(job: _Job, table: Table, *, total: int, guess: Guess, source: str) -> None:
    """Put down what the file looks like before its rows are stored, for the page; reading may go no further."""
    roster = Roster.objects.get(pk=job.lease.roster_id)
    roster.seal(
        job.personal
        | {
            "header": table.header,
            "rules": job.stated_rules,
            "first_rows": [[cell[:LONGEST_SHOWN] for cell in cells] for cells in table.sample(FIRST_ROWS)],
            "mapping": guess.mapping.as_headers(table.header),
            "mapping_source": source,
            "confidence": dict(guess.confidence),
            "notices": [{"code": notice.code, "params": dict(notice.params)} for notice in table.notices],
        }
    )
    roster.rows = total
    roster.save(update_fields=["sealed", "rows"])
    job.lease.renew(rows_read=job.stored, got_on=False)


def _chunks(job: _Job, table: Table, guess: Guess, seen: Seen) -> Iterator[tuple[int, list[StoredRow]]]:
    """(last row, rows to be stored): every row is looked at, those of an earlier try are not stored again.

    Of those it yields empty chunks, so that the lease goes on while they are passed by.
    """
    mapping, width = guess.mapping, len(table.header)
    check = RowChecker(header=table.header, mapping=mapping, rules=job.rules, known=job.known).check
    seal = RowSealer(job.ring, phone_header=table.header[mapping.phones[0]]).seal
    edits: dict[str, dict[str, str]] = job.personal.get("edits", {})
    chunk: list[StoredRow] = []
    row = 0
    for row, cells in table.rows():
        edit = edits.get(str(row)) if edits else None
        seen.sketch.add(seen.rows_sum.add(cells))
        if edit:
            cells = [edit.get(name, cell) for name, cell in zip(table.header, cells[:width], strict=True)]
        checked = check(cells)
        earlier = seen.note(row, checked)
        if row <= job.stored:
            if row % CHUNK_ROWS == 0:
                yield row, []
            continue
        chunk.append(seal(row, checked, same_as=earlier, by_hand=edit is not None))
        if len(chunk) >= CHUNK_ROWS:
            yield row, chunk
            chunk = []
    if chunk:
        yield row, chunk


def _fail(tenant_id: int, lease: Lease, *, code: str, params: Mapping[str, Any], now: datetime) -> None:
    """The state failed, with what the page's sentence is made of."""
    with tenant_scope(tenant_id):
        roster = Roster.objects.select_for_update(no_key=True).get(pk=lease.roster_id)
        if roster.lease_until != lease.until:
            return
        roster.seal(roster.personal | {"failure": {"code": code, "params": dict(params)}})
        roster.state, roster.failure_code = RosterState.FAILED, code
        roster.lease_until, roster.read_at = None, now
        roster.save(update_fields=["sealed", "state", "failure_code", "lease_until", "read_at"])
        log.info("roster.failed", roster_id=roster.pk, code=code)
