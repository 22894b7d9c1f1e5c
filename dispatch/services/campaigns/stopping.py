"""Pause, resume and cancel: a few statements over the campaign's batches, whatever its size.

A batch that nobody holds is changed at once; one that a worker holds gets ``stop``, the state to end in, which the
worker honours at its next window (RELIABILITY.md row 13).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import connection
from django.utils.translation import gettext as _

from dispatch.models import BatchState, Campaign, CampaignState
from dispatch.services.campaigns.departure import departure_time
from dispatch.services.campaigns.freezing import thaw_roster
from dispatch.services.errors import WrongState
from dispatch.services.tallies import add_tallies
from dispatch.states import Status
from dispatch.task_names import EXPAND_CAMPAIGN, PUMP
from tenants.actors import Actor
from tenants.models import Tenant
from tenants.permissions import Permission
from tenants.services import record
from tenants.tasking import enqueue_on_commit

CANCELLABLE: Final = (
    CampaignState.DRAFT,
    CampaignState.APPROVED,
    CampaignState.SCHEDULED,
    CampaignState.SENDING,
    CampaignState.PAUSED,
)
_STOP_FREE: Final = """
    UPDATE dispatch_batch SET state = %s, due_at = %s
    WHERE tenant_id = %s AND campaign_id = %s AND state = ANY(%s) RETURNING id, account_id
"""
_STOP_HELD: Final = """
    UPDATE dispatch_batch SET stop = %s WHERE tenant_id = %s AND campaign_id = %s AND state = %s
"""
_CANCEL_MESSAGES: Final = f"""
    WITH gone AS (
        UPDATE dispatch_message SET state = {int(Status.CANCELLED)}, final_at = clock_timestamp()
        WHERE tenant_id = %s AND batch_id = ANY(%s) AND state = {int(Status.QUEUED)} RETURNING 1
    )
    SELECT count(*) FROM gone
"""  # noqa: S608 - our own constants


def pause_campaign(*, campaign: Campaign, by: Actor, now: datetime) -> Campaign:
    """No further text leaves after the windows under way. Pressed again it changes nothing.

    Raises ``NotAllowed`` or ``WrongState``.
    """
    by.must(Permission.SEND, department_id=campaign.department_id)
    if not _move(campaign, (CampaignState.SENDING,), CampaignState.PAUSED):
        return _already(campaign, CampaignState.PAUSED, _("送信中ではないため、一時停止できません。"))
    change_batches(campaign, free=(BatchState.READY,), to=BatchState.PAUSED, stop=BatchState.PAUSED, due_at=now)
    return _recorded("campaign.paused", campaign, by=by, now=now)


def resume_campaign(*, campaign: Campaign, by: Actor, now: datetime) -> Campaign:
    """Go on where it stopped, or when the tenant's hours begin. Pressed again it changes nothing.

    Raises ``NotAllowed`` or ``WrongState``.
    """
    by.must(Permission.SEND, department_id=campaign.department_id)
    if not _move(campaign, (CampaignState.PAUSED,), CampaignState.SENDING):
        return _already(campaign, CampaignState.SENDING, _("一時停止中ではないため、再開できません。"))
    tenant = Tenant.objects.get(pk=campaign.tenant_id)
    due_at = departure_time(campaign, tenant=tenant, now=now, ignores_hours=campaign.ignores_hours)
    batches = change_batches(campaign, free=(BatchState.PAUSED,), to=BatchState.READY, stop=None, due_at=due_at)
    for account_id in sorted({account_id for _batch_id, account_id in batches}):
        enqueue_on_commit(PUMP, account_id=account_id)
    if not campaign.is_expanded:
        enqueue_on_commit(EXPAND_CAMPAIGN, tenant_id=campaign.tenant_id, campaign_id=campaign.pk)
    return _recorded("campaign.resumed", campaign, by=by, now=now)


def cancel_campaign(*, campaign: Campaign, by: Actor, now: datetime) -> Campaign:
    """Whoever has no text yet gets none; calls stay on the list. Pressed again it changes nothing.

    Raises ``NotAllowed`` or ``WrongState``.
    """
    by.must(Permission.SEND, department_id=campaign.department_id)
    if not _move(campaign, CANCELLABLE, CampaignState.CANCELLED):
        return _already(campaign, CampaignState.CANCELLED, _("送信はすでに終わっているため、中止できません。"))
    stop_for_good(campaign, now=now)
    if campaign.started_at is None:
        thaw_roster(campaign)
    elif not campaign.is_expanded:
        # The rest of the roster gets its rows too, as cancelled: the sums stay right.
        enqueue_on_commit(EXPAND_CAMPAIGN, tenant_id=campaign.tenant_id, campaign_id=campaign.pk)
    return _recorded("campaign.cancelled", campaign, by=by, now=now)


def stop_for_good(campaign: Campaign, *, now: datetime) -> None:
    """No batch of the campaign goes on, and whoever waits in one that nobody holds is cancelled."""
    free = (BatchState.READY, BatchState.PAUSED)
    batches = change_batches(campaign, free=free, to=BatchState.CANCELLED, stop=BatchState.CANCELLED, due_at=now)
    if batches:
        _cancel_messages(campaign, [batch_id for batch_id, _account_id in batches])


def _move(campaign: Campaign, old: tuple[CampaignState, ...], new: CampaignState) -> bool:
    moved = bool(Campaign.objects.filter(pk=campaign.pk, state__in=old).update(state=new))
    campaign.refresh_from_db()
    return moved


def _already(campaign: Campaign, wanted: CampaignState, sentence: str) -> Campaign:
    if campaign.state != wanted:
        raise WrongState(sentence)
    return campaign


def change_batches(
    campaign: Campaign, *, free: tuple[BatchState, ...], to: BatchState, stop: BatchState | None, due_at: datetime
) -> list[tuple[int, int]]:
    """Free batches go from ``free`` to ``to``: their ids and accounts. Those that are held get ``stop``."""
    whose = [campaign.tenant_id, campaign.pk]
    with connection.cursor() as cursor:
        cursor.execute(_STOP_FREE, [to, due_at, *whose, [int(state) for state in free]])
        changed = [(batch_id, account_id) for batch_id, account_id in cursor.fetchall()]
        cursor.execute(_STOP_HELD, [stop, *whose, BatchState.CLAIMED])
    return changed


def _cancel_messages(campaign: Campaign, batch_ids: list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_CANCEL_MESSAGES, [campaign.tenant_id, batch_ids])
        (number,) = cursor.fetchone()
    moves = {(Status.QUEUED, ""): -number, (Status.CANCELLED, ""): number}
    add_tallies(tenant_id=campaign.tenant_id, campaign_id=campaign.pk, moves=moves)


def _recorded(action: str, campaign: Campaign, *, by: Actor, now: datetime) -> Campaign:
    record(
        action=action,
        by=by,
        now=now,
        kind="campaign",
        object_id=str(campaign.public_id),
        department_id=campaign.department_id,
    )
    return campaign
