"""Receipts: stored as they came, matched to their message, applied by the order of ``dispatch.states``.

Storing and applying share one transaction, and the carrier hears that a receipt was taken only after its commit. A receipt
without a message is kept: it may be early, and is matched again once the answer to its text is recorded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from carriers.base import Inbound, Receipt, ReceiptStatus
from dispatch.models import FollowUpKind
from dispatch.services.sending.claims import ADD_FOLLOW_UPS, MESSAGE_TABLE, Rings
from dispatch.services.sending.database import Connection
from dispatch.services.sending.parts import REFERENCES
from dispatch.services.sending.tallies import CarrierCounts, Moves, write_carrier_counts, write_moves
from dispatch.states import NOT_REACHED, RECEIPT_ORDER, Status, after_receipt, of_parts
from tenants import keys

RECEIPT_TABLE: Final = "carriers_storedreceipt"
INBOUND_TABLE: Final = "carriers_inboundtext"
REMATCH_LIMIT: Final = 1_000
CANDIDATES_LIMIT: Final = 5_000

STATUS: Final = {
    ReceiptStatus.DELIVERED: Status.DELIVERED,
    ReceiptStatus.REJECTED: Status.REJECTED,
    ReceiptStatus.UNDELIVERED: Status.UNDELIVERED,
    ReceiptStatus.EXPIRED: Status.EXPIRED,
}

BY_CARRIER_ID: Final = """
SELECT m.carrier_id, m.id, m.tenant_id, m.campaign_id, m.state, m.parts, m.accepted_at, m.reason
FROM dispatch_message m WHERE m.account_id = %s AND m.carrier_id = ANY(%b::text[]) ORDER BY m.id FOR UPDATE
"""
BY_PART: Final = """
SELECT p.carrier_id, m.id, m.tenant_id, m.campaign_id, m.state, m.parts, m.accepted_at, m.reason, p.part
FROM dispatch_messagepart p JOIN dispatch_message m ON m.id = p.message_id
WHERE p.account_id = %s AND p.carrier_id = ANY(%b::text[]) ORDER BY m.id FOR UPDATE OF m
"""
PARTS_OF: Final = """
SELECT message_id, part, state FROM dispatch_messagepart WHERE message_id = ANY(%b::bigint[]) ORDER BY message_id, part
"""
UNKNOWN_CANDIDATES: Final = """
SELECT m.id, m.tenant_id, m.campaign_id, m.state, m.parts, m.accepted_at, m.reason, m.sealed
FROM dispatch_followup f JOIN dispatch_message m ON m.id = f.message_id
WHERE f.kind = 3 AND m.account_id = %s AND m.state = 3 AND m.parts = 1 ORDER BY m.id LIMIT %s
"""
LOCK_IF_UNKNOWN: Final = (
    "SELECT id FROM dispatch_message WHERE id = ANY(%b::bigint[]) AND state = 3 ORDER BY id FOR UPDATE"
)
STORE: Final = """
INSERT INTO carriers_storedreceipt
    (account_id, carrier_id, status, code, reason, received_at, done_at, reference, to_hash, sealed, tenant_id, message_id)
SELECT %s, u.carrier_id, u.status, u.code, u.reason, %s, u.done_at, u.reference, u.to_hash, u.sealed, u.tenant_id, u.message_id
FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::timestamptz[], %b::int[], %b::bytea[], %b::bytea[], %b::bigint[],
            %b::bigint[]) AS u (carrier_id, status, code, reason, done_at, reference, to_hash, sealed, tenant_id, message_id)
