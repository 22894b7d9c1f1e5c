"""What every page needs: who is here, for which office and department."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from tenants.clock import today


def frame(request: HttpRequest) -> dict[str, Any]:
    return {
        "actor": getattr(request, "actor", None),
        "tenant": getattr(request, "tenant", None),
        "demo_today": settings.DEMO_TODAY,
        "today": today(),
        "DEMO": settings.DEMO,
    }
