"""Templates under ``/api/v1``."""

from __future__ import annotations

from django.urls import path

from templates_sms import api

urlpatterns = [
    path("templates", api.TemplatesView.as_view(), name="api_templates"),
    path("templates/<uuid:public_id>", api.TemplateView.as_view(), name="api_template"),
    path("templates/<uuid:public_id>/preview", api.PreviewView.as_view(), name="api_template_preview"),
]
