"""System checks: settings that would endanger residents' data stop the start with a sentence each."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import Error, Tags, register


@register(Tags.security, deploy=True)
def unsafe_settings(app_configs: Any, **options: Any) -> list[Error]:
    """For ``manage.py check --deploy`` and the start of production."""
    found = []
    if settings.DEMO:
        found.append(Error("DEMO is on. It shows log-ins on a page; unset it.", id="todoke.E001"))
    if settings.DEBUG:
        found.append(Error("DEBUG is on. It shows data in error pages; unset it.", id="todoke.E002"))
    if len(settings.SECRET_KEY) < 50:
        found.append(Error("SECRET_KEY is shorter than 50 characters.", id="todoke.E003"))
    return found
