from __future__ import annotations

from django.apps import AppConfig


class CarriersConfig(AppConfig):
    name = "carriers"
