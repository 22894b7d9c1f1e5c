"""Step 3 of the main way: choosing and writing the text."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from dispatch.forms import CampaignForm
from dispatch.models import Campaign
from dispatch.selectors.campaigns import visible_campaigns
from dispatch.services import campaigns
from dispatch.services.previews import preview_of
from dispatch.services.recipient_rows import roster_headers
from recipients.models import Roster
from recipients.selectors.rosters import visible_rosters
from templates_sms.models import MessageTemplate, TemplateVersion
from templates_sms.selectors import visible_templates
from tenants.errors import Refused
from tenants.middleware import actor_for
from tenants.models import Tenant
from tenants.pages import BOTH, POST, page
from tenants.permissions import Permission

INVALID = 422


def tenant_of(request: HttpRequest) -> Tenant:
    tenant: Tenant = request.tenant  # type: ignore[attr-defined]  # set by ScopeMiddleware
    return tenant


def sees_people(request: HttpRequest, campaign: Campaign) -> bool:
    """Whoever may not read the roster sees how many, and not who."""
    return actor_for(request).may(Permission.READ_ROSTERS, department_id=campaign.department_id)


def campaign_or_404(request: HttpRequest, public_id: UUID) -> Campaign:
    return get_object_or_404(visible_campaigns(actor_for(request)), public_id=public_id)


def _roster_or_404(request: HttpRequest, public_id: str) -> Roster:
    try:
        return get_object_or_404(visible_rosters(actor_for(request)), public_id=public_id)
    except ValidationError as exc:
        raise Http404 from exc


@page(Permission.EDIT_CAMPAIGNS, methods=BOTH, once=True)
@never_cache
def campaign_new(request: HttpRequest) -> HttpResponse:
    """A text for a roster: from a template, or one's own."""
    roster = _roster_or_404(request, request.GET.get("roster", ""))
    if not roster.is_ready:
        return redirect("roster", public_id=roster.public_id)
    chosen = _chosen_template(request, request.GET.get("template", ""))
    initial = {"name": roster.name, "text": _text_of(chosen) if chosen else "", "template": chosen and chosen.public_id}
    form = CampaignForm(request.POST or None, initial=initial)
    if request.method == "POST" and "preview" not in request.POST and form.is_valid():
        try:
            campaign = campaigns.create_campaign(
                roster=roster, by=actor_for(request), now=timezone.now(), **_given(form, request)
            )
        except Refused as refused:
            _show(refused, form)
        else:
            return redirect("campaign_check", public_id=campaign.public_id)
    return _editor(request, roster, form, chosen=chosen)


@page(Permission.EDIT_CAMPAIGNS, methods=BOTH)
@never_cache
def campaign_edit(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The same page for a draft; whatever changes takes an approval back."""
    campaign = campaign_or_404(request, public_id)
    if campaign.state not in campaigns.EDITABLE:
        return redirect("campaign", public_id=public_id)
    initial = {"name": campaign.name, "text": campaign.text, "send_at": campaign.send_at}
    form = CampaignForm(request.POST or None, initial=initial)
    if request.method == "POST" and "preview" not in request.POST and form.is_valid():
        try:
            campaigns.update_draft(
                campaign=campaign, by=actor_for(request), now=timezone.now(), **_given(form, request)
            )
        except Refused as refused:
            _show(refused, form)
        else:
            return redirect("campaign_check", public_id=public_id)
    return _editor(request, campaign.roster, form, campaign=campaign)


@page(Permission.EDIT_CAMPAIGNS, methods=POST)
@never_cache
def campaign_preview(request: HttpRequest) -> HttpResponse:
    """The fragment beside the editor: three people's texts, parts, cost and advice."""
    roster = _roster_or_404(request, request.GET.get("roster", ""))
    preview = preview_of(roster=roster, text=request.POST.get("text", ""), tenant=tenant_of(request))
    return render(request, "dispatch/_preview.html", {"preview": preview})


def _chosen_template(request: HttpRequest, public_id: str) -> MessageTemplate | None:
    try:
        found: MessageTemplate | None = visible_templates(actor_for(request)).filter(public_id=public_id).first()
    except ValidationError:
        return None
    return found


def _text_of(template: MessageTemplate) -> str:
    return str(template.text)  # type: ignore[attr-defined]  # annotated by visible_templates


def _given(form: CampaignForm, request: HttpRequest) -> dict[str, Any]:
    """What the services take. The template is kept only while its text is untouched."""
    data = form.cleaned_data
    text = data["text"].replace("\r\n", "\n")
    template = _chosen_template(request, str(data["template"] or ""))
    version: TemplateVersion | None = None
    if template is not None:
        version = template.versions.get(number=template.current)
        version = version if version.text == text else None
    return {"name": data["name"], "text": text, "template_version": version, "send_at": data["send_at"]}


def _show(refused: Refused, form: CampaignForm) -> None:
    field = next((name for name in refused.fields if name in form.fields), None)
    form.add_error(field, str(refused.user_message))


def _editor(
    request: HttpRequest,
    roster: Roster,
    form: CampaignForm,
    *,
    chosen: MessageTemplate | None = None,
    campaign: Campaign | None = None,
) -> HttpResponse:
    text = form.data.get("text", "") if form.is_bound else form.initial.get("text", "")
    headers = roster_headers(roster)
    name_header = roster.mapping.get("name")
    context = {
        "roster": roster,
        "campaign": campaign,
        "form": form,
        "templates": visible_templates(actor_for(request))[:30],
        "chosen": chosen,
        "placeholders": [f"{header}|様" if header == name_header else header for header in headers if header],
        "preview": preview_of(roster=roster, text=text, tenant=tenant_of(request)) if text.strip() else None,
        "heading": _("文面を直す") if campaign else _("文面を選ぶ"),
    }
    return render(request, "dispatch/editor.html", context, status=INVALID if form.errors else 200)
