from __future__ import annotations

from django.apps import AppConfig


class DispatchConfig(AppConfig):
    name = "dispatch"

    def ready(self) -> None:
        from dispatch.models import Outcome
        from tenants.audit_words import explain_values

        explain_values("outcome", dict(Outcome.choices))
