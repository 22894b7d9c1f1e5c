"""Making and changing a draft: a roster and a text, with what it will cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.utils.translation import gettext as _

from dispatch.models import Campaign, CampaignState, Policy, Priority
from dispatch.services.campaigns.freezing import thaw_roster
from dispatch.services.campaigns.survey import INLINE_ROWS, survey
from dispatch.services.errors import BadSendTime, RosterNotReady, TextRefused, UnknownPlaceholder, WrongState
from dispatch.services.recipient_rows import roster_headers
from dispatch.task_names import PREPARE_CAMPAIGN
from recipients.models import Roster
from templates_sms.models import TemplateVersion
from templates_sms.rendering import Renderer, TemplateProblem
from tenants.actors import Actor
from tenants.clock import today
from tenants.context import current_tenant_id
from tenants.models import Department, Tenant
from tenants.permissions import Permission
from tenants.services import record
from tenants.tasking import enqueue_on_commit

EDITABLE = (CampaignState.DRAFT, CampaignState.APPROVED)
LATE_BY: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Words:
    """A text of one's own, or a template's version."""

    text: str
    template_version: TemplateVersion | None = None


def create_campaign(
    *,
    name: str,
    roster: Roster,
    by: Actor,
    now: datetime,
    template_version: TemplateVersion | None = None,
    text: str = "",
    department: Department | None = None,
    send_at: datetime | None = None,
    policy: Policy = Policy.HOLD,
    priority: Priority = Priority.NORMAL,
) -> Campaign:
    """A draft. Its counts are the roster's; parts and cost follow from a task where the roster is large.

    Raises ``NotAllowed``, ``RosterNotReady``, ``TextRefused``, ``UnknownPlaceholder`` or ``BadSendTime``.
    """
    department_id = department.pk if department else roster.department_id
    by.must(Permission.EDIT_CAMPAIGNS, department_id=department_id)
    if not roster.is_ready:
        raise RosterNotReady
    words = checked_words(text=text, template_version=template_version, roster=roster)
    campaign = Campaign(
        name=name.strip() or roster.name,
        roster=roster,
        template_version=words.template_version,
        text=words.text,
        department_id=department_id,
        send_at=checked_send_at(send_at, now=now),
        as_of=sending_day(send_at, now=now),
        policy=policy,
        priority=priority,
        created_by_id=by.user_id,
        created_at=now,
        tenant_id=current_tenant_id(),
    )
    count(campaign)
    campaign.save()
    if needs_preparing(campaign):
        enqueue_on_commit(PREPARE_CAMPAIGN, tenant_id=campaign.tenant_id, campaign_id=campaign.pk)
    _record("campaign.created", campaign, by=by, now=now)
    return campaign


def update_draft(*, campaign: Campaign, by: Actor, now: datetime, **changes: Any) -> Campaign:
    """Change name, text or template_version, send_at, policy or priority. Any change takes an approval back.

    Raises ``NotAllowed``, ``WrongState``, ``TextRefused``, ``UnknownPlaceholder`` or ``BadSendTime``.
    """
    by.must(Permission.EDIT_CAMPAIGNS, department_id=campaign.department_id)
    if "text" in changes or "template_version" in changes:
        words = checked_words(
            text=changes.pop("text", ""), template_version=changes.pop("template_version", None), roster=campaign.roster
        )
        campaign.text, campaign.template_version = words.text, words.template_version
    if "send_at" in changes:
        campaign.send_at = checked_send_at(changes.pop("send_at"), now=now)
        campaign.as_of = sending_day(campaign.send_at, now=now)
    for field in ("name", "policy", "priority"):
        if field in changes:
            setattr(campaign, field, changes.pop(field))
    if changes:
        raise TypeError(f"a draft has no {', '.join(changes)}")
    count(campaign)
    kept = {field: getattr(campaign, field) for field in _EDITED}
    reset = {"state": CampaignState.DRAFT, "approval_hash": None, "approval_asked_at": None}
    reset |= {"approved_by": None, "approved_at": None}
    if not Campaign.objects.filter(pk=campaign.pk, state__in=EDITABLE).update(**kept, **reset):
        raise WrongState(_("この配信はもう変更できません。"))
    for field, value in reset.items():
        setattr(campaign, field, value)
    thaw_roster(campaign)
    if needs_preparing(campaign):
        enqueue_on_commit(PREPARE_CAMPAIGN, tenant_id=campaign.tenant_id, campaign_id=campaign.pk)
    _record("campaign.changed", campaign, by=by, now=now)
    return campaign


_COUNTS = ("rows", "sms_rows", "call_rows", "error_rows", "skip_rows", "late_skip_rows", "parts", "cost_millicents")
_EDITED = ("name", "text", "template_version", "send_at", "as_of", "policy", "priority", *_COUNTS)


def prepare_campaign(*, campaign: Campaign) -> None:
    """Count a draft anew: after its roster was mended, and for large rosters. Harmless to repeat."""
    if campaign.state not in EDITABLE:
        return
    campaign.roster.refresh_from_db()
    count(campaign, inline_rows=None)
    Campaign.objects.filter(pk=campaign.pk, state__in=EDITABLE).update(
        **{field: getattr(campaign, field) for field in _COUNTS}
    )


def count(campaign: Campaign, *, inline_rows: int | None = INLINE_ROWS) -> None:
    """Take the roster's counts, and parts and cost where the roster is small enough. The caller saves."""
    roster = campaign.roster
    campaign.rows, campaign.sms_rows, campaign.call_rows = roster.rows, roster.sms, roster.call
    campaign.error_rows, campaign.skip_rows = roster.error, roster.skip
    campaign.parts = campaign.cost_millicents = campaign.late_skip_rows = 0
    if inline_rows is not None and roster.sms > inline_rows:
        return
    tenant = Tenant.objects.get(pk=campaign.tenant_id)
    found = survey(campaign, tenant=tenant)
    campaign.sms_rows, campaign.call_rows = found.texts, roster.call + found.late_calls
    campaign.late_skip_rows = sum(found.late_skips.values())
    campaign.skip_rows = roster.skip + campaign.late_skip_rows
    campaign.parts = found.parts
    campaign.cost_millicents = found.parts * tenant.price_per_part_millicents


