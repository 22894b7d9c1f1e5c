"""Step 5: what became of it, filling without reload; the rows, and their file."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django_htmx.http import trigger_client_event

from dispatch import evidence
from dispatch.labels import next_step, reason_word
from dispatch.models import Campaign, CampaignState
from dispatch.selectors.campaigns import messages_of, visible_campaigns, yen
from dispatch.selectors.progress import COUNTED, Progress, progress_of
from dispatch.selectors.skipped import skipped_of
from dispatch.services import campaigns
from dispatch.views.drafts import campaign_or_404, sees_people, tenant_of
from recipients.phone_numbers import national_format
from recipients.sheet_rows import SheetRows
from tenants.middleware import actor_for
from tenants.pages import GET, page
from tenants.pagination import cursor_page
from tenants.permissions import Permission
from tenants.sending_rules import rules_in_force
from tenants.services import record
from tenants.spreadsheets import write_csv
from tenants.viewing import record_listed

SHORTEST_DELAY_S: Final = 2
LONGEST_DELAY_S: Final = 60
ROWS: Final = 50
ASKING: Final = "approval_requested"
SETTLED: Final = frozenset({CampaignState.SENT, CampaignState.DONE, CampaignState.CANCELLED})


@page(Permission.READ_CAMPAIGNS, methods=GET)
def campaign_list(request: HttpRequest) -> HttpResponse:
    found = cursor_page(
        visible_campaigns(actor_for(request)), order=["-created_at"], cursor=request.GET.get("cursor"), size=30
    )
    context = {
        "campaigns": [{"campaign": campaign, "state": shown_state(campaign)} for campaign in found.results],
        "next_cursor": found.next or "",
        "may_edit": actor_for(request).may(Permission.EDIT_CAMPAIGNS),
    }
    return render(request, "dispatch/campaigns.html", context)


def shown_state(campaign: Campaign) -> str:
    """The API's word, but for a draft that waits for its approver."""
    is_asking = campaign.state == CampaignState.DRAFT and campaign.approval_asked_at
    return ASKING if is_asking else campaign.state


@page(Permission.READ_CAMPAIGNS, methods=GET)
@never_cache
def campaign(request: HttpRequest, public_id: UUID) -> HttpResponse:
    found = campaign_or_404(request, public_id)
    if found.state in campaigns.EDITABLE:
        return redirect("campaign_check", public_id=public_id)
    progress = progress_of(found)
    context = _progress_context(request, found, progress, delay_s=SHORTEST_DELAY_S)
    context["sees_people"] = sees_people(request, found)
    if context["sees_people"]:
        context |= _rows_context(request, found)
        context["skipped"] = skipped_of(found)
    return render(request, "dispatch/campaign.html", context)


