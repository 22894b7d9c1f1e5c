"""What every page needs: who is here, for which office and department, and where one can go."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from config.navigation import navigation_for
from tenants.actors import Actor
from tenants.clock import today
from tenants.selectors import departments_of


def frame(request: HttpRequest) -> dict[str, Any]:
    actor: Actor | None = getattr(request, "actor", None)
    tenant = getattr(request, "tenant", None)
    return {
        "actor": actor,
        "tenant": tenant,
        "demo_today": settings.DEMO_TODAY,
        "today": today(),
        "DEMO": settings.DEMO,
        "office_name": tenant.name if tenant else "",
        "person_name": actor.name if actor else "",
        "reference_day": settings.DEMO_TODAY,
        # Callables: asked only by the pages that show them, so that an error page asks the database nothing.
        "department_name": lambda: department_words(actor) if actor else "",
        "navigation": lambda: navigation_for(actor=actor, path=request.path) if actor else [],
    }


def department_words(actor: Actor) -> str:
    """The departments of ``actor`` in words, as the head of each page shows them."""
    if actor.tenant_id is None:
        return _("運用")
    if actor.department_ids is None:
        return _("全部署")
    return _("、").join(department.name for department in departments_of(actor))
