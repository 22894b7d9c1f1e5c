"""/healthz and /readyz: what load balancers ask."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from carriers.models import CarrierBind
from tests.factories.dispatch import make_account

pytestmark = pytest.mark.usefixtures("committed")


class TestHealth:
    def test_says_that_the_process_lives_whatever_else_is_away(self, client: Any, settings: Any) -> None:
        settings.REDIS_URL = "redis://127.0.0.1:1/0"

        assert client.get("/healthz").json() == {"status": "ok"}


class TestReadiness:
    def test_is_ready_when_all_answer(self, client: Any) -> None:
        account = make_account()
        CarrierBind.objects.using("operator").filter(account=account).update(seen_at=timezone.now(), state="down")

        response = client.get("/readyz")

        assert response.status_code == 200
        assert response.json() == {
            "status": "ready",
            "checks": {"database": "ok", "broker": "ok", "carrier_workers": "ok"},
        }

    def test_names_the_account_that_no_worker_serves(self, client: Any) -> None:
        make_account("silent")

        response = client.get("/readyz")

        assert response.status_code == 503
        assert response.json()["culprits"] == ["carrier_workers"]
        assert response.json()["checks"]["carrier_workers"] == "silent"

    def test_asks_nothing_of_an_account_that_is_off(self, client: Any) -> None:
        make_account("off", is_enabled=False)

        assert client.get("/readyz").status_code == 200

    def test_names_the_broker(self, client: Any, settings: Any) -> None:
        settings.REDIS_URL = "redis://127.0.0.1:1/0"

        response = client.get("/readyz")

        assert (response.status_code, response.json()["culprits"]) == (503, ["broker"])

    def test_names_the_database_and_tells_no_secret(
        self, client: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        away = settings.DATABASES["default"]
        monkeypatch.setitem(away, "PORT", "1")

        response = client.get("/readyz")

        assert (response.status_code, response.json()["culprits"]) == (503, ["database", "carrier_workers"])
        assert away["PASSWORD"] not in response.content.decode()
        assert away["USER"] not in response.content.decode()
