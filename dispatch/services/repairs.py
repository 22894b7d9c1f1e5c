"""What the sweep puts right, one campaign or tenant at a time, in the tenant's scope. Each is harmless to repeat."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import connection

from dispatch.models import BatchState, Call, CallState, Campaign, CampaignState, EventKind, FollowUp, FollowUpKind
from dispatch.selectors.progress import progress_of
from dispatch.services.campaigns.departure import hours_of
from dispatch.services.campaigns.stopping import change_batches, stop_for_good
from dispatch.services.tallies import add_tallies
from dispatch.states import Status
from dispatch.task_names import EXPAND_CAMPAIGN
from tenants.context import current_tenant_id
from tenants.models import Tenant
from tenants.tasking import enqueue_on_commit

log = structlog.get_logger()

NO_RECEIPT: Final = "no_receipt"
EXPIRE_AT_ONCE: Final = 1_000

_HOLD: Final = """
    UPDATE dispatch_batch b
    SET due_at = %(opening)s, stop = CASE WHEN b.state = 1 AND b.stop IS NULL THEN 0 ELSE b.stop END
    FROM dispatch_campaign c
    WHERE b.tenant_id = %(tenant_id)s AND b.state IN (0, 1) AND b.due_at < %(opening)s
      AND c.tenant_id = b.tenant_id AND c.id = b.campaign_id AND NOT c.ignores_hours
"""
_WITH_ACCEPTED: Final = f"""
    SELECT campaign_id FROM dispatch_tally WHERE tenant_id = %s AND state = {int(Status.ACCEPTED)}
    GROUP BY campaign_id HAVING sum(n) > 0
