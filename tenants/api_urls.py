"""Keys under ``/api/v1``."""

from __future__ import annotations

from django.urls import path

from tenants import api

urlpatterns = [
    path("keys", api.KeysView.as_view(), name="api_keys"),
    path("keys/<uuid:public_id>", api.KeyView.as_view(), name="api_key"),
]