"""
APPLY: Final = """
UPDATE dispatch_message m SET state = u.state, reason = u.reason, code = u.code, final_at = u.final_at
FROM unnest(%b::bigint[], %b::smallint[], %b::text[], %b::text[], %b::timestamptz[]) AS u (id, state, reason, code, final_at)
WHERE m.id = u.id
"""
APPLY_PARTS: Final = """
UPDATE dispatch_messagepart p SET state = u.state, reason = u.reason, code = u.code
FROM unnest(%b::bigint[], %b::smallint[], %b::smallint[], %b::text[], %b::text[]) AS u (message_id, part, state, reason, code)
WHERE p.message_id = u.message_id AND p.part = u.part
"""
ADOPT: Final = "UPDATE dispatch_message SET carrier_id = %s WHERE id = %s AND carrier_id IS NULL"
WITHOUT_MESSAGE: Final = """
SELECT r.id, r.carrier_id, r.status, r.code, r.reason, r.received_at FROM carriers_storedreceipt r
WHERE r.account_id = %s AND r.message_id IS NULL AND r.received_at > clock_timestamp() - make_interval(secs => %s)
  AND (EXISTS (SELECT 1 FROM dispatch_message m WHERE m.account_id = r.account_id AND m.carrier_id = r.carrier_id)
    OR EXISTS (SELECT 1 FROM dispatch_messagepart p WHERE p.account_id = r.account_id AND p.carrier_id = r.carrier_id))
ORDER BY r.id LIMIT %s FOR UPDATE OF r SKIP LOCKED
"""
GIVE_MESSAGE: Final = """
UPDATE carriers_storedreceipt r SET message_id = u.message_id, tenant_id = u.tenant_id
FROM unnest(%b::bigint[], %b::bigint[], %b::bigint[]) AS u (id, message_id, tenant_id) WHERE r.id = u.id
"""
STORE_INBOUND: Final = """
INSERT INTO carriers_inboundtext (account_id, received_at, sealed)
SELECT %s, clock_timestamp(), u.sealed FROM unnest(%b::bytea[]) AS u (sealed)
"""


@dataclass(slots=True)
class Target:
    """A message that receipts were matched to, as it stands in the database and as it will."""

    message_id: int
    tenant_id: int
    campaign_id: int | None
    old: Status
    parts: int
    accepted_at: datetime | None
    old_reason: str
    new: Status = Status.QUEUED
    reason: str | None = None
    code: str | None = None
    part_states: dict[int, Status] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.new = self.old


@dataclass(frozen=True, slots=True)
class Report:
    """What one receipt says, and about which part of which message (None: no message yet)."""

    status: ReceiptStatus
    code: str
    reason: str
    target: Target | None
    part: int = 1


async def store_and_apply(
    connection: Connection, *, account_id: int, receipts: Sequence[Receipt], inbound: Sequence[Inbound], rings: Rings
) -> int:
    """Everything that came, durably, in one transaction; answers how many receipts found no message yet.

    Raises ``psycopg.Error`` with nothing stored: then nothing may be acknowledged.
    """
    now = datetime.now(UTC)
    async with connection.transaction():
        targets = await _match(connection, account_id, {receipt.carrier_id for receipt in receipts})
        unmatched = [receipt for receipt in receipts if receipt.carrier_id not in targets]
        if unmatched:
            targets |= await _match_unknown(connection, account_id, unmatched, rings)
        reports = [_report(receipt, targets) for receipt in receipts]
        if receipts:
            await _store(connection, account_id, receipts, reports, now)
            await _apply(connection, reports, now)
            await write_carrier_counts(connection, account_id, _counts(reports, now))
        if inbound:
            await connection.execute(STORE_INBOUND, [account_id, [_sealed_inbound(message) for message in inbound]])
    return sum(1 for report in reports if report.target is None)


async def rematch(connection: Connection, *, account_id: int, within_s: float) -> int:
    """Early receipts whose text's answer is recorded by now find their message; answers how many did."""
    now = datetime.now(UTC)
    async with connection.transaction():
        cursor = await connection.execute(WITHOUT_MESSAGE, [account_id, within_s, REMATCH_LIMIT])
        rows = await cursor.fetchall()
        if not rows:
            return 0
        targets = await _match(connection, account_id, {row[1] for row in rows})
        reports: list[Report] = []
        given: list[tuple[int, int, int]] = []
        for receipt_id, carrier_id, status, code, reason, _ in rows:
            found = targets.get(carrier_id)
            if found is not None:
                reports.append(Report(ReceiptStatus(status), code, reason, found[0], found[1]))
                given.append((receipt_id, found[0].message_id, found[0].tenant_id))
        if given:
            await connection.execute(GIVE_MESSAGE, [list(column) for column in zip(*given, strict=True)])
            await _apply(connection, reports, now)
    return len(given)


