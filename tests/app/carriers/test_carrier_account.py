"""The command by which an operator makes an account, and the example that the how-to gives for it."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from carriers.models import CarrierAccount, CarrierBind
from carriers.registry import provider_named

pytestmark = pytest.mark.usefixtures("committed")
SECRET = "s3cr3t-p"
ACCOUNT: dict[str, Any] = {
    "name": "carrier-one",
    "provider": "smpp",
    "binds": 2,
    "rank": 10,
    "prefixes": ["+8190"],
    "config": {"host": "127.0.0.1", "port": 2775, "system_id": "office"},
    "secrets": {"password": SECRET},
}
PAGE = Path(__file__).resolve().parents[3] / "docs/how-to/add-a-carrier.md"


def run(monkeypatch: pytest.MonkeyPatch, document: object) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(document if isinstance(document, str) else json.dumps(document)))
    call_command("carrier_account")


class TestCommand:
    def test_makes_an_account_and_changes_it(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        run(monkeypatch, ACCOUNT)
        run(monkeypatch, {**ACCOUNT, "binds": 1, "min_priority": 5})

        account = CarrierAccount.objects.using("operator").get()
        assert (account.rank, account.prefixes, account.min_priority) == (10, ["+8190"], 5)
        assert account.full_config["password"] == SECRET
        assert "password" not in account.config
        assert CarrierBind.objects.using("operator").count() == 1
        assert f"/webhooks/carriers/{account.public_id}" in capsys.readouterr().out

    def test_keeps_the_secrets_that_it_is_not_told_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        run(monkeypatch, ACCOUNT)
        run(monkeypatch, {key: value for key, value in ACCOUNT.items() if key != "secrets"} | {"rank": 50})
        account = CarrierAccount.objects.using("operator").get()
        assert (account.rank, account.full_config["password"]) == (50, SECRET)

        run(monkeypatch, {**ACCOUNT, "secrets": {}})

        assert "password" not in CarrierAccount.objects.using("operator").get().full_config

    @pytest.mark.parametrize(
        "document",
        [
            "",
            "[]",
            {"name": "x"},
            {**ACCOUNT, "provider": "pigeon"},
            {**ACCOUNT, "config": {**ACCOUNT["config"], "password": SECRET}},
            {**ACCOUNT, "config": {"port": 2775}},
            {**ACCOUNT, "prefixes": ["090"]},
            {**ACCOUNT, "prefix": "+8190"},
            {**ACCOUNT, "window": "ten"},
        ],
    )
    def test_refuses_what_is_of_no_use_and_quotes_no_secret(
        self, monkeypatch: pytest.MonkeyPatch, document: object
    ) -> None:
        with pytest.raises(CommandError) as caught:
            run(monkeypatch, document)

        assert SECRET not in str(caught.value)
        assert not CarrierAccount.objects.using("operator").exists()


class TestHowTo:
    def test_gives_an_example_that_the_provider_takes(self) -> None:
        example = json.loads(re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)[0])

        link = provider_named("http_json").link(
            {**example, "token": "t", "webhook_secret": "sixteen-letters-or-more"}, window=5
        )

        assert link.capabilities.idempotent
        assert link.capabilities.webhook
