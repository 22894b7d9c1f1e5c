"""The press of the button: one sending, however often it is pressed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from dispatch.hours import SendingHours
from dispatch.models import Campaign, CampaignState
from dispatch.selectors.accounts import router_for
from dispatch.services.campaigns.approval import is_approval_valid
from dispatch.services.campaigns.drafts import is_as_its_roster, needs_preparing, prepare_campaign, sending_day
from dispatch.services.campaigns.freezing import freeze_roster
from dispatch.services.campaigns.problems import must_be_confirmed
from dispatch.services.errors import ApprovalRequired, NobodyToReach, NoCarrier, WrongState
from dispatch.task_names import EXPAND_CAMPAIGN
from tenants.actors import Actor
from tenants.errors import NotAllowed
from tenants.models import Tenant
from tenants.permissions import Permission
from tenants.services import record
from tenants.tasking import enqueue_on_commit

GONE = frozenset(
    {
        CampaignState.SCHEDULED,
        CampaignState.SENDING,
        CampaignState.PAUSED,
        CampaignState.SENT,
        CampaignState.DONE,
    }
)


def send_campaign(*, campaign: Campaign, by: Actor, now: datetime, override_reason: str = "") -> Campaign:
    """Send now, or at the planned instant, or when the tenant's hours begin. Pressed again it changes nothing.

    ``override_reason`` sends outside the hours and needs an admin. Raises ``NotAllowed``, ``WrongState``,
    ``ApprovalRequired``, ``NeedsConfirmation`` (with the codes), ``NobodyToReach`` or ``NoCarrier``.
    """
    by.must(Permission.SEND, department_id=campaign.department_id)
    if override_reason and not by.may(Permission.SETTINGS, department_id=campaign.department_id):
        raise NotAllowed(_("送信時間外に送信できるのは管理者だけです。"))
    campaign = (
        Campaign.objects.select_for_update(of=("self",), no_key=True).select_related("roster").get(pk=campaign.pk)
    )
    if campaign.state in GONE:
        return campaign
    tenant = Tenant.objects.get(pk=campaign.tenant_id)
    _freeze(campaign, now=now)
    _check(campaign, tenant=tenant)
    departure = departure_time(campaign, tenant=tenant, now=now, ignores_hours=bool(override_reason))
    state = CampaignState.SCHEDULED if departure > now else CampaignState.SENDING
    fields: dict[str, Any] = {
        "state": state,
        "send_at": departure,
        "as_of": sending_day(departure, now=now),
        "sent_by_id": by.user_id,
        "ignores_hours": bool(override_reason),
        "started_at": now if state == CampaignState.SENDING else None,
    }
    # Whoever presses fifty times at once stands in line at the lock; the condition is the fence behind it.
    if Campaign.objects.filter(pk=campaign.pk, state=campaign.state).update(**fields):
        record(
            action="campaign.sent",
            by=by,
            now=now,
            kind="campaign",
            object_id=str(campaign.public_id),
            department_id=campaign.department_id,
            details={"state": state, "send_at": departure.isoformat(), "override_reason": override_reason[:200]},
        )
        if state == CampaignState.SENDING:
            enqueue_on_commit(EXPAND_CAMPAIGN, tenant_id=campaign.tenant_id, campaign_id=campaign.pk)
    campaign.refresh_from_db()
    return campaign


def departure_time(campaign: Campaign, *, tenant: Tenant, now: datetime, ignores_hours: bool = False) -> datetime:
    """When the first text may leave: the planned instant or now, moved to the next opening of the tenant's hours."""
    planned = max(campaign.send_at or now, now)
    return planned if ignores_hours else hours_of(tenant).opening(planned)


def hours_of(tenant: Tenant) -> SendingHours:
    return SendingHours(start=tenant.send_from, until=tenant.send_until)


def _freeze(campaign: Campaign, *, now: datetime) -> None:
    """From here on nobody mends a row of this roster; what was mended since the draft was made is counted now."""
    freeze_roster(campaign, now=now)
    if not is_as_its_roster(campaign) or needs_preparing(campaign):
        prepare_campaign(campaign=campaign)


def _check(campaign: Campaign, *, tenant: Tenant) -> None:
    if campaign.state == CampaignState.CANCELLED:
        raise WrongState(_("この配信は中止されています。送信するには、新しい配信を作成してください。"))
    must_be_confirmed(campaign)
    if tenant.requires_approval and not (campaign.state == CampaignState.APPROVED and is_approval_valid(campaign)):
        if campaign.state == CampaignState.APPROVED:
            raise ApprovalRequired(_("承認のあとで文面か名簿が変わりました。もう一度、承認を依頼してください。"))
        raise ApprovalRequired
    if campaign.rows == campaign.skip_rows:
        raise NobodyToReach
    if campaign.sms_rows and not router_for(campaign.tenant_id).is_possible:
        raise NoCarrier
