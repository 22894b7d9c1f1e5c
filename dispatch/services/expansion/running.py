"""From a roster to messages, batches and calls: one transaction per chunk, taken up where it stopped.

This is the hot path of a sending (aim: 40 µs a row, the server's work included), hence raw tuples and COPY. The rows
of a chunk and the number of the last one are committed together, so a crash loses nothing and doubles nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import structlog
from django.db import connection

from dispatch.models import BatchState, Campaign, CampaignState
from dispatch.selectors.accounts import router_for
from dispatch.services.campaigns.departure import departure_time
from dispatch.services.expansion.planning import Chunk, Planner, planner_for
from dispatch.services.expansion.storing import Placement, store_chunk
from dispatch.services.recipient_rows import read_rows
from dispatch.states import Status
from dispatch.task_names import PUMP
from tenants.context import tenant_scope
from tenants.failpoints import failpoint
from tenants.models import Tenant
from tenants.tasking import enqueue_on_commit

log = structlog.get_logger()

CHUNK_ROWS: Final = 2_000
FIRST_ROWS: Final = 500  # of a campaign's first chunk, so that its first texts leave soon
LEASE_S: Final = 30
MOST_TRIES: Final = 3

_CLAIM: Final = """
    UPDATE dispatch_campaign
    SET expand_lease_until = clock_timestamp() + %s * interval '1 second', expand_tries = expand_tries + 1
    WHERE id = %s AND NOT is_expanded AND started_at IS NOT NULL AND expand_tries < %s
      AND (expand_lease_until IS NULL OR expand_lease_until < clock_timestamp())
    RETURNING id
"""
_GO_ON: Final = """
    UPDATE dispatch_campaign
    SET expanded_row = %s, expanded_parts = expanded_parts + %s, set_aside_rows = set_aside_rows + %s,
        expand_tries = 0, expand_lease_until = clock_timestamp() + %s * interval '1 second'
    WHERE id = %s AND expanded_row = %s
"""
_FINISH: Final = """
    UPDATE dispatch_campaign c
    SET is_expanded = true, expand_lease_until = NULL, sms_rows = found.messages,
        skip_rows = c.skip_rows - c.late_skip_rows + found.skips, late_skip_rows = found.skips,
        call_rows = c.rows - (c.skip_rows - c.late_skip_rows + found.skips) - c.error_rows - found.messages,
        parts = c.expanded_parts, cost_millicents = c.expanded_parts::bigint * %s
    FROM (SELECT
        (SELECT count(*) FROM dispatch_message WHERE tenant_id = %s AND campaign_id = %s) AS messages,
        (SELECT count(*) FROM dispatch_skippedrow WHERE tenant_id = %s AND campaign_id = %s) AS skips) AS found
    WHERE c.id = %s
"""
_RELEASE: Final = "UPDATE dispatch_campaign SET expand_lease_until = NULL WHERE id = %s"

# What becomes of new rows while people have stopped the campaign meanwhile.
BATCH_STATES: Final = {
    CampaignState.PAUSED: BatchState.PAUSED,
    CampaignState.CANCELLED: BatchState.CANCELLED,
}


def expand_campaign(*, tenant_id: int, campaign_id: int, now: datetime) -> int:
    """Write what is missing of a started campaign; the number of rows that were taken up now.

    Harmless to repeat, and by two workers at once: one holds the lease, and the campaign's row serialises the chunks.
    """
    with tenant_scope(tenant_id):
        if not _claim(campaign_id):
            return 0
        campaign = Campaign.objects.select_related("roster").get(pk=campaign_id)
        planner = planner_for(campaign, router=router_for(tenant_id))
    rows = 0
    try:
        while done := _expand_chunk(planner, now=now):
            rows += done
    except Exception:
        with tenant_scope(tenant_id):
            _execute(_RELEASE, [campaign_id])
        raise
    log.info("campaign.expanded", campaign_id=campaign_id, rows=rows)
    return rows


def _claim(campaign_id: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [LEASE_S, campaign_id, MOST_TRIES])
        return cursor.fetchone() is not None


def _expand_chunk(planner: Planner, *, now: datetime) -> int:
    """The number of rows written, 0 at the end of the roster."""
    failpoint("expand.before_chunk")
    with tenant_scope(planner.tenant_id):
        campaign = Campaign.objects.select_for_update(of=("self",), no_key=True).get(pk=planner.campaign_id)
        limit = CHUNK_ROWS if campaign.expanded_row else min(FIRST_ROWS, CHUNK_ROWS)
        rows = read_rows(campaign, after=campaign.expanded_row, limit=limit)
        if not rows:
            _finish(campaign, planner)
            return 0
        chunk = planner.plan_chunk(rows)
        placement = _placement(campaign, planner.tenant, now=now)
        store_chunk(campaign, chunk, placement)
        progress = [rows[-1].row, chunk.billed_parts, chunk.set_aside]
        _execute(_GO_ON, [*progress, LEASE_S, campaign.pk, campaign.expanded_row])
        if placement.batch_state == BatchState.READY:
            _wake_pumps(chunk)
    failpoint("expand.after_chunk")
    return len(rows)


def _placement(campaign: Campaign, tenant: Tenant, *, now: datetime) -> Placement:
    state = BATCH_STATES.get(CampaignState(campaign.state), BatchState.READY)
    return Placement(
        batch_state=state,
        message_state=Status.CANCELLED if state == BatchState.CANCELLED else Status.QUEUED,
        due_at=departure_time(campaign, tenant=tenant, now=now, ignores_hours=campaign.ignores_hours),
    )


def _wake_pumps(chunk: Chunk) -> None:
    for account_id in sorted({batch.account_id for batch in chunk.batches}):
        enqueue_on_commit(PUMP, account_id=account_id)


def _finish(campaign: Campaign, planner: Planner) -> None:
    if not campaign.is_expanded:
        price = planner.tenant.price_per_part_millicents
        _execute(_FINISH, [price, *[campaign.tenant_id, campaign.pk] * 2, campaign.pk])


def _execute(statement: str, parameters: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
