"""判断を待つSMS: texts of which nobody can know whether they left, until a receipt or a person settles them."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from dispatch.models import Campaign, Message
from dispatch.selectors.campaigns import visible_campaigns
from dispatch.selectors.decisions import undecided
from dispatch.services.decisions import send_again, take_as_sent
from dispatch.services.errors import NotUnknown
from recipients.phone_numbers import national_format
from tenants.middleware import actor_for
from tenants.pages import GET, POST, page
from tenants.pagination import cursor_page
from tenants.permissions import Permission
from tenants.sealing import SealBroken
from tenants.viewing import record_listed

ROWS: Final = 50
POLL_S: Final = 5


@page(Permission.SEND, methods=GET)
@never_cache
def decision_list(request: HttpRequest) -> HttpResponse:
    """What is settled meanwhile is gone at the next look."""
    chosen = _chosen(request)
    wanted = undecided(actor_for(request), campaign=chosen)
    found = cursor_page(wanted, order=["created_at"], cursor=request.GET.get("cursor"), size=ROWS)
    record_listed(request, what="decisions", count=len(found.results))
    context = {
        "rows": [_row(message) for message in found.results],
        "count": wanted.count(),
        "next_cursor": found.next or "",
        "chosen": chosen,
        "delay_s": POLL_S,
        "here": request.get_full_path(),
    }
    is_poll = "X-Todoke-Poll" in request.headers
    return render(request, "dispatch/_decisions.html" if is_poll else "dispatch/decisions.html", context)


@page(Permission.SEND, methods=POST)
def decide_again(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Once more, knowing that it may arrive twice."""
    message = _message_or_404(public_id)
    try:
        send_again(message=message, by=actor_for(request), now=timezone.now())
    except NotUnknown as refused:
        messages.info(request, str(refused.user_message))
    else:
        messages.success(request, _("1人にもう一度送信します。"))
    return _back(request)


@page(Permission.SEND, methods=POST)
def decide_sent(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """From now on it waits for its receipt like any other."""
    message = _message_or_404(public_id)
    try:
        take_as_sent(message=message, by=actor_for(request), now=timezone.now())
    except NotUnknown as refused:
        messages.info(request, str(refused.user_message))
    else:
        messages.success(request, _("送信済みとして、受信の報告を待ちます。"))
    return _back(request)


def _chosen(request: HttpRequest) -> Campaign | None:
    wanted = request.GET.get("campaign", "")
    try:
        public_id = UUID(wanted) if wanted else None
    except ValueError:
        public_id = None
    return get_object_or_404(visible_campaigns(actor_for(request)), public_id=public_id) if public_id else None


def _message_or_404(public_id: UUID) -> Message:
    """Any message of the tenant: whether it is still unknown, and this person's to decide, the service says."""
    message: Message = get_object_or_404(Message.objects.all(), public_id=public_id)
    return message


def _back(request: HttpRequest) -> HttpResponse:
    here = request.POST.get("next", "")
    if here.startswith("/decisions") and url_has_allowed_host_and_scheme(here, allowed_hosts=None):
        return redirect(here)
    return redirect("decisions")


def _row(message: Any) -> dict[str, Any]:
    try:
        personal = message.personal
    except SealBroken:
        personal = {}
    to = personal.get("to", "")
    return {
        "message": message,
        "name": personal.get("name", ""),
        "phone": national_format(to) if to else "",
        "text": personal.get("text", ""),
        "unknown_at": message.unknown_at or message.created_at,
        "phoned_at": message.phoned_at,
    }
