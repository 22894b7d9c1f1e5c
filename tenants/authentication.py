"""DRF's view of the actor that ``ScopeMiddleware`` found."""

from __future__ import annotations

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from tenants.actors import Actor
from tenants.permissions import Permission


class ApiKeyAuthentication(BaseAuthentication):
    """The key was read by the middleware, which opened the scope; a request without one is refused with 401."""

    def authenticate(self, request: Request) -> tuple[Actor, None] | None:
        actor = getattr(request._request, "actor", None)
        return (actor, None) if actor is not None and actor.api_key_id is not None else None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class DeclaredPermission(BasePermission):
    """Each API view declares ``permissions``: method → Permission. A method that declares none is refused (405)."""

    def has_permission(self, request: Request, view: Any) -> bool:
        wanted: Permission | None = getattr(view, "permissions", {}).get(request.method)
        if wanted is None:
            raise MethodNotAllowed(str(request.method))
        if wanted is Permission.PUBLIC:
            return True
        actor = request.user
        if not isinstance(actor, Actor) or not actor.may(wanted):
            return False
        request._request.actor = actor.for_permission(wanted)  # type: ignore[attr-defined]  # TenantRequest
        return True
