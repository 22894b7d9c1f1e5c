"""How a page declares who may see it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from tenants.context import has_scope
from tenants.errors import NotAllowed
from tenants.permissions import Permission

View = Callable[..., HttpResponse]


def page(permission: Permission, *, methods: tuple[str, ...] = ("GET", "HEAD")) -> Callable[[View], View]:
    """Declare a page's permission and methods: who is not logged in goes to the log-in, who may not gets 403."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **ids: Any) -> HttpResponse:
            if permission is not Permission.PUBLIC:
                actor = getattr(request, "actor", None)
                if actor is None:
                    return redirect_to_login(request.get_full_path())
                if not actor.may(permission):
                    raise PermissionDenied
                request.actor = actor.for_permission(permission)  # type: ignore[attr-defined]  # TenantRequest
            try:
                return view(request, *args, **ids)
            except NotAllowed as exc:
                if has_scope():
                    transaction.set_rollback(True)
                raise PermissionDenied from exc

        guarded = require_http_methods(list(methods))(checked)
        setattr(guarded, "permission", permission)  # noqa: B010 - functions have no such field for the type checker
        return guarded

    return decorate


GET = ("GET", "HEAD")
POST = ("POST",)
BOTH = ("GET", "HEAD", "POST")
