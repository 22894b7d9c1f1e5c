"""受け取ったSMS: what residents wrote back."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from dispatch.selectors.inbound import Reply, inbound_texts, replies_of
from recipients.phone_numbers import national_format
from tenants.middleware import actor_for
from tenants.pages import GET, page
from tenants.pagination import cursor_page
from tenants.permissions import Permission

ROWS: Final = 50


@page(Permission.WORK_CALLS, methods=GET)
@never_cache
def inbound_list(request: HttpRequest) -> HttpResponse:
    found = cursor_page(
        inbound_texts(actor_for(request)), order=["-received_at"], cursor=request.GET.get("cursor"), size=ROWS
    )
    rows = [_row(reply) for reply in replies_of(found.results)]
    return render(request, "dispatch/inbound.html", {"rows": rows, "next_cursor": found.next or ""})


def _row(reply: Reply) -> dict[str, Any]:
    return {"reply": reply, "phone": national_format(reply.sender) if reply.sender.startswith("+") else reply.sender}
