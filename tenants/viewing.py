"""Looking at residents' data: who looked at whom, and why where the office asks for a reason.

A reason is given with a search, or on the way to one person's page, and holds for ten minutes in that session: for one
enquiry. Each view is written down with it. The session is sealed at rest, and so are the details of the trail.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tenants.account.sessions import POLL_HEADER
from tenants.actors import Actor
from tenants.errors import Refused
from tenants.middleware import actor_for
from tenants.models import Tenant
from tenants.services import record

KEPT: Final = "view_reason"
HOLDS_S: Final = 10 * 60
FIELD: Final = "view_reason"
HEADER: Final = "Todoke-View-Reason"
INVALID: Final = 422


class ReasonRequired(Refused):
    """The office asks why before it shows one person's data over the API."""

    code = "view_reason_required"
    status = 403
    user_message = _("記録を見る理由を、Todoke-View-Reason ヘッダーに書いてください（UTF-8をパーセント符号化）。")


def reason_field() -> forms.CharField:
    return forms.CharField(
        label=_("記録を見る理由"),
        max_length=200,
        help_text=_("「本人からの問い合わせ」など。操作の記録に残ります。"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class ReasonForm(forms.Form):
    view_reason = reason_field()


def asks_reason(request: HttpRequest) -> bool:
    tenant: Tenant = request.tenant  # type: ignore[attr-defined]  # set by ScopeMiddleware
    return tenant.asks_view_reason


def remember_reason(request: HttpRequest, reason: str) -> None:
    request.session[KEPT] = {"reason": reason, "at": time.time()}


def reason_of(request: HttpRequest) -> str:
    """The reason that holds in this session; empty where none was given lately, or the office asks for none."""
    given = request.session.get(KEPT)
    if not asks_reason(request) or not isinstance(given, dict) or time.time() - given["at"] > HOLDS_S:
        return ""
    return str(given["reason"])


def demand_reason(request: HttpRequest) -> HttpResponse | None:
    """None where the view may go on; else the page that asks why, or, once it was answered, the way back here."""
    if not asks_reason(request) or (request.method != "POST" and reason_of(request)):
        return None
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        remember_reason(request, form.cleaned_data[FIELD])
        return redirect(request.get_full_path())
    return render(request, "tenants/view_reason.html", {"form": form}, status=INVALID if form.errors else 200)


def api_reason(request: Any) -> str:
    """The reason that came with a request of the API. Raises ``ReasonRequired`` where the office asks and none came."""
    if not asks_reason(request._request):
        return ""
    reason = unquote(request.headers.get(HEADER, "")).strip()[:200]
    if not reason or not reason.isprintable():
        raise ReasonRequired
    return reason


def record_listed(
    request: Any, *, what: str, count: int, object_id: str = "", department_id: int | None = None
) -> None:
    """A list of residents was shown: of what (``roster``, ``campaign``, ``calls``, …), and how many stood on it.

    What a page asks by itself, to come up to date, is no look of a person's.
    """
    if count and POLL_HEADER not in request.headers:
        _record_listed(
            by=actor_for(request),
            what=what,
            count=count,
            object_id=object_id,
            department_id=department_id,
            now=timezone.now(),
        )


def _record_listed(
    *, by: Actor, what: str, count: int, object_id: str, department_id: int | None, now: datetime
) -> None:
    record(
        action="people.listed",
        by=by,
        now=now,
        kind=what,
        object_id=object_id,
        details={"list": what, "count": count},
        department_id=department_id,
    )