"""  # noqa: S608 - our own constants
_SILENT: Final = f"""
    WITH silent AS (
        SELECT id FROM dispatch_message
        WHERE tenant_id = %(tenant_id)s AND state = {int(Status.ACCEPTED)} AND accepted_at < %(deadline)s
          AND {{whose}}
        LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE dispatch_message m SET state = {int(Status.EXPIRED)}, reason = '{NO_RECEIPT}', final_at = clock_timestamp()
    FROM silent WHERE m.id = silent.id RETURNING m.id
"""  # noqa: S608 - our own constants
_OF_CAMPAIGN: Final = _SILENT.format(whose="campaign_id = %(campaign_id)s")
_OF_NONE: Final = _SILENT.format(
    whose="campaign_id IS NULL AND created_at BETWEEN %(deadline)s - interval '3 days' AND %(deadline)s"
)
_EVENTS: Final = """
    INSERT INTO dispatch_messageevent (tenant_id, message_id, at, kind, detail)
    SELECT %s, u.id, clock_timestamp(), %s, '' FROM unnest(%s::bigint[]) AS u (id)
"""
_FOLLOW_UPS: Final = """
    INSERT INTO dispatch_followup (tenant_id, message_id, kind, due_at, tries)
    SELECT %s, u.id, %s, clock_timestamp(), 0 FROM unnest(%s::bigint[]) AS u (id)
"""


def start_scheduled(*, campaign_id: int, now: datetime) -> bool:
    """The planned instant has come; if the hours have been changed meanwhile, wait for them."""
    campaign = Campaign.objects.select_for_update(of=("self",), no_key=True).get(pk=campaign_id)
    if campaign.state != CampaignState.SCHEDULED or campaign.send_at is None or campaign.send_at > now:
        return False
    tenant = Tenant.objects.get(pk=campaign.tenant_id)
    opening = now if campaign.ignores_hours else hours_of(tenant).opening(now)
    if opening > now:
        campaign.send_at = opening
        campaign.save(update_fields=["send_at"])
        return False
    campaign.state, campaign.started_at = CampaignState.SENDING, now
    campaign.save(update_fields=["state", "started_at"])
    enqueue_on_commit(EXPAND_CAMPAIGN, tenant_id=campaign.tenant_id, campaign_id=campaign.pk)
    return True


def hold_outside_hours(*, now: datetime, soon: datetime) -> None:
    """Nothing leaves outside the tenant's hours: what is left at closing time waits for the next opening.

    ``soon`` is when this is asked again, so that the last texts leave before the hours end and not after.
    """
    hours = hours_of(Tenant.objects.get(pk=current_tenant_id()))
    if hours.is_open(now) and hours.is_open(soon):
        return
    opening = hours.opening(soon)
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, {"tenant_id": current_tenant_id(), "opening": opening})


def align_batches(*, campaign_id: int, now: datetime) -> None:
    """A worker may release a batch as somebody wanted it before somebody else changed their mind."""
    campaign = Campaign.objects.select_for_update(of=("self",), no_key=True).get(pk=campaign_id)
    if campaign.state == CampaignState.CANCELLED:
        stop_for_good(campaign, now=now)
    elif campaign.state == CampaignState.PAUSED:
        change_batches(campaign, free=(BatchState.READY,), to=BatchState.PAUSED, stop=BatchState.PAUSED, due_at=now)
    elif campaign.state == CampaignState.SENDING:
        change_batches(campaign, free=(BatchState.PAUSED,), to=BatchState.READY, stop=None, due_at=now)


def settle_campaign(*, campaign_id: int, now: datetime) -> None:
    """*Sent* when nothing is queued, sending or accepted; *done* when its calls are closed too."""
    campaign = Campaign.objects.get(pk=campaign_id)
    if not campaign.is_expanded:
        return
    if campaign.state == CampaignState.SENDING:
        if progress_of(campaign).waiting:
            return
        Campaign.objects.filter(pk=campaign_id, state=CampaignState.SENDING).update(
            state=CampaignState.SENT, sent_at=now
        )
    if not _has_open_ends(campaign):
        Campaign.objects.filter(pk=campaign_id, state=CampaignState.SENT).update(state=CampaignState.DONE, done_at=now)


def _has_open_ends(campaign: Campaign) -> bool:
    """Calls to be made, and follow-ups that may still become some."""
    if Call.objects.filter(campaign_id=campaign.pk, state=CallState.OPEN).exists():
        return True
    pending = FollowUp.objects.filter(message__campaign_id=campaign.pk)
    settled = pending.filter(kind=FollowUpKind.UNKNOWN_DEADLINE).exclude(message__state=Status.UNKNOWN)
    return pending.exclude(pk__in=settled.values("pk")).exists()


def expire_silent_messages(*, now: datetime) -> int:
    """What the carrier took and never reported on, past the tenant's deadline, counts as expired: the person is phoned.

    A receipt that comes later still wins. The number of messages.
    """
    tenant = Tenant.objects.get(pk=current_tenant_id())
    deadline = now - timedelta(hours=tenant.unknown_deadline_hours)
    with connection.cursor() as cursor:
        cursor.execute(_WITH_ACCEPTED, [tenant.pk])
        campaign_ids = [campaign_id for (campaign_id,) in cursor.fetchall()]
    return sum(_expire_silent(campaign_id, deadline=deadline) for campaign_id in campaign_ids)


def _expire_silent(campaign_id: int | None, *, deadline: datetime) -> int:
    tenant_id = current_tenant_id()
    names = {"tenant_id": tenant_id, "campaign_id": campaign_id, "deadline": deadline, "limit": EXPIRE_AT_ONCE}
    with connection.cursor() as cursor:
        cursor.execute(_OF_NONE if campaign_id is None else _OF_CAMPAIGN, names)
        message_ids = [message_id for (message_id,) in cursor.fetchall()]
        if not message_ids:
            return 0
        cursor.execute(_EVENTS, [tenant_id, EventKind.DEADLINE, message_ids])
        cursor.execute(_FOLLOW_UPS, [tenant_id, FollowUpKind.NOT_REACHED, message_ids])
    number = len(message_ids)
    moves = {(Status.ACCEPTED, ""): -number, (Status.EXPIRED, NO_RECEIPT): number}
    add_tallies(tenant_id=tenant_id, campaign_id=campaign_id, moves=moves)
    log.warning("messages.expired_without_receipt", tenant_id=tenant_id, campaign_id=campaign_id, number=number)
    return number
