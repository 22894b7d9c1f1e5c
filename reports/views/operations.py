"""運用: is everything well, in one look."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from dispatch.services.freeing import NotStuck, free_batch
from reports.selectors.operations import service_now
from reports.services.incidents import mark_seen
from tenants.middleware import actor_for
from tenants.pages import GET, POST, page
from tenants.permissions import Permission

POLL_S = 5


@page(Permission.OPERATE, methods=GET)
@never_cache
def operations(request: HttpRequest) -> HttpResponse:
    template = "reports/_operations.html" if request.headers.get("HX-Request") else "reports/operations.html"
    now = timezone.now()
    return render(request, template, {"service": service_now(now=now), "now": now, "delay_s": POLL_S})


@page(Permission.OPERATE, methods=POST)
def free(request: HttpRequest, batch_id: int) -> HttpResponse:
    """Let a batch that was set aside be tried again."""
    try:
        free_batch(batch_id=batch_id, by=actor_for(request))
    except NotStuck as refused:
        messages.error(request, str(refused.user_message))
    else:
        messages.success(request, _("送信をやり直します。送れたかどうか分からないものは送りません。"))
    return redirect("ops")


@page(Permission.OPERATE, methods=POST)
def see_incident(request: HttpRequest, incident_id: int) -> HttpResponse:
    """Somebody has taken notice, and everybody can see who."""
    if mark_seen(incident_id=incident_id, by=actor_for(request), now=timezone.now()):
        messages.success(request, _("確認したことを記録しました。"))
    else:
        messages.info(request, _("ほかの人がすでに確認しています。"))
    return redirect("ops")
