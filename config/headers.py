"""Headers that every answer carries, whoever made it: beside Django's own and the content security policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse

HEADERS: Final = {
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), "
    "publickey-credentials-create=(self), publickey-credentials-get=(self)",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Permitted-Cross-Domain-Policies": "none",
    "Cache-Control": "no-store",  # a page with residents' data stays in no cache; files say otherwise themselves
}


class HeadersMiddleware:
    """The outermost, so that redirects to HTTPS and refusals of a strange host carry them too. What is set already stays."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        for name, value in _djangos().items():
            response.headers.setdefault(name, value)
        return response


def _djangos() -> dict[str, str]:
    """What Django's own middleware sets, unless it broke off before its turn came."""
    return {
        "X-Frame-Options": settings.X_FRAME_OPTIONS,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": settings.SECURE_REFERRER_POLICY,
        "Cross-Origin-Opener-Policy": settings.SECURE_CROSS_ORIGIN_OPENER_POLICY,
    }
