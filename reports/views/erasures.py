"""Erasing a person, and the certificates of it. For admins of the whole tenant."""

from __future__ import annotations

import hmac
from typing import Any, Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from dispatch.services.forgetting import STAYS, ErasureRefused, digest_of, erase_person
from reports.forms import ErasureForm
from reports.person_addresses import NoSuchPerson, person_at
from reports.selectors.erasures import erasures, known_of, subject_of
from tenants.middleware import actor_for
from tenants.pages import BOTH, GET, page
from tenants.pagination import cursor_page
from tenants.permissions import Permission
from tenants.services import must_cover

INVALID = 422
COUNTS: Final = {
    "rows": _("名簿の行"),
    "rosters": _("名簿"),
    "files": _("名簿のファイル"),
    "messages": _("SMS"),
    "receipts": _("受信の報告の原文"),
    "calls": _("架電リストの行"),
    "notes": _("電話のメモ"),
    "consents": _("同意の台帳の記録"),
    "answers": _("APIの応答の控え"),
    "trail": _("操作の記録にあるこの人の情報"),
}


@sensitive_post_parameters()
@page(Permission.SETTINGS, methods=BOTH, fresh_factor=True, once=True)
@never_cache
def erase(request: HttpRequest, address: str) -> HttpResponse:
    """What will be erased and what stays; erased once the word of confirmation is typed."""
    must_cover(actor_for(request), None)
    try:
        key = person_at(address)
    except NoSuchPerson as exc:
        raise Http404 from exc
    traces = known_of(key)
    if traces.is_empty:
        raise Http404
    form = ErasureForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            erasure = erase_person(
                subject=subject_of(key),
                reason=form.cleaned_data["reason"],
                by=actor_for(request),
                now=timezone.now(),
            )
        except ErasureRefused as refused:
            form.add_error(None, str(refused.user_message))
        else:
            return redirect("erasure", erasure.public_id)
    context = {
        "form": form,
        "address": address,
        "stays": [STAYS[name] for name in sorted(STAYS)],
        "rows": len(traces.recipients),
        "texts": len(traces.message_ids),
        "calls": len(traces.call_ids),
    }
    return render(request, "reports/erase.html", context, status=INVALID if form.errors else 200)


@page(Permission.SETTINGS, methods=GET)
@never_cache
def erasure_list(request: HttpRequest) -> HttpResponse:
    found = cursor_page(erasures(), order=["-at"], cursor=request.GET.get("cursor"))
    return render(request, "reports/erasures.html", {"erasures": found.results, "next_cursor": found.next})


@page(Permission.SETTINGS, methods=GET)
@never_cache
def erasure(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The certificate, to be printed; it says whether it is still as it was written."""
    found = get_object_or_404(erasures(), public_id=public_id)
    said: dict[str, Any] = found.personal
    context = {
        "erasure": found,
        "reason": said.get("reason", ""),
        "counts": [(words, said["counts"].get(name, 0)) for name, words in COUNTS.items()],
        "stays": [STAYS[name] for name in said["stays"] if name in STAYS],
        "digest": bytes(found.digest).hex(),
        "subject": bytes(found.subject_hash).hex(),
        "is_genuine": hmac.compare_digest(bytes(found.digest), digest_of(found)),
        "issued_at": timezone.now(),
    }
    return render(request, "reports/erasure.html", context)
