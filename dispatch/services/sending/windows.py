"""One window's transaction: the answers of the window before, and the intent for the next.

Before a part leaves, its number stands committed in its batch's ``in_flight``; its answer takes it out. So after a crash
"in ``in_flight``" means unknown, and "without an answer and not in it" means never sent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from psycopg import AsyncCursor

from carriers import reasons
from carriers.base import Outcome, SubmitResult
from dispatch.models import EventKind, FollowUpKind
from dispatch.services.sending.claims import (
    ADD_EVENTS,
    ADD_FOLLOW_UPS,
    LEASE_S,
)
from dispatch.services.sending.database import Connection
from dispatch.services.sending.parts import PARTS_PER_SEQ, STATE_AFTER, ClaimedBatch, Part, Text
from dispatch.services.sending.tallies import CarrierCounts, Moves, write_carrier_counts, write_moves
from dispatch.states import NOT_REACHED, Status, after_receipt

log = structlog.get_logger()

INTEND: Final = """
UPDATE dispatch_batch SET in_flight = %b::int[], tries = 0, lease_until = clock_timestamp() + make_interval(secs => %s)
WHERE id = %s AND epoch = %s AND state = 1 RETURNING stop
"""
ACCEPT: Final = """
WITH changed AS (
    UPDATE dispatch_message m SET state = 2, carrier_id = u.carrier_id, accepted_at = u.at
    FROM unnest(%b::bigint[], %b::text[], %b::timestamptz[]) AS u (id, carrier_id, at)
    WHERE m.id = u.id AND m.state = 0 RETURNING m.id, m.tenant_id, m.campaign_id, m.account_id, m.carrier_id
), named AS (
    INSERT INTO dispatch_carrierid (account_id, carrier_id, message_id)
    SELECT account_id, carrier_id, id FROM changed WHERE carrier_id <> '' ON CONFLICT DO NOTHING
), counted AS (
    INSERT INTO dispatch_tally (tenant_id, campaign_id, minute, state, reason, n)
    SELECT c.tenant_id, c.campaign_id, date_trunc('minute', clock_timestamp()), s.state, '', s.sign * count(*)
    FROM changed c, (VALUES (0::smallint, -1), (2::smallint, 1)) AS s (state, sign)
    GROUP BY c.tenant_id, c.campaign_id, s.state, s.sign
)
SELECT id FROM changed
"""
FINISH: Final = """
UPDATE dispatch_message m
SET state = u.state, accepted_at = u.at, reason = u.reason, code = u.code, final_at = u.final_at
FROM unnest(%b::bigint[], %b::smallint[], %b::timestamptz[], %b::text[], %b::text[], %b::timestamptz[])
    AS u (id, state, at, reason, code, final_at)
WHERE m.id = u.id AND m.state = 0 RETURNING m.id
"""
PARTS: Final = """
INSERT INTO dispatch_messagepart (tenant_id, message_id, part, state, account_id, carrier_id, reason, code, accepted_at)
SELECT u.tenant_id, u.message_id, u.part, u.state, %s, u.carrier_id, u.reason, u.code, u.at
FROM unnest(%b::bigint[], %b::bigint[], %b::smallint[], %b::smallint[], %b::text[], %b::text[], %b::text[], %b::timestamptz[])
    AS u (tenant_id, message_id, part, state, carrier_id, reason, code, at)
ON CONFLICT (tenant_id, message_id, part) DO UPDATE
SET state = excluded.state, carrier_id = excluded.carrier_id, reason = excluded.reason, code = excluded.code,
    accepted_at = excluded.accepted_at
