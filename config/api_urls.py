"""The routes of ``/api/v1``."""

from __future__ import annotations

from importlib.util import find_spec
from typing import ClassVar, Final

from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularJSONAPIView

from tenants.permissions import Permission

APPS: Final = ("tenants", "recipients", "templates_sms", "dispatch", "reports")


class SchemaView(SpectacularJSONAPIView):
    """The description of the API in OpenAPI 3."""

    permissions: ClassVar = {"GET": Permission.PUBLIC}


urlpatterns: list[URLPattern | URLResolver] = [
    path("schema", SchemaView.as_view(), name="api_schema"),
    path("", include("dispatch.api_message_urls")),
    *[path("", include(f"{app}.api_urls")) for app in APPS if find_spec(f"{app}.api_urls")],
]