def is_as_its_roster(campaign: Campaign) -> bool:
    """Whether the roster's counts are those that the draft was counted with."""
    roster, late = campaign.roster, campaign.late_skip_rows
    counted = (campaign.rows, campaign.sms_rows + campaign.call_rows + late, campaign.error_rows)
    return (*counted, campaign.skip_rows - late) == (roster.rows, roster.sms + roster.call, roster.error, roster.skip)


def needs_preparing(campaign: Campaign) -> bool:
    return campaign.sms_rows > 0 and campaign.parts == 0


def checked_words(*, text: str, template_version: TemplateVersion | None, roster: Roster) -> Words:
    """The text that goes out. Raises ``TextRefused`` or ``UnknownPlaceholder`` with the names."""
    if template_version is not None and not text:
        text = template_version.text
    if not text.strip():
        raise TextRefused(_("文面を入力するか、文面を選んでください。"), fields={"text": [_("文面がありません。")]})
    try:
        Renderer(text, headers=roster_headers(roster))
    except TemplateProblem as exc:
        kind = UnknownPlaceholder if exc.code == UnknownPlaceholder.code else TextRefused
        raise kind(exc.user_message, code=exc.code, fields={"text": [exc.user_message]}) from exc
    return Words(text=text, template_version=template_version)


def checked_send_at(send_at: datetime | None, *, now: datetime) -> datetime | None:
    """An instant just gone (another clock, a form left open) means at once. Raises ``BadSendTime``."""
    if send_at is not None and send_at <= now - LATE_BY:
        raise BadSendTime(fields={"send_at": [str(BadSendTime.user_message)]})
    return send_at


def sending_day(send_at: datetime | None, *, now: datetime) -> date:
    """The day on which ages are taken."""
    return today(send_at or now)


def _record(action: str, campaign: Campaign, *, by: Actor, now: datetime) -> None:
    record(
        action=action,
        by=by,
        now=now,
        kind="campaign",
        object_id=str(campaign.public_id),
        department_id=campaign.department_id,
        details={"name": campaign.name, "text": campaign.text, "rows": campaign.rows, "sms_rows": campaign.sms_rows},
    )
