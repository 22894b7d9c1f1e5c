from __future__ import annotations

from django.apps import AppConfig


class TemplatesSmsConfig(AppConfig):
    name = "templates_sms"