async def _match(connection: Connection, account_id: int, carrier_ids: set[str]) -> dict[str, tuple[Target, int]]:
    """Carrier id → message and part. Where a carrier used an id twice, the newest message has it."""
    carrier_ids.discard("")
    if not carrier_ids:
        return {}
    found: dict[str, tuple[Target, int]] = {}
    cursor = await connection.execute(BY_CARRIER_ID, [account_id, list(carrier_ids)], binary=True)
    for carrier_id, *row in await cursor.fetchall():
        found[carrier_id] = (_target(row), 1)
    missing = [carrier_id for carrier_id in carrier_ids if carrier_id not in found]
    if missing:
        found |= await _match_parts(connection, account_id, missing)
    return found


async def _match_parts(
    connection: Connection, account_id: int, carrier_ids: list[str]
) -> dict[str, tuple[Target, int]]:
    cursor = await connection.execute(BY_PART, [account_id, carrier_ids])
    targets: dict[int, Target] = {}
    found: dict[str, tuple[Target, int]] = {}
    for carrier_id, *row, part in await cursor.fetchall():
        target = targets.setdefault(row[0], _target(row))
        found[carrier_id] = (target, part)
    if targets:
        cursor = await connection.execute(PARTS_OF, [list(targets)])
        for message_id, part, state in await cursor.fetchall():
            targets[message_id].part_states[part] = Status(state)
    return found


async def _match_unknown(
    connection: Connection, account_id: int, receipts: Sequence[Receipt], rings: Rings
) -> dict[str, tuple[Target, int]]:
    """A text whose answer was lost has no carrier id: its receipt is known by number and reference, or by number alone
    where only one unknown text went there."""
    cursor = await connection.execute(UNKNOWN_CANDIDATES, [account_id, CANDIDATES_LIMIT])
    by_number: dict[str, list[Target]] = defaultdict(list)
    for *row, sealed in await cursor.fetchall():
        ring = await rings.of(connection, row[1])
        by_number[ring.open_fields(MESSAGE_TABLE, sealed)["to"]].append(_target(row))
    found: dict[str, tuple[Target, int]] = {}
    for receipt in receipts:
        candidates = by_number.get(receipt.to, []) if receipt.to and receipt.carrier_id else []
        if receipt.reference is not None:
            candidates = [target for target in candidates if target.message_id % REFERENCES == receipt.reference]
        if len(candidates) == 1 and receipt.carrier_id not in found:
            found[receipt.carrier_id] = (candidates[0], 1)
    if not found:
        return found
    cursor = await connection.execute(LOCK_IF_UNKNOWN, [[target.message_id for target, _ in found.values()]])
    still = {message_id for (message_id,) in await cursor.fetchall()}
    found = {carrier_id: match for carrier_id, match in found.items() if match[0].message_id in still}
    for carrier_id, (target, _) in found.items():
        await connection.execute(ADOPT, [carrier_id, target.message_id])
    return found


def _target(row: Sequence[Any]) -> Target:
    message_id, tenant_id, campaign_id, state, parts, accepted_at, reason = row
    return Target(message_id, tenant_id, campaign_id, Status(state), parts, accepted_at, reason or "")


def _report(receipt: Receipt, targets: dict[str, tuple[Target, int]]) -> Report:
    target, part = targets.get(receipt.carrier_id, (None, 1))
    return Report(receipt.status, receipt.code, receipt.reason, target, part)


async def _store(
    connection: Connection, account_id: int, receipts: Sequence[Receipt], reports: Sequence[Report], now: datetime
) -> None:
    service = keys.service()
    seal, keyed_hash = service.sealer(RECEIPT_TABLE), service.hasher("phone")
    await connection.execute(
        STORE,
        [
            account_id,
            now,
            [receipt.carrier_id for receipt in receipts],
            [receipt.status.value for receipt in receipts],
            [receipt.code for receipt in receipts],
            [receipt.reason for receipt in receipts],
            [receipt.done_at for receipt in receipts],
            [receipt.reference for receipt in receipts],
            [keyed_hash(receipt.to) if receipt.to else None for receipt in receipts],
            [seal(receipt.raw) for receipt in receipts],
            [report.target.tenant_id if report.target else None for report in reports],
            [report.target.message_id if report.target else None for report in reports],
        ],
    )


