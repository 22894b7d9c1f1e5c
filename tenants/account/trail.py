"""What happens at the door, written into the tenant's audit trail."""

from __future__ import annotations

from typing import Any

import structlog
from django.http import HttpRequest
from django.utils import timezone

from tenants.account.devices import device_words
from tenants.context import tenant_scope
from tenants.models import User
from tenants.network import client_address
from tenants.selectors import actor_of
from tenants.services import record

log = structlog.get_logger()


def write(action: str, *, user: User, request: HttpRequest, is_proven: bool = True, **details: Any) -> None:
    """Record what happened at the door of ``user``, with where it came from.

    ``is_proven`` says that it was this person; otherwise somebody tried in their name. Operators belong to no tenant
    and so to no tenant's trail: what happens at their door stands in the log.
    """
    if user.tenant_id is None:
        log.info("operator.door", user_id=user.pk, action=action)
        return
    where = {"address": client_address(request), "device": device_words(request.headers.get("User-Agent", ""))}
    with tenant_scope(user.tenant_id):
        record(
            action=action,
            by=actor_of(user) if is_proven else None,
            now=timezone.now(),
            kind="user",
            object_id=str(user.pk),
            details={"name": user.name, **details, **where},
        )
