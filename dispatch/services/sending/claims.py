"""Taking, recovering and releasing batches: one row changed on condition of its old state, never a thousand messages.

All of this runs as the carrier's role, on the pump's own connection, by the database's clock.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from dispatch.models import BatchState, EventKind, FollowUpKind, Policy
from dispatch.services.sending.database import Connection
from dispatch.services.sending.parts import ClaimedBatch, Part, Text, seq_and_part, slot_of
from dispatch.services.sending.tallies import Moves, write_moves
from dispatch.states import Status
from tenants.keys import RING_S, ROWS_OF, build_ring
from tenants.sealing import KeyRing, SealBroken

log = structlog.get_logger()

LEASE_S: Final = 10
MAX_TRIES: Final = 3
MAX_REPEATS: Final = 5
REPEAT_WITHIN: Final = timedelta(hours=1)  # with MAX_REPEATS well within the day that a carrier must keep a key
MESSAGE_TABLE: Final = "dispatch_message"

CLAIM: Final = """
WITH best AS (
    SELECT b.id, b.lease_until > clock_timestamp() - %(repeat_within)s AS is_fresh
    FROM dispatch_batch b
    LEFT JOIN dispatch_tenantturn t ON t.account_id = b.account_id AND t.tenant_id = b.tenant_id
    WHERE b.account_id = %(account_id)s AND b.priority >= %(floor)s AND b.due_at <= clock_timestamp()
      AND (b.state = 0 OR (b.state = 1 AND b.lease_until < clock_timestamp()))
    ORDER BY b.priority DESC, t.served_at NULLS FIRST, b.due_at, b.id
    LIMIT 1
    FOR NO KEY UPDATE OF b SKIP LOCKED
)
UPDATE dispatch_batch b
SET state = 1, epoch = b.epoch + 1, holder = %(holder)s, tries = b.tries + 1,
    lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s)
FROM best WHERE b.id = best.id
RETURNING b.id, b.tenant_id, b.campaign_id, b.priority, b.policy, b.epoch, b.in_flight, b.stop, b.tries, best.is_fresh
"""
TAKE_TURN: Final = """
INSERT INTO dispatch_tenantturn (account_id, tenant_id, served_at) VALUES (%s, %s, clock_timestamp())
ON CONFLICT (account_id, tenant_id) DO UPDATE SET served_at = excluded.served_at
"""
LOAD: Final = "SELECT id, seq, parts, sealed FROM dispatch_message WHERE batch_id = %s AND state = 0 ORDER BY seq"
LOAD_PARTS: Final = """
SELECT message_id, part, state FROM dispatch_messagepart WHERE message_id = ANY(%b::bigint[])
"""
RELEASE: Final = """
UPDATE dispatch_batch SET state = %s, in_flight = '{}', lease_until = NULL, holder = '', stop = NULL, tries = 0
WHERE id = %s AND epoch = %s
"""
SET_ASIDE_BATCH: Final = """
UPDATE dispatch_batch SET state = 5, lease_until = NULL, holder = '', error = %s WHERE id = %s AND epoch = %s
"""
SET_ASIDE_MESSAGE: Final = """
UPDATE dispatch_message SET state = 5, reason = 'set_aside', final_at = clock_timestamp()
WHERE id = ANY(%b::bigint[]) AND state = 0 RETURNING id
"""
IN_FLIGHT_MESSAGES: Final = """
SELECT id, seq, parts, tries, state FROM dispatch_message WHERE batch_id = %s AND seq = ANY(%b::int[]) ORDER BY id FOR NO KEY UPDATE
"""
MARK_UNKNOWN: Final = "UPDATE dispatch_message SET state = 3 WHERE id = ANY(%b::bigint[]) AND state = 0 RETURNING id"
MARK_PARTS_UNKNOWN: Final = """
INSERT INTO dispatch_messagepart (tenant_id, message_id, part, state, account_id)
SELECT %s, u.message_id, u.part, 3, %s FROM unnest(%b::bigint[], %b::smallint[]) AS u (message_id, part)
ON CONFLICT (tenant_id, message_id, part) DO NOTHING
"""
COUNT_RESEND: Final = "UPDATE dispatch_message SET tries = tries + 1 WHERE id = ANY(%b::bigint[]) AND state = 0"
KEEP_IN_FLIGHT: Final = "UPDATE dispatch_batch SET in_flight = %b::int[] WHERE id = %s AND epoch = %s"
ADD_EVENTS: Final = """
INSERT INTO dispatch_messageevent (tenant_id, message_id, at, kind, detail)
SELECT %s, u.id, clock_timestamp(), %s, %s FROM unnest(%b::bigint[]) AS u (id)
"""
ADD_FOLLOW_UPS: Final = """
INSERT INTO dispatch_followup (tenant_id, message_id, kind, due_at, tries)
SELECT t.id, u.id, %s::smallint,
    clock_timestamp() + CASE WHEN %s THEN make_interval(hours => t.unknown_deadline_hours::int) ELSE interval '0' END, 0
