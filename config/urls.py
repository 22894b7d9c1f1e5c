"""Every route. Each declares its permission (tests/rules/test_routes.py)."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from config import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("language", views.set_language, name="set_language"),
    path("account/", include("config.account_urls")),
    path("api/v1/", include("config.api_urls")),
    path("", include("tenants.urls")),
    path("", include("recipients.urls")),
    path("", include("templates_sms.urls")),
    path("", include("dispatch.urls")),
    path("", include("reports.urls")),
]

handler400 = views.bad_request
handler403 = views.permission_denied
handler404 = views.page_not_found
handler500 = views.server_error
