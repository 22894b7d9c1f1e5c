"""Receipts: stored as they came, matched to their message, applied by the order of ``dispatch.states``.

Storing and applying share one transaction, and the carrier hears that a receipt was taken only after its commit. A receipt
without a message is kept: it may be early, and is matched again once the answer to its text is recorded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from carriers.base import Inbound, Receipt, ReceiptStatus
from dispatch.models import FollowUpKind
from dispatch.services.receipts.matching import Target, Trace, match, match_unknown, traces_of, unknown_candidates
from dispatch.services.sending.claims import ADD_FOLLOW_UPS, Rings
from dispatch.services.sending.database import Connection
from dispatch.services.sending.parts import CARRIER_ID_LENGTH, CODE_LENGTH, REFERENCES, fitted_id
from dispatch.services.sending.tallies import CarrierCounts, Moves, write_carrier_counts, write_moves
from dispatch.states import NOT_REACHED, RECEIPT_ORDER, Status, after_receipt, of_parts
from tenants import keys

RECEIPT_TABLE: Final = "carriers_storedreceipt"
INBOUND_TABLE: Final = "carriers_inboundtext"
REMATCH_LIMIT: Final = 1_000

STATUS: Final = {
    ReceiptStatus.DELIVERED: Status.DELIVERED,
    ReceiptStatus.REJECTED: Status.REJECTED,
    ReceiptStatus.UNDELIVERED: Status.UNDELIVERED,
    ReceiptStatus.EXPIRED: Status.EXPIRED,
}

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
WITHOUT_MESSAGE: Final = """
SELECT r.id, r.carrier_id, r.status, r.code, r.reason, r.received_at FROM carriers_storedreceipt r
WHERE r.account_id = %s AND r.message_id IS NULL AND r.received_at > clock_timestamp() - make_interval(secs => %s)
  AND (EXISTS (SELECT 1 FROM dispatch_carrierid c JOIN dispatch_message m USING (account_id, carrier_id)
               WHERE c.account_id = r.account_id AND c.carrier_id = r.carrier_id AND m.id = c.message_id)
    OR EXISTS (SELECT 1 FROM dispatch_messagepart p WHERE p.account_id = r.account_id AND p.carrier_id = r.carrier_id))
ORDER BY r.id LIMIT %s FOR NO KEY UPDATE OF r SKIP LOCKED
"""
HAS_STRAYS: Final = """
SELECT EXISTS (SELECT 1 FROM carriers_storedreceipt r WHERE r.account_id = %s AND r.message_id IS NULL
    AND r.received_at > clock_timestamp() - make_interval(secs => %s))
"""
STRAYS: Final = """
SELECT r.id, r.carrier_id, r.status, r.code, r.reason, r.received_at, r.to_hash, r.reference FROM carriers_storedreceipt r
WHERE r.account_id = %s AND r.message_id IS NULL AND r.received_at > clock_timestamp() - make_interval(secs => %s)
  AND r.to_hash = ANY(%b::bytea[]) ORDER BY r.id LIMIT %s FOR NO KEY UPDATE OF r SKIP LOCKED