FROM unnest(%b::bigint[]) AS u (id), tenants_tenant t WHERE t.id = %s
"""
ABANDON: Final = """
UPDATE dispatch_batch SET in_flight = %b::int[], lease_until = clock_timestamp() WHERE id = %s AND epoch = %s
"""
CANCEL_REST: Final = """
UPDATE dispatch_message SET state = 4, final_at = clock_timestamp() WHERE batch_id = %s AND state = 0 RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who claims, and for which account. ``is_idempotent``: the carrier takes no key twice, so a part may be repeated."""

    account_id: int
    name: str
    is_idempotent: bool = False


class Rings:
    """Tenants' keys, read as the carrier's role, once a minute."""

    def __init__(self) -> None:
        self._rings: dict[int, tuple[float, KeyRing]] = {}

    async def of(self, connection: Connection, tenant_id: int) -> KeyRing:
        read_at, found = self._rings.get(tenant_id, (0.0, None))
        if found is None or time.monotonic() - read_at > RING_S:
            cursor = await connection.execute(ROWS_OF, [tenant_id])
            rows = [(number, purpose, wrapped, seals) for number, purpose, wrapped, seals in await cursor.fetchall()]
            found = build_ring(tenant_id, rows)
            self._rings[tenant_id] = time.monotonic(), found
        return found


async def claim(connection: Connection, holder: Holder, rings: Rings, *, floor: int = 0) -> ClaimedBatch | None:
    """The best due batch of at least priority ``floor``, loaded and recovered from a holder that died; None without one.

    A batch that brought three holders down in a row is set aside (``BatchState.STUCK``) and the next one is taken.
    """
    while True:
        async with connection.transaction():
            names = {"account_id": holder.account_id, "floor": floor, "holder": holder.name, "lease_s": LEASE_S}
            cursor = await connection.execute(CLAIM, {**names, "repeat_within": REPEAT_WITHIN})
            row = await cursor.fetchone()
            if row is None:
                return None
            batch_id, tenant_id, campaign_id, priority, policy, epoch, in_flight, stop, tries, is_fresh = row
            batch = ClaimedBatch(batch_id, tenant_id, campaign_id, priority, policy, epoch, stop=stop)
            await connection.execute(TAKE_TURN, [holder.account_id, tenant_id])
            if in_flight:
                await recover(connection, batch, in_flight, holder=holder, is_fresh=bool(is_fresh))
            if tries > MAX_TRIES:
                await connection.execute(SET_ASIDE_BATCH, [f"given up after {MAX_TRIES} tries", batch_id, epoch])
                log.error("batch.set_aside", batch_id=batch_id)
                continue
            await load(connection, batch, rings)
        return batch


async def recover(
    connection: Connection, batch: ClaimedBatch, in_flight: Sequence[int], *, holder: Holder, is_fresh: bool
) -> None:
    """The last holder died between intent and record: exactly these parts are unknown.

    Under ``hold`` they stay so until a receipt or a person settles them; under ``resend`` a text goes once more. Where the
    carrier takes no key twice, and still knows those of the last holder (``is_fresh``), they are repeated under either
    policy, and stay in flight until they are answered.
    """
    slots: dict[int, list[int]] = defaultdict(list)
    for slot in in_flight:
        seq, part = seq_and_part(slot)
        slots[seq].append(part)
    cursor = await connection.execute(IN_FLIGHT_MESSAGES, [batch.batch_id, list(slots)])
    may_repeat = holder.is_idempotent and is_fresh and batch.stop is None
    unknown: list[int] = []
    again: list[int] = []
    parts: list[tuple[int, int]] = []
    for message_id, seq, count, tries, state in await cursor.fetchall():
        if state != Status.QUEUED:
            continue  # an early receipt settled it
        if may_repeat and tries < MAX_REPEATS:
            batch.left_open.update(slot_of(seq, part) for part in slots[seq])
            again.append(message_id)
            continue
        if batch.policy == Policy.RESEND and tries == 0 and batch.stop is None:
            again.append(message_id)
            continue
        unknown.append(message_id)
        if count > 1:
            parts += [(message_id, part) for part in slots[seq]]
    batch.intended |= batch.left_open
    await mark_unknown(
        connection, batch, unknown, parts, account_id=holder.account_id, detail="the worker stopped before the answer"
    )
    if again:
        kind = EventKind.REPEATED if batch.left_open else EventKind.RESENT_BY_POLICY
        await connection.execute(COUNT_RESEND, [again])
        await connection.execute(ADD_EVENTS, [batch.tenant_id, kind, "", again])
    await connection.execute(KEEP_IN_FLIGHT, [sorted(batch.left_open), batch.batch_id, batch.epoch])
    log.warning("batch.recovered", batch_id=batch.batch_id, unknown=len(unknown), resent=len(again))


async def mark_unknown(
    connection: Connection,
    batch: ClaimedBatch,
    message_ids: Sequence[int],
    parts: Sequence[tuple[int, int]],
    *,
    account_id: int,
    detail: str,
) -> None:
    """Queued messages become unknown, flagged, with a deadline after which the person is phoned."""
    if not message_ids:
        return
    cursor = await connection.execute(MARK_UNKNOWN, [list(message_ids)])
    changed = [message_id for (message_id,) in await cursor.fetchall()]
    if parts:
        await connection.execute(
            MARK_PARTS_UNKNOWN,
            [batch.tenant_id, account_id, [message for message, _ in parts], [part for _, part in parts]],
        )
    await connection.execute(ADD_EVENTS, [batch.tenant_id, EventKind.UNKNOWN, detail, changed])
    await connection.execute(ADD_FOLLOW_UPS, [FollowUpKind.UNKNOWN_DEADLINE, True, changed, batch.tenant_id])
    moves: Moves = defaultdict(int)
    moves[batch.tenant_id, batch.campaign_id, Status.QUEUED, ""] -= len(changed)
    moves[batch.tenant_id, batch.campaign_id, Status.UNKNOWN, ""] += len(changed)
    await write_moves(connection, moves)


async def load(connection: Connection, batch: ClaimedBatch, rings: Rings) -> None:
    """Open the batch's texts; one that cannot be opened is set aside and its neighbours go on."""
    if batch.stop is not None:
        return
    ring = await rings.of(connection, batch.tenant_id)
    cursor = await connection.execute(LOAD, [batch.batch_id], binary=True)
    texts: list[Text] = []
    broken: list[int] = []
    for message_id, seq, parts, sealed in await cursor.fetchall():
        try:
            fields = ring.open_fields(MESSAGE_TABLE, sealed)
            texts.append(Text(message_id, seq, parts, fields["to"], fields["text"], fields.get("sender", ""), batch))
        except (SealBroken, KeyError, ValueError) as exc:
            log.error("message.set_aside", message_id=message_id, error=type(exc).__name__)
            broken.append(message_id)
    known = await _known_parts(connection, [text.message_id for text in texts if text.parts > 1])
    for text in texts:
        batch.waiting.extend(
            Part(text, part) for part in range(1, text.parts + 1) if (text.message_id, part) not in known
        )
    if broken:
        await _set_aside(connection, batch, broken)