@page(Permission.READ_CAMPAIGNS, methods=GET)
@never_cache
def campaign_progress(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The fragment that polls: slower while nothing moves, and not at all once nothing will.

    It tells the charts and the rows of the page, which it does not bring along, when to come up to date.
    """
    found = campaign_or_404(request, public_id)
    progress = progress_of(found)
    before = request.GET.get("delay", "")
    delay_s = int(before) if before.isdecimal() and len(before) < 3 else SHORTEST_DELAY_S
    has_moved = request.GET.get("seen", "") != _signature(found, progress)
    delay_s = SHORTEST_DELAY_S if has_moved else min(delay_s + max(1, delay_s // 2), LONGEST_DELAY_S)
    context = _progress_context(request, found, progress, delay_s=delay_s)
    response = render(request, "dispatch/_progress.html", context)
    if not context["delay_s"]:
        return trigger_client_event(response, "campaign-over", after="settle")
    return trigger_client_event(response, "campaign-moved", after="settle") if has_moved else response


def _signature(found: Campaign, progress: Progress) -> str:
    """Equal while nothing has moved."""
    numbers = [*progress.counts.values(), progress.calls_open, progress.calls_done]
    return "-".join([found.state, *(str(number) for number in numbers)])


def _progress_context(request: HttpRequest, found: Campaign, progress: Progress, *, delay_s: int) -> dict[str, Any]:
    actor = actor_for(request)
    age_limit = rules_in_force(tenant_of(request), found.department).sms_age_limit
    will_move = found.state not in SETTLED or progress.waiting > 0
    is_frozen = found.state == CampaignState.PAUSED and not progress.counts["sending"]
    return {
        "campaign": found,
        "state": shown_state(found),
        "progress": progress,
        "waiting_for_receipt": progress.counts["accepted"],
        "not_yet_sent": progress.counts["queued"] + progress.counts["sending"],
        "failures": [
            {"word": reason_word(code), "next": next_step(code), "count": n} for code, n in progress.reasons.items()
        ],
        "calls": [
            {"code": code, "word": reason_word(code, age_limit=age_limit), "count": n}
            for code, n in progress.open_calls_by_reason.items()
        ],
        "cost_yen": yen(found.cost_millicents),
        "may_send": actor.may(Permission.SEND, department_id=found.department_id),
        "may_call": actor.may(Permission.WORK_CALLS, department_id=found.department_id),
        "may_see_evidence": actor.may(Permission.READ_EVIDENCE),
        "delay_s": delay_s if will_move and not is_frozen else 0,
        "delay_text": str(delay_s),
        "seen": _signature(found, progress),
    }


def _rows_context(request: HttpRequest, found: Campaign) -> dict[str, Any]:
    state = request.GET.get("state", "")
    try:
        wanted = messages_of(found, state=state)
    except ValueError as exc:
        raise BadRequest(_("その状態はありません。")) from exc
    rows = cursor_page(wanted, order=["recipient_id"], cursor=request.GET.get("cursor"), size=ROWS)
    record_listed(
        request,
        what="campaign",
        count=len(rows.results),
        object_id=str(found.public_id),
        department_id=found.department_id,
    )
    return {
        "rows": [_row(one, found.roster.sheet_rows) for one in evidence.shown(rows.results)],
        "next_cursor": rows.next or "",
        "wanted_state": state,
        "states": [status.word for status in COUNTED],
    }


def _row(one: evidence.Shown, sheet_rows: SheetRows) -> dict[str, Any]:
    message = one.message
    row = message.personal.get("row")
    return {
        "id": message.public_id,
        "row": sheet_rows.of(row) if row else None,
        "name": message.personal.get("name", ""),
        "phone": national_format(one.to),
        "state": one.state,
        "reason": reason_word(message.reason) if message.reason else "",
        "at": message.final_at or message.accepted_at,
    }


@page(Permission.READ_ROSTERS, methods=GET)
@never_cache
def campaign_rows_file(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Every text with its state, for a spreadsheet; cells are made harmless."""
    found = campaign_or_404(request, public_id)
    state = request.GET.get("state", "")
    try:
        wanted = list(messages_of(found, state=state))
    except ValueError as exc:
        raise BadRequest(_("その状態はありません。")) from exc
    head = [_("行"), _("氏名"), _("電話番号"), _("状態"), _("理由"), _("受付"), _("結果"), _("文面")]
    rows = [head, *(_line(one, found.roster.sheet_rows) for one in evidence.shown(wanted))]
    record(
        action="campaign.exported",
        by=actor_for(request),
        now=timezone.now(),
        kind="campaign",
        object_id=str(found.public_id),
        department_id=found.department_id,
        details={"state": state, "rows": len(wanted)},
    )
    response = HttpResponse(write_csv(rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="campaign-{found.public_id.hex[-8:]}.csv"'
    return response


def _line(one: evidence.Shown, sheet_rows: SheetRows) -> list[str]:
    row, message = _row(one, sheet_rows), one.message
    return [
        str(row["row"] or ""),
        row["name"],
        row["phone"],
        one.state,
        row["reason"],
        _local(message.accepted_at),
        _local(message.final_at),
        one.text,
    ]


def _local(at: Any) -> str:
    return timezone.localtime(at).strftime("%Y-%m-%d %H:%M:%S") if at else ""
