"""The routes of ``/api/v1``."""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar

from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tenants.permissions import Permission


@cache
def description() -> Any:
    """The API in OpenAPI 3; the same for everybody and made once, since anybody may ask for it."""
    generator: Any = SchemaGenerator
    return generator(api_version="1").get_schema(request=None, public=True)


class SchemaView(APIView):
    permissions: ClassVar = {"GET": Permission.PUBLIC}

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        return Response(description())


urlpatterns: list[URLPattern | URLResolver] = [
    path("schema", SchemaView.as_view(), name="api_schema"),
    path("", include("dispatch.api_message_urls")),
    path("", include("dispatch.api_urls")),
    path("", include("recipients.api_urls")),
    path("", include("templates_sms.api_urls")),
    path("", include("reports.api_urls")),
    path("", include("tenants.api_urls")),
]
