"""Pages of templates."""

from __future__ import annotations

from django.urls import path

from templates_sms import views

urlpatterns = [
    path("templates", views.templates, name="templates"),
    path("templates/new", views.template_new, name="template_new"),
    path("templates/preview", views.template_preview, name="template_preview"),
    path("templates/export.csv", views.templates_export, name="templates_export"),
    path("templates/import", views.templates_import, name="templates_import"),
    path("templates/<uuid:public_id>", views.template, name="template"),
    path("templates/<uuid:public_id>/archive", views.template_archive, name="template_archive"),
]