async def _known_parts(connection: Connection, message_ids: Sequence[int]) -> set[tuple[int, int]]:
    if not message_ids:
        return set()
    cursor = await connection.execute(LOAD_PARTS, [list(message_ids)])
    return {(message_id, part) for message_id, part, _ in await cursor.fetchall()}


async def _set_aside(connection: Connection, batch: ClaimedBatch, message_ids: Sequence[int]) -> None:
    cursor = await connection.execute(SET_ASIDE_MESSAGE, [list(message_ids)])
    changed = [message_id for (message_id,) in await cursor.fetchall()]
    await connection.execute(
        ADD_EVENTS, [batch.tenant_id, EventKind.SET_ASIDE, "the text could not be opened", changed]
    )
    await connection.execute(ADD_FOLLOW_UPS, [FollowUpKind.NOT_REACHED, False, changed, batch.tenant_id])
    moves: Moves = defaultdict(int)
    moves[batch.tenant_id, batch.campaign_id, Status.QUEUED, ""] -= len(changed)
    moves[batch.tenant_id, batch.campaign_id, Status.FAILED, "set_aside"] += len(changed)
    await write_moves(connection, moves)


async def release(connection: Connection, batch: ClaimedBatch) -> None:
    """Give the batch back: done, or waiting for the next holder, or as whoever stopped it wanted.

    Parts that are ``left_open`` stay in flight, and the next claim recovers them by the batch's policy.
    """
    if batch.is_lost:
        return
    if batch.left_open:
        await connection.execute(ABANDON, [sorted(batch.left_open), batch.batch_id, batch.epoch])
        return
    async with connection.transaction():
        state = batch.state_after
        released = await connection.execute(RELEASE, [state, batch.batch_id, batch.epoch])
        if state == BatchState.CANCELLED and released.rowcount:
            await _cancel_rest(connection, batch)


async def _cancel_rest(connection: Connection, batch: ClaimedBatch) -> None:
    cursor = await connection.execute(CANCEL_REST, [batch.batch_id])
    cancelled = len(await cursor.fetchall())
    moves: Moves = defaultdict(int)
    moves[batch.tenant_id, batch.campaign_id, Status.QUEUED, ""] -= cancelled
    moves[batch.tenant_id, batch.campaign_id, Status.CANCELLED, ""] += cancelled
    await write_moves(connection, moves)
