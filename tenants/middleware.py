"""The scope of a request, and the page that says the database is away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from django.contrib.auth import logout
from django.core.exceptions import BadRequest
from django.db import InterfaceError, OperationalError, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from tenants.account.factors import proved_at
from tenants.account.sessions import mark_seen
from tenants.actors import Actor
from tenants.context import tenant_scope
from tenants.failpoints import failpoint
from tenants.models import Tenant, User
from tenants.network import client_address, is_allowed
from tenants.selectors import actor_of, actor_of_key, tenant_of_key

log = structlog.get_logger()
Handler = Callable[[HttpRequest], HttpResponse]
API_PREFIX = "/api/"


class TenantRequest(HttpRequest):
    """What a view gets: ``actor`` and ``tenant`` are set by ``ScopeMiddleware``."""

    actor: Actor
    tenant: Tenant


class ScopeMiddleware:
    """Find out who asks, and run the view in a transaction that sees this tenant's rows only.

    A session that has passed the password and not the second factor is nobody's yet.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(API_PREFIX):
            return self._with_key(request)
        return self._with_session(request)

    def _with_session(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if not isinstance(user, User):
            return self._attached(request, actor=None, tenant=None)
        if not user.is_active or (user.tenant is not None and not user.tenant.is_active):
            logout(request)
            return self._attached(request, actor=None, tenant=None)
        mark_seen(request)
        if proved_at(request) is None:
            return self._attached(request, actor=None, tenant=None)
        if user.tenant is not None and not _is_from_allowed_place(request, user.tenant):
            return _refused_place(request)
        return self._attached(request, actor=actor_of(user), tenant=user.tenant)

    def _with_key(self, request: HttpRequest) -> HttpResponse:
        scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
        tenant = tenant_of_key(token) if scheme.lower() == "bearer" else None
        if tenant is None:
            return self._attached(request, actor=None, tenant=None)
        with tenant_scope(tenant.pk):
            actor = actor_of_key(token)
            if actor is not None and not _is_from_allowed_place(request, tenant):
                return _refused_place(request)
            return self._attached(request, actor=actor, tenant=tenant if actor else None)

    def _attached(self, request: HttpRequest, *, actor: Actor | None, tenant: Tenant | None) -> HttpResponse:
        request.actor = actor  # type: ignore[attr-defined]  # TenantRequest
        request.tenant = tenant  # type: ignore[attr-defined]
        if tenant is None:
            return self.get_response(request)
        with tenant_scope(tenant.pk):
            response = self.get_response(request)
            if response.status_code >= 500:
                transaction.set_rollback(True)
        failpoint("web.after_commit")
        return response


LOG_OUT = "account_logout"


def _is_from_allowed_place(request: HttpRequest, tenant: Tenant) -> bool:
    """Whether the tenant's networks allow where this comes from. One may always leave."""
    if not tenant.allowed_networks or request.path == reverse(LOG_OUT):
        return True
    return is_allowed(client_address(request), tenant.allowed_networks)


def _refused_place(request: HttpRequest) -> HttpResponse:
    sentence = _(
        "組織が許可していない場所からは使えません。許可する場所は、組織の管理者が設定の「利用できる場所」で決めます。"
    )
    log.warning("place.refused", path=request.path)
    if request.path.startswith(API_PREFIX):
        return JsonResponse({"code": "place_not_allowed", "message": sentence}, status=403)
    context = {"sentence": sentence, "address": client_address(request) or ""}
    return render(None, "403_place.html", context, status=403)  # no request: nobody is attached yet


class PlainAddressMiddleware:
    """An address with NUL in it is refused with 400: no text of ours has it, and PostgreSQL takes none."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            raise BadRequest
        return self.get_response(request)


class DatabaseAwayMiddleware:
    """While PostgreSQL is away every page says so with 503, and nothing else happens."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            return self.get_response(request)
        except (OperationalError, InterfaceError) as exc:
            return self._away(request, exc)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, OperationalError | InterfaceError):
            return self._away(request, exception)
        return None

    def _away(self, request: HttpRequest, exc: Exception) -> HttpResponse:
        log.error("database.away", error=type(exc).__name__)
        sentence = _("ただいまデータベースにつながりません。少し待ってから、もう一度お試しください。")
        response: HttpResponse
        if request.path.startswith(API_PREFIX):
            response = JsonResponse({"code": "database_away", "message": sentence}, status=503)
        else:
            response = render(None, "503.html", {"sentence": sentence}, status=503)
        response["Retry-After"] = "5"
        return response


def actor_for(request: Any) -> Actor:
    """The actor of a request that passed its permission check."""
    actor = request.actor
    assert isinstance(actor, Actor)  # noqa: S101 - the permission check came first
    return actor
