"""The call list: a work list, made for one hand on the phone."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from dispatch.forms import AttemptForm
from dispatch.labels import next_step, reason_word
from dispatch.models import Call, Outcome
from dispatch.selectors.calls import (
    calls_where,
    count_calls,
    names_on,
    next_call,
    viewers_of,
    visible_calls,
    with_attempts,
)
from dispatch.selectors.campaigns import visible_campaigns
from dispatch.services.calls import open_call, record_attempt
from dispatch.services.previews import text_for
from dispatch.services.viewing import record_call_viewed
from dispatch.views.drafts import INVALID, tenant_of
from recipients.phone_numbers import national_format
from tenants.errors import Refused
from tenants.middleware import actor_for
from tenants.models import Tenant
from tenants.pages import BOTH, GET, page
from tenants.pagination import cursor_page
from tenants.permissions import Permission
from tenants.sending_rules import rules_in_force
from tenants.viewing import record_listed

SHOWN: Final = (
    ("open", gettext_lazy("未対応")),
    ("mine", gettext_lazy("自分が対応中")),
    ("overdue", gettext_lazy("1日以上経過")),
    ("done", gettext_lazy("対応済み")),
)
ROWS: Final = 100
BUTTONS: Final = (
    (Outcome.REACHED, "check", "1", True, gettext_lazy("伝えられた。この人は完了です")),
    (Outcome.NO_ANSWER, "phone_off", "2", False, gettext_lazy("リストに残ります")),
    (Outcome.WRONG_NUMBER, "cross", "3", False, gettext_lazy("リストに残ります")),
    (Outcome.LEFT_MESSAGE, "note", "4", False, gettext_lazy("リストに残ります")),
    (Outcome.VISIT, "visit", "5", False, gettext_lazy("訪問に引き継いで完了です")),
    (Outcome.CLOSED, "flag", "6", False, gettext_lazy("メモに理由を書いてください")),
)


@page(Permission.WORK_CALLS, methods=GET)
@never_cache
def call_list(request: HttpRequest) -> HttpResponse:
    actor, now = actor_for(request), timezone.now()
    show, reason = request.GET.get("show", "open"), request.GET.get("reason", "")
    chosen = _chosen_campaign(request)
    mine = visible_calls(actor)
    if chosen is not None:
        mine = mine.filter(campaign=chosen)
    counts = count_calls(mine, by=actor, now=now)
    wanted = calls_where(mine, by=actor, now=now, show=show, reason=reason)
    found = cursor_page(with_attempts(wanted), order=["created_at", "row"], cursor=request.GET.get("cursor"), size=ROWS)
    record_listed(
        request, what="calls", count=len(found.results), object_id=str(chosen.public_id) if chosen is not None else ""
    )
    viewers = viewers_of(found.results, by=actor, now=now)
    tenant = tenant_of(request)
    age_limit = rules_in_force(tenant, chosen.department if chosen else None).sms_age_limit
    context = {
        "rows": [_row(call, viewers.get(call.pk, ""), tenant) for call in found.results],
        "next_cursor": found.next or "",
        "show": show,
        "reason": reason,
        "chosen": chosen,
        "filters": [
            {"key": key, "label": label, "count": getattr(counts, key, None), "is_current": key == show}
            for key, label in SHOWN
        ],
        "reasons": [
            {"code": code, "word": reason_word(code, age_limit=age_limit), "count": n, "is_current": code == reason}
            for code, n in counts.reasons.items()
        ],
        "counts": counts,
    }
    return render(request, "dispatch/calls.html", context)


def _chosen_campaign(request: HttpRequest) -> Any:
    wanted = request.GET.get("campaign", "")
    if not wanted:
        return None
    try:
        public_id = UUID(wanted)
    except ValueError:
        return None
    return get_object_or_404(visible_campaigns(actor_for(request)), public_id=public_id)


def _reason_word(call: Call, tenant: Tenant) -> str:
    """With the age limit of the department whose campaign it is."""
    return reason_word(call.reason, age_limit=rules_in_force(tenant, call.campaign.department).sms_age_limit)


def _row(call: Call, viewer: str, tenant: Tenant) -> dict[str, Any]:
    attempts = list(call.attempts.all())
    return {
        "call": call,
        "name": call.personal.get("name", ""),
        "kana": call.personal.get("kana", ""),
        "phone": _phone(call),
        "reason": _reason_word(call, tenant),
        "tries": len(attempts),
        "last": attempts[-1] if attempts else None,
        "viewer": viewer,
    }


def _phone(call: Call) -> str:
    phone = call.personal.get("phone")
    return national_format(phone) if phone else ""


@page(Permission.WORK_CALLS, methods=BOTH, once=True)
@never_cache
def call(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One person: why, what was sent, and what came of the call; then the next person by itself."""
    actor, now = actor_for(request), timezone.now()
    mine = visible_calls(actor)
    found = get_object_or_404(with_attempts(mine).select_related("recipient", "message"), public_id=public_id)
    form = AttemptForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            record_attempt(call=found, by=actor, now=now, **form.cleaned_data)
        except Refused as refused:
            field = next((name for name in refused.fields if name in form.fields), None)
            form.add_error(field, str(refused.user_message))
        else:
            return _go_on(request, found)
    viewer = viewers_of([found], by=actor, now=now).get(found.pk, "")
    if not viewer:
        open_call(call=found, by=actor, now=now)
    record_call_viewed(call=found, by=actor, now=now)
    context = _call_context(request, found, viewer=viewer) | {"form": form}
    return render(request, "dispatch/call.html", context, status=INVALID if form.errors else 200)