"""
GIVE_MESSAGE: Final = """
UPDATE carriers_storedreceipt r SET message_id = u.message_id, tenant_id = u.tenant_id
FROM unnest(%b::bigint[], %b::bigint[], %b::bigint[]) AS u (id, message_id, tenant_id) WHERE r.id = u.id
"""
STORE_INBOUND: Final = """
INSERT INTO carriers_inboundtext (account_id, received_at, sealed)
SELECT %s, clock_timestamp(), u.sealed FROM unnest(%b::bytea[]) AS u (sealed)
"""


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
    receipts = [fitted(receipt) for receipt in receipts]
    async with connection.pipeline(), connection.transaction():
        targets = await match(connection, account_id, {receipt.carrier_id for receipt in receipts})
        unmatched = [receipt for receipt in receipts if receipt.carrier_id not in targets]
        if unmatched:
            candidates = await unknown_candidates(connection, account_id, rings)
            targets |= await match_unknown(connection, candidates, traces_of(unmatched, now)) if candidates else {}
        reports = [_report(receipt, targets) for receipt in receipts]
        if receipts:
            await _store(connection, account_id, receipts, reports, now)
            await _apply(connection, reports, now)
            await write_carrier_counts(connection, account_id, _counts(reports, now))
        if inbound:
            await connection.execute(STORE_INBOUND, [account_id, [_sealed_inbound(message) for message in inbound]])
    return sum(1 for report in reports if report.target is None)


def _fits(receipt: Receipt) -> bool:
    """Whether the database takes what the carrier wrote: one that it refuses would come again and again."""
    return (
        len(receipt.carrier_id) <= CARRIER_ID_LENGTH
        and len(receipt.code) <= CODE_LENGTH
        and "\0" not in receipt.carrier_id + receipt.code
        and (receipt.reference is None or receipt.reference < REFERENCES)
    )


def fitted(receipt: Receipt) -> Receipt:
    """As much of it as can be stored in columns; ``raw`` keeps the whole."""
    if _fits(receipt):
        return receipt
    return replace(
        receipt,
        carrier_id=fitted_id(receipt.carrier_id),
        code=receipt.code.replace("\0", "")[:CODE_LENGTH],
        reference=receipt.reference if (receipt.reference or 0) < REFERENCES else None,
    )


async def rematch(connection: Connection, *, account_id: int, within_s: float, rings: Rings) -> int:
    """Receipts that came before their text's answer was recorded, or before it was known to be unknown, find their message.

    Answers how many did.
    """
    async with connection.transaction():
        cursor = await connection.execute(WITHOUT_MESSAGE, [account_id, within_s, REMATCH_LIMIT])
        rows = await cursor.fetchall()
        targets = await match(connection, account_id, {row[1] for row in rows})
        given = await _give_messages(connection, account_id, rows, targets)
    async with connection.transaction():
        cursor = await connection.execute(HAS_STRAYS, [account_id, within_s])
        has_strays = await cursor.fetchone()
        candidates = await unknown_candidates(connection, account_id, rings) if has_strays == (True,) else {}
        if candidates:
            cursor = await connection.execute(STRAYS, [account_id, within_s, list(candidates), REMATCH_LIMIT])
            rows = await cursor.fetchall()
            traces = [Trace(row[1], bytes(row[6]), row[7], row[5]) for row in rows]
            targets = await match_unknown(connection, candidates, traces)
            given += await _give_messages(connection, account_id, rows, targets)
    return given


async def _give_messages(
    connection: Connection, account_id: int, rows: Sequence[Sequence[Any]], targets: dict[str, tuple[Target, int]]
) -> int:
    """Stored receipts (id, carrier id, status, code, reason, …) get the messages that were found, and are applied."""
    reports: list[Report] = []
    given: list[tuple[int, int, int]] = []
    delays: dict[str, int] = defaultdict(int)
    for receipt_id, carrier_id, status, code, reason, received_at, *_ in rows:
        found = targets.get(carrier_id)
        if found is not None:
            delays[status] += _delay_ms(found[0], received_at)
            reports.append(Report(ReceiptStatus(status), code, reason, found[0], found[1]))
            given.append((receipt_id, found[0].message_id, found[0].tenant_id))
    if given:
        await connection.execute(GIVE_MESSAGE, [list(column) for column in zip(*given, strict=True)])
        await _apply(connection, reports, datetime.now(UTC))
        # They were counted when they were stored; how late they came is known only now.
        counts: CarrierCounts = {("receipt", status): (0, delay_ms) for status, delay_ms in delays.items() if delay_ms}
        await write_carrier_counts(connection, account_id, counts)
    return len(given)


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
        counts[key] = (n + 1, delay + (_delay_ms(report.target, now) if report.target else 0))
    return counts


def _delay_ms(target: Target, at: datetime) -> int:
    return max(0, int((at - target.accepted_at).total_seconds() * 1000)) if target.accepted_at else 0


def _sealed_inbound(message: Inbound) -> bytes:
    fields = {
        "sender": message.sender,
        "to": message.to,
        "text": message.text,
        "part": [message.reference, message.part, message.parts],
        "raw": message.raw.hex(),
    }
    return keys.service().seal(INBOUND_TABLE, orjson.dumps(fields))
