"""Step 4: one page to read aloud, and the presses that follow from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from dispatch.forms import TYPED_ABOVE, SendForm
from dispatch.models import Campaign, CampaignState
from dispatch.services import campaigns
from dispatch.services.campaigns import approval, departure
from dispatch.services.previews import SURVEYED, preview_of
from dispatch.views.drafts import INVALID, campaign_or_404, sees_people, tenant_of
from recipients.selectors import roster_page
from tenants.account.fresh import must_be_fresh
from tenants.actors import Actor
from tenants.errors import Refused
from tenants.middleware import actor_for
from tenants.pages import GET, POST, page
from tenants.permissions import Permission
from tenants.viewing import record_listed

Act = Callable[..., Campaign]


@page(Permission.READ_CAMPAIGNS, methods=GET)
@never_cache
def campaign_check(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Who, what, when, for how much, and who approves."""
    campaign = campaign_or_404(request, public_id)
    if campaign.state not in campaigns.EDITABLE:
        return redirect("campaign", public_id=public_id)
    if _is_stale(campaign):
        campaigns.prepare_campaign(campaign=campaign)
    context = _check_context(request, campaign)
    record_listed(
        request,
        what="check",
        count=len(context["preview"].texts),
        object_id=str(campaign.public_id),
        department_id=campaign.department_id,
    )
    return render(request, "dispatch/check.html", context)


def _is_stale(campaign: Campaign) -> bool:
    """The roster was mended since the draft was counted, and is small enough to be counted while one waits."""
    roster = campaign.roster
    return not campaigns.is_as_its_roster(campaign) and roster.sms <= campaigns.INLINE_ROWS


def _check_context(request: HttpRequest, campaign: Campaign, *, form: SendForm | None = None) -> dict[str, Any]:
    actor, tenant, now = actor_for(request), tenant_of(request), timezone.now()
    problems = roster_page.problems_of(campaign.roster, actor)
    leaves_at = departure.departure_time(campaign, tenant=tenant, now=now)
    return {
        "campaign": campaign,
        "roster": campaign.roster,
        "tiles": [
            {"key": "sms", "count": campaign.sms_rows},
            {"key": "call", "count": campaign.call_rows},
            {"key": "error", "count": campaign.error_rows},
            *([{"key": "skip", "count": campaign.skip_rows}] if campaign.skip_rows else []),
        ],
        "preview": preview_of(
            roster=campaign.roster, text=campaign.text, tenant=tenant, limit=SURVEYED, campaign=campaign
        ),
        "sees_people": sees_people(request, campaign),
        "cost_yen": campaign.cost_millicents // 100_000,
        "is_counting": campaign.sms_rows > 0 and campaign.parts == 0,
        "problems": problems,
        "is_open": any(problem.is_open for problem in problems),
        "leaves_at": leaves_at,
        "is_outside_hours": not campaign.send_at and leaves_at > now,
        "hours": departure.hours_of(tenant),
        "form": form or _send_form(request, campaign),
        "must_type": campaign.sms_rows > TYPED_ABOVE,
        "may_edit": actor.may(Permission.EDIT_CAMPAIGNS, department_id=campaign.department_id),
        **_approval_context(campaign, actor, requires_approval=tenant.requires_approval),
    }


def _approval_context(campaign: Campaign, actor: Actor, *, requires_approval: bool) -> dict[str, Any]:
    """``step`` is the one thing to do next: send, ask, wait, approve or look."""
    may_send = actor.may(Permission.SEND, department_id=campaign.department_id)
    is_valid = campaign.state == CampaignState.APPROVED and approval.is_approval_valid(campaign)
    if not requires_approval or is_valid:
        step = "send" if may_send else "look"
    elif actor.may(Permission.APPROVE, department_id=campaign.department_id) and not approval.has_written(
        campaign, actor
    ):
        step = "approve"
    elif campaign.approval_asked_at and campaign.state == CampaignState.DRAFT:
        step = "wait"
    else:
        step = "ask" if may_send else "look"
    return {
        "step": step,
        "requires_approval": requires_approval,
        "is_approved": is_valid,
        "was_approved": campaign.state == CampaignState.APPROVED and not is_valid,
    }


def _send_form(request: HttpRequest, campaign: Campaign, data: Any = None) -> SendForm:
    may_override = actor_for(request).may(Permission.SETTINGS, department_id=campaign.department_id)
    return SendForm(data, people=campaign.sms_rows, may_override=may_override)


@page(Permission.SEND, methods=POST)
def campaign_send(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """A second press finds the campaign under way and changes nothing."""
    campaign = campaign_or_404(request, public_id)
    form = _send_form(request, campaign, request.POST)
    if campaign.state in campaigns.EDITABLE and not form.is_valid():
        return render(request, "dispatch/check.html", _check_context(request, campaign, form=form), status=INVALID)
    _must_be_sure(request, campaign)
    reason = form.cleaned_data.get("override_reason", "") if form.is_valid() else ""
    return _act(request, campaign, campaigns.send_campaign, "", override_reason=reason)


@page(Permission.EDIT_CAMPAIGNS, methods=POST)
def campaign_request_approval(request: HttpRequest, public_id: UUID) -> HttpResponse:
    said = _("承認を依頼しました。このページのアドレスを承認者に送れば、そのまま確かめてもらえます。")
    return _act(request, campaign_or_404(request, public_id), campaigns.request_approval, said)


@page(Permission.APPROVE, methods=POST)
def campaign_approve(request: HttpRequest, public_id: UUID) -> HttpResponse:
    campaign = campaign_or_404(request, public_id)
    _must_be_sure(request, campaign)
    return _act(request, campaign, campaigns.approve_campaign, _("承認しました。担当者が送信できます。"))


@page(Permission.SEND, methods=POST)
def campaign_pause(request: HttpRequest, public_id: UUID) -> HttpResponse:
    said = _("一時停止しました。まだ送っていない人への送信を止めています。")
    return _act(request, campaign_or_404(request, public_id), campaigns.pause_campaign, said)


@page(Permission.SEND, methods=POST)
def campaign_resume(request: HttpRequest, public_id: UUID) -> HttpResponse:
    said = _("送信を再開しました。")
    return _act(request, campaign_or_404(request, public_id), campaigns.resume_campaign, said)


@page(Permission.SEND, methods=POST)
def campaign_cancel(request: HttpRequest, public_id: UUID) -> HttpResponse:
    said = _("中止しました。まだ送っていない人には送りません。架電リストはそのまま残ります。")
    return _act(request, campaign_or_404(request, public_id), campaigns.cancel_campaign, said)


def _must_be_sure(request: HttpRequest, campaign: Campaign) -> None:
    """A mass send, and the approval of one, want the second factor proved just now. Raises ``ProofWanted``."""
    if campaign.state in campaigns.EDITABLE and campaign.sms_rows >= settings.MASS_SEND_PEOPLE:
        must_be_fresh(request)


def _act(request: HttpRequest, campaign: Campaign, act: Act, said: str, **given: Any) -> HttpResponse:
    """Do it, and say so or say why not, on the campaign's page."""
    try:
        campaign = act(campaign=campaign, by=actor_for(request), now=timezone.now(), **given)
    except Refused as refused:
        messages.error(request, str(refused.user_message))
    else:
        if said:
            messages.success(request, said)
    route = "campaign_check" if campaign.state in campaigns.EDITABLE else "campaign"
    return redirect(route, public_id=campaign.public_id)
