"""Is the service alive; the pages of refusals."""

from __future__ import annotations

import sys
from typing import Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.i18n import set_language as django_set_language

from config import readiness
from tenants.middleware import API_PREFIX, DatabaseAwayMiddleware
from tenants.pages import GET, POST, page
from tenants.permissions import Permission

WORDS: Final = {
    400: ("bad_request", gettext_lazy("送られた内容を読み取れませんでした。")),
    403: ("not_allowed", gettext_lazy("この操作をする権限がありません。")),
    404: ("not_found", gettext_lazy("見つかりません。")),
    500: ("internal_error", gettext_lazy("こちら側の不具合で処理できませんでした。運用担当者に知らされています。")),
}


@page(Permission.PUBLIC, methods=GET)
def healthz(request: HttpRequest) -> HttpResponse:
    """The process lives."""
    return JsonResponse({"status": "ok"})


@page(Permission.PUBLIC, methods=GET)
def readyz(request: HttpRequest) -> HttpResponse:
    """Database, broker and carrier workers answer; 503 with the culprits otherwise."""
    checks = readiness.check_all()
    culprits = [check.name for check in checks if not check.is_well]
    body: dict[str, object] = {"status": "not_ready" if culprits else "ready"}
    body["checks"] = {check.name: "ok" if check.is_well else check.detail for check in checks}
    if culprits:
        body |= {
            "code": "not_ready",
            "message": _("応答しないものがあります: %(names)s") % {"names": ", ".join(culprits)},
            "culprits": culprits,
        }
    response = JsonResponse(body, status=503 if culprits else 200)
    response["Cache-Control"] = "no-store"
    return response


@page(Permission.PUBLIC, methods=POST)
def set_language(request: HttpRequest) -> HttpResponse:
    return django_set_language(request)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _refusal(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _refusal(request, 403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _refusal(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """A middleware that finds the database away ends here, not in ``DatabaseAwayMiddleware``: Django turns the exception
    of each layer into an answer before the layer outside it sees any."""
    raised = sys.exc_info()[1]
    away = DatabaseAwayMiddleware(healthz).process_exception(request, raised) if isinstance(raised, Exception) else None
    return away or _refusal(request, 500)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form was opened long ago or in another session."""
    return render(None, "403_csrf.html", status=403)  # no request: the page asks for nothing


def _refusal(request: HttpRequest, status: int) -> HttpResponse:
    """The refusal as the API or as a page says it."""
    if request.path.startswith(API_PREFIX):
        code, message = WORDS[status]
        return JsonResponse({"code": code, "message": str(message)}, status=status)
    return render(None, f"{status}.html", status=status)