WHERE dispatch_messagepart.state IN (0, 3)
"""
LOCK: Final = (
    "SELECT id, state, carrier_id FROM dispatch_message WHERE id = ANY(%b::bigint[]) ORDER BY id FOR NO KEY UPDATE"
)
SETTLE: Final = """
WITH settled AS (
    UPDATE dispatch_message
    SET state = %(state)s, carrier_id = coalesce(carrier_id, %(carrier_id)s), accepted_at = coalesce(accepted_at, %(at)s),
        reason = CASE WHEN state = %(state)s THEN reason ELSE %(reason)s END,
        code = CASE WHEN state = %(state)s THEN code ELSE %(code)s END,
        final_at = coalesce(final_at, %(final_at)s)
    WHERE id = %(id)s RETURNING account_id, carrier_id, id
)
INSERT INTO dispatch_carrierid (account_id, carrier_id, message_id)
SELECT account_id, carrier_id, id FROM settled WHERE carrier_id <> '' ON CONFLICT DO NOTHING
"""

TROUBLE: Final = ("trouble", "")  # counted beside the error, for the account's health


@dataclass(slots=True)
class Answered:
    """An answer, with the part it is for and the instant it came."""

    part: Part
    result: SubmitResult
    at: datetime


@dataclass(slots=True)
class Window:
    """What one transaction writes."""

    answers: list[Answered]
    batches: Sequence[ClaimedBatch]
    moves: Moves = field(default_factory=lambda: defaultdict(int))
    counts: CarrierCounts = field(default_factory=dict)


async def commit(connection: Connection, window: Window, *, account_id: int) -> None:
    """Record answers and intents in one transaction, in as few round trips as the answers allow.

    A batch that another worker took over meanwhile is marked ``is_lost``: its intents are not committed and nothing
    more of it may leave. Its answers are facts and are recorded all the same.
    """
    accepted, others = _divide(_texts_with_answers(window))
    arrived = {answered.part.key: answered.at for answered in window.answers}
    async with connection.pipeline(), connection.transaction():
        intended = [
            await connection.execute(INTEND, [sorted(batch.intended), LEASE_S, batch.batch_id, batch.epoch])
            for batch in window.batches
        ]
        await _record_parts(connection, window.answers, account_id=account_id)
        taken = await _accept(connection, accepted, arrived)
        await write_carrier_counts(connection, account_id, window.counts)
        late = await _finish(connection, others, arrived, window.moves)
        stops = [await cursor.fetchone() for cursor in intended]
        if taken is not None:
            changed = {message_id for (message_id,) in await taken.fetchall()}
            late += [text for text in accepted if text.message_id not in changed]
        if late:
            await _settle_late(connection, late, arrived, window.moves)
        await write_moves(connection, window.moves)
    for batch, stop in zip(window.batches, stops, strict=True):
        batch.is_lost = stop is None
        batch.stop = stop[0] if stop else batch.stop


def _divide(texts: Sequence[Text]) -> tuple[list[Text], list[Text]]:
    """The common case, a text in one part that the carrier took, and the other texts whose parts are all answered."""
    accepted: list[Text] = []
    others: list[Text] = []
    for text in texts:
        if text.parts == 1 and text.results[1][0] is Status.ACCEPTED:
            accepted.append(text)
        elif text.is_answered:
            others.append(text)
    return accepted, others


def _texts_with_answers(window: Window) -> list[Text]:
    """The texts that this window's answers belong to, with the answers entered; counts what the carrier said."""
    texts: dict[int, Text] = {}
    for answered in window.answers:
        result = answered.result
        kind, code = (
            ("submitted", "") if result.outcome is Outcome.ACCEPTED else ("error", result.code or result.outcome.value)
        )
        n, delay = window.counts.get((kind, code), (0, 0))
        window.counts[kind, code] = (n + 1, delay)
        if _is_trouble(result):
            n, delay = window.counts.get(TROUBLE, (0, 0))
            window.counts[TROUBLE] = (n + 1, delay)
        if result.outcome in STATE_AFTER:
            text = answered.part.text
            text.results[answered.part.part] = (STATE_AFTER[result.outcome], result)
            texts[text.message_id] = text
    return list(texts.values())


def _is_trouble(result: SubmitResult) -> bool:
    """Whether the answer speaks against the account rather than against the text or our pace."""
    if result.outcome is Outcome.FINAL:
        return result.reason in (reasons.CARRIER_TROUBLE, reasons.UNKNOWN_CODE)
    return result.outcome in (Outcome.RETRY, Outcome.UNKNOWN)


async def _record_parts(connection: Connection, answers: Sequence[Answered], *, account_id: int) -> None:
    rows = [
        (
            answered.part.text.batch.tenant_id,
            answered.part.text.message_id,
            answered.part.part,
            int(STATE_AFTER[answered.result.outcome]),
            answered.result.carrier_id or None,
            answered.result.reason or None,
            answered.result.code or None,
            answered.at,
        )
        for answered in answers
        if answered.part.text.parts > 1 and answered.result.outcome in STATE_AFTER
    ]
    if rows:
        await connection.execute(PARTS, [account_id, *(list(column) for column in zip(*rows, strict=True))])


