"""How a page declares who may see it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from tenants.account.factors import proved_at
from tenants.account.fresh import ProofWanted, demand_proof
from tenants.context import has_scope
from tenants.errors import NotAllowed
from tenants.once import once as acted_on_once
from tenants.permissions import Permission

View = Callable[..., HttpResponse]


def page(
    permission: Permission,
    *,
    methods: tuple[str, ...] = ("GET", "HEAD"),
    fresh_factor: bool = False,
    once: bool = False,
) -> Callable[[View], View]:
    """Declare a page's permission and methods: who is not logged in goes to the log-in, who may not gets 403.

    ``fresh_factor`` asks for the second factor again before a POST, where the session did not prove it lately;
    ``once`` is for what makes something new: a form that is sent twice makes it once (``tenants.once``).
    """

    def decorate(page_view: View) -> View:
        view = acted_on_once(page_view) if once else page_view

        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **ids: Any) -> HttpResponse:
            refusal = _refusal(request, permission)
            if refusal is None and fresh_factor and request.method == "POST":
                refusal = demand_proof(request)
            if refusal is not None:
                return refusal
            return _answer(view, request, *args, **ids)

        guarded = require_http_methods(list(methods))(checked)
        setattr(guarded, "permission", permission)  # noqa: B010 - functions have no such field for the type checker
        setattr(guarded, "is_once", once)  # noqa: B010
        setattr(guarded, "methods", methods)  # noqa: B010
        return guarded

    return decorate


def _refusal(request: HttpRequest, permission: Permission) -> HttpResponse | None:
    """The way to the log-in for who is nobody yet. Raises ``PermissionDenied`` for who may not."""
    if permission is Permission.PUBLIC:
        return None
    actor = getattr(request, "actor", None)
    if actor is None:
        return _way_in(request)
    if not actor.may(permission):
        raise PermissionDenied
    request.actor = actor.for_permission(permission)  # type: ignore[attr-defined]  # TenantRequest
    return None


def _way_in(request: HttpRequest) -> HttpResponse:
    """The log-in; for who passed the password and has no factor yet, the page that sets one up."""
    if request.headers.get("HX-Request"):
        return HttpResponse(status=401, headers={"HX-Refresh": "true"})
    if request.user.is_authenticated and proved_at(request) is None:
        return redirect(f"{reverse('factor_first')}?{urlencode({'next': request.get_full_path()})}")
    return redirect_to_login(request.get_full_path())


def _answer(view: View, request: HttpRequest, *args: Any, **ids: Any) -> HttpResponse:
    try:
        return view(request, *args, **ids)
    except NotAllowed as exc:
        if has_scope():
            transaction.set_rollback(True)
        raise PermissionDenied from exc
    except ProofWanted as exc:
        return exc.page


GET = ("GET", "HEAD")
POST = ("POST",)
BOTH = ("GET", "HEAD", "POST")
