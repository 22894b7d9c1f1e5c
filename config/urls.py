"""Every route. Each declares its permission (tests/rules/test_routes.py)."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from django.urls import URLPattern, URLResolver, include, path

from config import views

APPS: Final = ("tenants", "recipients", "templates_sms", "dispatch", "reports")


def routes_of(module: str) -> list[URLResolver]:
    """The routes of an app that has some."""
    return [path("", include(module))] if find_spec(module) else []


urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("language", views.set_language, name="set_language"),
    path("account/", include("config.account_urls")),
    path("api/v1/", include("config.api_urls")),
    *[route for app in APPS for route in routes_of(f"{app}.urls")],
]

handler400 = views.bad_request
handler403 = views.permission_denied
handler404 = views.page_not_found
handler500 = views.server_error