async def _apply(connection: Connection, reports: Sequence[Report], now: datetime) -> None:
    touched: dict[int, Target] = {}
    parts: dict[tuple[int, int], tuple[Status, Report]] = {}
    for report in reports:
        target, status = report.target, STATUS.get(report.status)
        if target is None or status is None:
            continue
        if target.parts > 1 and target.part_states:
            status = _enter_part(target, report, status, parts)
        new = _next_state(target, status)
        if new is not target.new:
            target.new = new
            target.reason = (report.reason or None) if new in NOT_REACHED else None
            target.code = report.code or None
            touched[target.message_id] = target
    if parts:
        rows = [
            (message, part, int(state), report.reason or None, report.code or None)
            for (message, part), (state, report) in parts.items()
        ]
        await connection.execute(APPLY_PARTS, [list(column) for column in zip(*rows, strict=True)])
    if touched:
        await _write_targets(connection, [touched[key] for key in sorted(touched)], now)


def _next_state(target: Target, status: Status | None) -> Status:
    """For a text of several parts ``status`` is already the sum of what is known, and replaces an earlier sum."""
    if status is None:
        return target.new
    if target.parts > 1 and target.part_states and target.new in RECEIPT_ORDER:
        return status
    return after_receipt(target.new, status)


def _enter_part(
    target: Target, report: Report, status: Status, parts: dict[tuple[int, int], tuple[Status, Report]]
) -> Status | None:
    """Enter a part's receipt; answers the state of the whole text once its parts say one that a receipt can give."""
    old = target.part_states.get(report.part, Status.SENDING)
    new = after_receipt(old, status)
    if new is not old:
        target.part_states[report.part] = new
        parts[target.message_id, report.part] = (new, report)
    known = [target.part_states.get(part, Status.SENDING) for part in range(1, target.parts + 1)]
    whole = of_parts(known)
    return whole if whole in STATUS.values() else None


async def _write_targets(connection: Connection, targets: Sequence[Target], now: datetime) -> None:
    await connection.execute(
        APPLY,
        [
            [target.message_id for target in targets],
            [int(target.new) for target in targets],
            [target.reason for target in targets],
            [target.code for target in targets],
            [now] * len(targets),
        ],
    )
    moves: Moves = defaultdict(int)
    follow_ups: dict[tuple[int, FollowUpKind], list[int]] = defaultdict(list)
    for target in targets:
        old_reason = target.old_reason if target.old in NOT_REACHED else ""
        moves[target.tenant_id, target.campaign_id, target.old, old_reason] -= 1
        moves[target.tenant_id, target.campaign_id, target.new, target.reason or ""] += 1
        if target.new in NOT_REACHED and target.old not in NOT_REACHED:
            follow_ups[target.tenant_id, FollowUpKind.NOT_REACHED].append(target.message_id)
        elif target.new is Status.DELIVERED and (target.old in NOT_REACHED or target.old is Status.UNKNOWN):
            follow_ups[target.tenant_id, FollowUpKind.REACHED_LATE].append(target.message_id)
    await write_moves(connection, moves)
    for (tenant_id, kind), message_ids in follow_ups.items():
        await connection.execute(ADD_FOLLOW_UPS, [kind, False, message_ids, tenant_id])


def _counts(reports: Iterable[Report], now: datetime) -> CarrierCounts:
    counts: CarrierCounts = {}
    for report in reports:
        key = ("receipt", report.status.value)
        n, delay = counts.get(key, (0, 0))
        accepted_at = report.target.accepted_at if report.target else None
        delay += max(0, int((now - accepted_at).total_seconds() * 1000)) if accepted_at else 0
        counts[key] = (n + 1, delay)
    return counts


def _sealed_inbound(message: Inbound) -> bytes:
    fields = {"sender": message.sender, "to": message.to, "text": message.text, "raw": message.raw.hex()}
    return keys.service().seal(INBOUND_TABLE, orjson.dumps(fields))
