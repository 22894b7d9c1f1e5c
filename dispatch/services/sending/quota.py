"""Slots of an account's limit, leased from the account's row: no two binds ever hold the same tenth of a second.

The row says until when the account's capacity is given away. A lease takes the next stretch; one that would begin more than
250 ms from now is refused, so that every bind comes by in turn.
"""

from __future__ import annotations

import time
from typing import Final

from dispatch.pacing import Pacer
from dispatch.services.sending.database import Connection

LEASE: Final = """
WITH clock AS (SELECT clock_timestamp() AS now), account AS (
    SELECT a.id, a.texts_per_s, greatest(a.quota_until, clock.now) AS start
    FROM carriers_carrieraccount a, clock WHERE a.id = %(account_id)s AND a.texts_per_s IS NOT NULL FOR NO KEY UPDATE OF a
)
UPDATE carriers_carrieraccount a
SET quota_until = account.start + make_interval(secs => %(parts)s::float8 / account.texts_per_s)
FROM account, clock
WHERE a.id = account.id AND account.start < clock.now + interval '250 ms'
RETURNING extract(epoch FROM account.start - clock.now)::float8, %(parts)s::float8 / account.texts_per_s
"""


async def top_up(connection: Connection, pacer: Pacer, *, account_id: int) -> None:
    """Lease the next slot where the pacer is about to run out of them."""
    parts = pacer.wants(time.monotonic())
    if not parts:
        return
    cursor = await connection.execute(LEASE, {"account_id": account_id, "parts": parts})
    row = await cursor.fetchone()
    if row is not None:
        starts_in_s, lasts_s = row
        start = time.monotonic() + starts_in_s
        pacer.grant(start=start, end=start + lasts_s, parts=parts)
