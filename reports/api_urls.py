"""Reports under ``/api/v1``."""

from __future__ import annotations

from django.urls import path

from reports import api

urlpatterns = [path("usage", api.UsageView.as_view(), name="api_usage")]