async def _accept(
    connection: Connection, texts: Sequence[Text], arrived: dict[int, datetime]
) -> AsyncCursor[Any] | None:
    """Answers the ids of the texts that were still queued; the others were settled meanwhile."""
    if not texts:
        return None
    carrier_ids = [text.results[1][1].carrier_id for text in texts]
    instants = [arrived[text.message_id * PARTS_PER_SEQ + 1] for text in texts]
    return await connection.execute(ACCEPT, [[text.message_id for text in texts], carrier_ids, instants], binary=True)


async def _finish(
    connection: Connection, texts: Sequence[Text], arrived: dict[int, datetime], moves: Moves
) -> list[Text]:
    if not texts:
        return []
    rows = [(text.message_id, *_ending(text, arrived)) for text in texts]
    cursor = await connection.execute(FINISH, [list(column) for column in zip(*rows, strict=True)])
    changed = {message_id for (message_id,) in await cursor.fetchall()}
    for batch in {text.batch for text in texts}:
        mine = [text for text in texts if text.batch is batch and text.message_id in changed]
        unknown = [text.message_id for text in mine if text.state is Status.UNKNOWN]
        failed = [text.message_id for text in mine if text.state in NOT_REACHED]
        if unknown:
            await connection.execute(ADD_EVENTS, [batch.tenant_id, EventKind.UNKNOWN, "no answer came", unknown])
            await connection.execute(ADD_FOLLOW_UPS, [FollowUpKind.UNKNOWN_DEADLINE, True, unknown, batch.tenant_id])
        if failed:
            await connection.execute(ADD_FOLLOW_UPS, [FollowUpKind.NOT_REACHED, False, failed, batch.tenant_id])
    return _count_changed(texts, changed, moves)


def _ending(
    text: Text, arrived: dict[int, datetime]
) -> tuple[int, datetime | None, str | None, str | None, datetime | None]:
    """(state, accepted_at, reason, code, final_at) of a text whose parts are all answered."""
    state = text.state
    at = _arrival(text, arrived)
    worst = next((result for part_state, result in text.results.values() if part_state is state), None)
    if state is Status.ACCEPTED or worst is None:
        return int(state), at, None, None, None
    return int(state), None, worst.reason or None, worst.code or None, at if state in NOT_REACHED else None


def _arrival(text: Text, arrived: dict[int, datetime]) -> datetime:
    instants = [at for part in text.results if (at := arrived.get(text.message_id * PARTS_PER_SEQ + part)) is not None]
    return max(instants) if instants else datetime.now(UTC)


def _count_changed(texts: Sequence[Text], changed: set[int], moves: Moves) -> list[Text]:
    for text in texts:
        if text.message_id in changed:
            batch, state = text.batch, text.state
            reason = (
                next((r.reason for s, r in text.results.values() if s is state), "") if state in NOT_REACHED else ""
            )
            moves[batch.tenant_id, batch.campaign_id, Status.QUEUED, ""] -= 1
            moves[batch.tenant_id, batch.campaign_id, state, reason] += 1
    return [text for text in texts if text.message_id not in changed]


async def _settle_late(
    connection: Connection, texts: Sequence[Text], arrived: dict[int, datetime], moves: Moves
) -> None:
    """Answers for messages that are no longer queued: unknown since, or ended by an early receipt. Rare."""
    by_id = {text.message_id: text for text in texts}
    cursor = await connection.execute(LOCK, [list(by_id)])
    for message_id, old_value, carrier_id in await cursor.fetchall():
        text, old = by_id[message_id], Status(old_value)
        state, at, reason, code, final_at = _ending(text, arrived)
        new = Status(state)
        if old is not Status.UNKNOWN:
            new = after_receipt(old, new) if new is not Status.ACCEPTED else old
        # An answer without an id leaves it open: a receipt's own is adopted then, and finds the next one of the text.
        own_id = text.results[1][1].carrier_id or None if text.parts == 1 else None
        if new is old and carrier_id == own_id:
            continue  # this very answer was recorded before: the commit's own answer was lost
        await connection.execute(
            SETTLE,
            {
                "state": int(new),
                "carrier_id": own_id,
                "at": at,
                "reason": reason,
                "code": code,
                "final_at": final_at,
                "id": message_id,
            },
        )
        if new is not old:
            batch = text.batch
            moves[batch.tenant_id, batch.campaign_id, old, ""] -= 1
            moves[batch.tenant_id, batch.campaign_id, new, reason or ""] += 1
            await connection.execute(ADD_EVENTS, [batch.tenant_id, EventKind.LATE_ANSWER, "", [message_id]])
