"""Browsers: which of them somebody came in by before, and what they are called."""

from __future__ import annotations

import re
import secrets
from typing import Any, Final

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

COOKIE: Final = "todoke_device"
SALT: Final = "tenants.account.devices"
KEPT_S: Final = 180 * 24 * 60 * 60
PEOPLE: Final = 20
"""A browser at a shared desk remembers the last so many."""

SYSTEMS: Final = (
    (r"Windows", "Windows"),
    (r"iPhone", "iPhone"),
    (r"iPad", "iPad"),
    (r"Android", "Android"),
    (r"Macintosh|Mac OS X", "Mac"),
    (r"CrOS", "ChromeOS"),
    (r"Linux", "Linux"),
)
# Order matters: Edge calls itself Chrome too, and Chrome calls itself Safari.
BROWSERS: Final = (
    (r"Edg(e|A|iOS)?/", "Edge"),
    (r"Firefox/|FxiOS/", "Firefox"),
    (r"Chrome/|CriOS/", "Chrome"),
    (r"Safari/", "Safari"),
)


def known_device(request: HttpRequest, user_id: int) -> str | None:
    """The name of this browser, where this person came in by it before."""
    remembered = _read(request)
    return remembered["device"] if user_id in remembered["people"] else None


def remember_device(request: HttpRequest, response: HttpResponse, *, user_id: int) -> None:
    """From now on this browser has an allowance of its own for this person (tenants.account.attempts)."""
    remembered = _read(request)
    people = [user_id, *[person for person in remembered["people"] if person != user_id]][:PEOPLE]
    response.set_cookie(
        COOKIE,
        signing.dumps({"device": remembered["device"], "people": people}, salt=SALT),
        max_age=KEPT_S,
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
    )


def _read(request: HttpRequest) -> dict[str, Any]:
    try:
        remembered: dict[str, Any] = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=KEPT_S)
    except signing.BadSignature:
        return {"device": secrets.token_urlsafe(12), "people": []}
    return remembered


def device_words(user_agent: str) -> str:
    """``Chrome（Windows）`` for what a browser calls itself."""
    browser = next((word for pattern, word in BROWSERS if re.search(pattern, user_agent)), "")
    system = next((word for pattern, word in SYSTEMS if re.search(pattern, user_agent)), "")
    if not browser and not system:
        return _("分からない端末")
    if not browser or not system:
        return browser or system
    return _("%(browser)s（%(system)s）") % {"browser": browser, "system": system}
