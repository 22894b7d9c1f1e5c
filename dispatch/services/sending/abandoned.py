"""Batches whose holder died at an account that nobody serves: without a bind there, no worker would ever recover them.

What was in flight becomes unknown (or goes once more, as the batch's policy says) and is flagged; the rest waits again, and
may go by another account.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import structlog

from dispatch.services.sending.claims import Holder, Rings, load, recover, release
from dispatch.services.sending.database import Connection
from dispatch.services.sending.parts import ClaimedBatch

log = structlog.get_logger()
ABANDONED_AFTER: Final = timedelta(seconds=60)
AT_ONCE: Final = 100

_FIND: Final = """
SELECT b.id FROM dispatch_batch b
JOIN unnest(%b::bigint[], %b::interval[]) AS a (id, patience) ON a.id = b.account_id
WHERE b.state = 1 AND b.lease_until < clock_timestamp() - a.patience ORDER BY b.id LIMIT %s
"""
# The epoch fences whoever may still believe to hold it.
_TAKE: Final = """
WITH left_behind AS (
    SELECT id FROM dispatch_batch WHERE id = %s AND state = 1 AND lease_until < clock_timestamp() - %s::interval
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE dispatch_batch b SET epoch = b.epoch + 1, holder = '' FROM left_behind WHERE b.id = left_behind.id
RETURNING b.tenant_id, b.campaign_id, b.priority, b.policy, b.epoch, b.stop, b.account_id, b.in_flight
"""


async def give_back_abandoned(connection: Connection, patience: Mapping[int, timedelta], *, rings: Rings) -> int:
    """How many batches were given back. ``patience``: how long an account's batches wait for a worker of its own (longer
    where a repeat is safe, so that a text is repeated rather than unknown). One that fails is logged, its neighbours go on."""
    cursor = await connection.execute(_FIND, [list(patience), list(patience.values()), AT_ONCE], binary=True)
    given_back = 0
    for (batch_id,) in await cursor.fetchall():
        try:
            given_back += await _give_back(connection, batch_id, rings)
        except Exception:
            log.exception("batch.not_given_back", batch_id=batch_id)
    return given_back


async def _give_back(connection: Connection, batch_id: int, rings: Rings) -> bool:
    async with connection.transaction():
        cursor = await connection.execute(_TAKE, [batch_id, ABANDONED_AFTER])
        row = await cursor.fetchone()
        if row is None:
            return False
        tenant_id, campaign_id, priority, policy, epoch, stop, account_id, in_flight = row
        batch = ClaimedBatch(batch_id, tenant_id, campaign_id, priority, policy, epoch, stop=stop)
        if in_flight:
            await recover(connection, batch, in_flight, holder=Holder(account_id, ""), is_fresh=False)
        await load(connection, batch, rings)
        await release(connection, batch)
    return True