def _go_on(request: HttpRequest, done: Call) -> HttpResponse:
    actor = actor_for(request)
    coming = next_call(visible_calls(actor).filter(campaign=done.campaign), by=actor, after=done, now=timezone.now())
    coming = coming or next_call(visible_calls(actor), by=actor, after=done, now=timezone.now())
    messages.success(request, _("%(name)s様の結果を記録しました。") % {"name": done.personal.get("name", "")})
    if coming is None:
        return redirect("calls")
    return redirect("call", public_id=coming.public_id)


@page(Permission.WORK_CALLS, methods=GET)
@never_cache
def call_viewer(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The fragment that says who else is on this row."""
    actor, now = actor_for(request), timezone.now()
    found = get_object_or_404(visible_calls(actor), public_id=public_id)
    viewer = viewers_of([found], by=actor, now=now).get(found.pk, "")
    if not viewer:
        open_call(call=found, by=actor, now=now)
    return render(request, "dispatch/_viewer.html", {"call": found, "viewer": viewer, "delay_s": 15})


def _call_context(request: HttpRequest, found: Call, *, viewer: str) -> dict[str, Any]:
    tenant = tenant_of(request)
    names = names_on([found])
    text = (
        found.message.personal.get("text", "")
        if found.message
        else text_for(found.recipient, found.campaign.text, tenant=tenant).text
    )
    return {
        "call": found,
        "name": found.personal.get("name", ""),
        "kana": found.personal.get("kana", ""),
        "external_id": found.personal.get("external_id", ""),
        "phone": _phone(found),
        "dial": found.personal.get("phone") or "",
        "as_written": found.recipient.personal.get("phone_raw") or "",
        "reason": _reason_word(found, tenant),
        "next_step": next_step(found.reason),
        "text": text,
        "message": found.message,
        "message_state": found.message.status.word if found.message else "",
        "attempts": [
            {
                "shape": "phone",
                "tone": "",
                "sentence": _sentence(attempt, names),
                "detail": attempt.personal.get("note", ""),
            }
            for attempt in found.attempts.all()
        ],
        "outcomes": [
            {"value": value, "label": value.label, "shape": shape, "key": key, "hint": hint, "is_main": is_main}
            for value, shape, key, is_main, hint in BUTTONS
        ],
        "viewer": viewer,
        "delay_s": 15,
    }


def _sentence(attempt: Any, names: dict[int, str]) -> str:
    at = timezone.localtime(attempt.at)
    return _("%(month)s月%(day)s日 %(time)s %(name)sさん：%(outcome)s") % {
        "month": at.month,
        "day": at.day,
        "time": f"{at:%H:%M}",
        "name": names.get(attempt.user_id, ""),
        "outcome": attempt.get_outcome_display(),
    }
