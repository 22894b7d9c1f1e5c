from __future__ import annotations

from django.apps import AppConfig


class RecipientsConfig(AppConfig):
    name = "recipients"

    def ready(self) -> None:
        from recipients.labels import PROBLEM_NAMES
        from recipients.models import Need
        from tenants.audit_words import explain_values

        explain_values("code", PROBLEM_NAMES)
        explain_values("needs", dict(Need.choices))
