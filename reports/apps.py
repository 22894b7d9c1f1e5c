from __future__ import annotations

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "reports"

    def ready(self) -> None:
        from reports.state_words import CAMPAIGN, MESSAGE
        from tenants.audit_words import explain_values

        looks = {**MESSAGE, **CAMPAIGN}
        explain_values("state", {code: look.word for code, look in looks.items()})
