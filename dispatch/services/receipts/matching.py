"""Which message a stored receipt is about: by the carrier's id, else by number and reference where the answer was lost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import structlog

from carriers.base import Receipt
from dispatch.services.sending.claims import MESSAGE_TABLE, Rings
from dispatch.services.sending.database import Connection
from dispatch.services.sending.parts import REFERENCES
from dispatch.states import Status
from tenants import keys
from tenants.sealing import SealBroken

log = structlog.get_logger()
CANDIDATES_LIMIT: Final = 5_000

BY_CARRIER_ID: Final = """
SELECT m.carrier_id, m.id, m.tenant_id, m.campaign_id, m.state, m.parts, m.accepted_at, m.reason
FROM dispatch_carrierid c JOIN dispatch_message m USING (account_id, carrier_id)
WHERE c.account_id = %s AND c.carrier_id = ANY(%b::text[]) AND m.id = c.message_id ORDER BY m.id FOR NO KEY UPDATE OF m
"""
BY_PART: Final = """
SELECT p.carrier_id, m.id, m.tenant_id, m.campaign_id, m.state, m.parts, m.accepted_at, m.reason, p.part
FROM dispatch_messagepart p JOIN dispatch_message m ON m.id = p.message_id
WHERE p.account_id = %s AND p.carrier_id = ANY(%b::text[]) ORDER BY m.id FOR NO KEY UPDATE OF m
"""
PARTS_OF: Final = """
SELECT message_id, part, state FROM dispatch_messagepart WHERE message_id = ANY(%b::bigint[]) ORDER BY message_id, part
"""
UNKNOWN_CANDIDATES: Final = """
SELECT m.id, m.tenant_id, m.campaign_id, m.state, m.parts, m.accepted_at, m.reason, m.sealed, m.created_at
FROM dispatch_followup f JOIN dispatch_message m ON m.id = f.message_id
WHERE f.kind = 3 AND m.account_id = %s AND m.state = 3 AND m.parts = 1 ORDER BY m.id LIMIT %s
"""
LOCK_IF_UNKNOWN: Final = (
    "SELECT id FROM dispatch_message WHERE id = ANY(%b::bigint[]) AND state = 3 ORDER BY id FOR NO KEY UPDATE"
)
ADOPT: Final = """
WITH adopted AS (
    UPDATE dispatch_message SET carrier_id = %s WHERE id = %s AND carrier_id IS NULL RETURNING account_id, carrier_id, id
)
INSERT INTO dispatch_carrierid (account_id, carrier_id, message_id) SELECT * FROM adopted ON CONFLICT DO NOTHING
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
class Trace:
    """By what a receipt is known whose text's answer, and with it the carrier's id, was lost."""

    carrier_id: str
    to_hash: bytes
    reference: int | None
    received_at: datetime


Candidates = dict[bytes, list[tuple[Target, datetime]]]
"""Hash of the number → the unknown texts that went there, and when each was made."""


async def match(connection: Connection, account_id: int, carrier_ids: set[str]) -> dict[str, tuple[Target, int]]:
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


async def unknown_candidates(connection: Connection, account_id: int, rings: Rings) -> Candidates:
    cursor = await connection.execute(UNKNOWN_CANDIDATES, [account_id, CANDIDATES_LIMIT])
    keyed_hash = keys.service().hasher("phone")
    candidates: Candidates = defaultdict(list)
    for *row, sealed, created_at in await cursor.fetchall():
        ring = await rings.of(connection, row[1])
        try:
            number = ring.open_fields(MESSAGE_TABLE, sealed)["to"]
        except (SealBroken, KeyError, ValueError) as exc:  # no reason to refuse the receipts of others
            log.error("message.not_opened", message_id=row[0], error=type(exc).__name__)
            continue
        candidates[keyed_hash(number)].append((_target(row), created_at))
    return candidates


def traces_of(receipts: Sequence[Receipt], now: datetime) -> list[Trace]:
    keyed_hash = keys.service().hasher("phone")
    return [Trace(item.carrier_id, keyed_hash(item.to), item.reference, now) for item in receipts if item.to]


async def match_unknown(
    connection: Connection, candidates: Candidates, traces: Sequence[Trace]
) -> dict[str, tuple[Target, int]]:
    """A text whose answer was lost has no carrier id: its receipt is known by number and reference, or by number alone
    where only one unknown text went there."""
    found: dict[str, tuple[Target, int]] = {}
    for trace in traces:
        targets = [
            target for target, created_at in candidates.get(trace.to_hash, []) if created_at <= trace.received_at
        ]
        if trace.reference is not None:
            targets = [target for target in targets if target.message_id % REFERENCES == trace.reference]
        if len(targets) == 1 and trace.carrier_id and trace.carrier_id not in found:
            found[trace.carrier_id] = (targets[0], 1)
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
