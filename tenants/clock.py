"""Today, as the rules see it. Services take ``now``; pages and tasks ask here."""

from __future__ import annotations

from datetime import date, datetime

from django.conf import settings
from django.utils import timezone


def today(now: datetime | None = None) -> date:
    """The day in Japan; ``DEMO_TODAY`` stands in for it where it is set (the pages show it as 基準日)."""
    fixed: date | None = settings.DEMO_TODAY
    return fixed or timezone.localdate(now)
