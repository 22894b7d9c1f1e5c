"""The receipt endpoint of every carrier that calls us by HTTP. Which one calls, and how, the account's row knows."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import structlog
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from carriers.errors import MalformedReceipt, NotAuthentic
from dispatch.services.receipts.webhook import HookFailed, NoSuchHook, take_webhook_call
from tenants.pages import POST, page
from tenants.permissions import Permission

log = structlog.get_logger()
MAX_BODY: Final = 1024 * 1024
REFUSALS: Final[dict[type[Exception], int]] = {
    NoSuchHook: 404,
    NotAuthentic: 401,
    MalformedReceipt: 400,
    HookFailed: 500,
}


@csrf_exempt
@page(Permission.PUBLIC, methods=POST)
def carrier_receipts(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """204 once everything is stored; 401, 400, 404, 413 or 500 without a word of why, which operators see."""
    length = request.headers.get("Content-Length") or "0"
    if not length.isascii() or not length.isdigit():
        return HttpResponse(status=400)
    if len(length) > 10 or int(length) > MAX_BODY:
        return HttpResponse(status=413)
    try:
        take_webhook_call(account_id=public_id, headers=request.headers, body=request.body, now=timezone.now())
    except tuple(REFUSALS) as exc:
        log.warning("webhook.refused", account=str(public_id), error=type(exc).__name__)
        return HttpResponse(status=REFUSALS[type(exc)])
    return HttpResponse(status=204)
