"""Production refuses to start with what would endanger residents' data, with a sentence each."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest
import redis
from django.conf import settings
from django.core.checks import Error

from config import env
from config.start_up import UnsafeToStart, refuse_unsafe
from tenants.checks import _powers, unsafe_servers, unsafe_settings
from tests.rules.project_files import ROOT

GOOD_KEY: Final = "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC2dF4gH6jK8mN0pQ2sT4vX"


@pytest.fixture
def production(settings: Any) -> Any:
    """Settings as production has them; the tests change one at a time."""
    settings.REFUSES_UNSAFE_START = True
    settings.SECRET_KEY = GOOD_KEY
    settings.MASTER_KEYS = {1: bytes(range(32))}
    settings.ALLOWED_HOSTS = ["todoke.example"]
    settings.BASE_URL = "https://todoke.example"
    return settings


def ids() -> set[str | None]:
    return {found.id for found in unsafe_settings(None)}


def start(*command: str, **changes: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,  # noqa: TID251 - the servers of the tests
        "DJANGO_SETTINGS_MODULE": "config.settings.prod",
        "SECRET_KEY": GOOD_KEY,
        "MASTER_KEYS": "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "DEMO": "0",
        "ALLOWED_HOSTS": "todoke.example",
        "BASE_URL": "https://todoke.example",
        **changes,
    }
    return subprocess.run(
        [sys.executable, *command], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


class TestSettings:
    def test_of_production_are_taken(self, production: Any) -> None:
        assert ids() == set()
        refuse_unsafe()

    @pytest.mark.parametrize(
        ("name", "value", "expected"),
        [
            ("DEMO", True, "todoke.E001"),
            ("DEBUG", True, "todoke.E002"),
            ("SECRET_KEY", "short", "todoke.E003"),
            ("SECRET_KEY", "ab" * 40, "todoke.E003"),
            ("SECRET_KEY", f"django-insecure-{GOOD_KEY}", "todoke.E003"),
            ("MASTER_KEYS", {}, "todoke.E004"),
            ("MASTER_KEYS", {1: bytes(32)}, "todoke.E005"),
            ("MASTER_KEYS", {1: bytes(range(32)), 2: b"ab" * 16}, "todoke.E005"),
            ("DEMO_TODAY", date(2022, 8, 15), "todoke.E010"),
            ("FAILPOINT", "before_submit", "todoke.E011"),
            ("ALLOWED_HOSTS", ["*"], "todoke.E012"),
            ("ALLOWED_HOSTS", ["todoke.example", ".example"], "todoke.E012"),
            ("ALLOWED_HOSTS", [], "todoke.E012"),
            ("BASE_URL", "http://todoke.example", "todoke.E013"),
            ("OPERATOR_WEBHOOK_URL", "https://calls.example/todoke", "todoke.E014"),
            ("OPERATOR_WEBHOOK_URL", "http://calls.example/todoke", "todoke.E014"),
            ("EMAIL_HOST", "mail.example", "todoke.E015"),
        ],
    )
    def test_that_are_unsafe_are_refused(self, production: Any, name: str, value: Any, expected: str) -> None:
        setattr(production, name, value)

        assert ids() == {expected}
        with pytest.raises(UnsafeToStart, match=expected):
            refuse_unsafe()

    @pytest.mark.parametrize("security", ["EMAIL_USE_TLS", "EMAIL_USE_SSL"])
    def test_with_mail_that_is_enciphered_are_taken(self, production: Any, security: str) -> None:
        production.EMAIL_HOST = "mail.example"
        setattr(production, security, True)

        assert ids() == set()

    def test_of_the_demonstration_are_not_asked(self, settings: Any) -> None:
        settings.DEMO = True

        refuse_unsafe()


@pytest.mark.django_db(databases=["default", "owner"])
class TestServers:
    def found(self) -> list[str]:
        return [f"{error.id}" for error in unsafe_servers() if isinstance(error, Error)]

    def test_as_the_tests_have_them_are_safe(self) -> None:
        assert self.found() == []

    def test_a_role_that_owns_tables_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(settings.DATABASES, "operator", settings.DATABASES["owner"])

        assert self.found() == ["todoke.E008"]

    def test_a_superuser_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(settings.DATABASES, "default", env.database("DATABASE_ADMIN_URL"))

        assert self.found() == ["todoke.E006"]

    def test_a_role_that_bypasses_row_security_is_refused(self) -> None:
        assert [found.id for found in _powers("default", "somebody", False, True, False)] == ["todoke.E007"]

    def test_a_broker_that_evicts_is_refused(self) -> None:
        with redis.Redis.from_url(settings.REDIS_URL) as broker:
            before = broker.config_get("maxmemory-policy")["maxmemory-policy"]
            broker.config_set("maxmemory-policy", "allkeys-lru")
            try:
                assert self.found() == ["todoke.E009"]
            finally:
                broker.config_set("maxmemory-policy", before)

    def test_servers_that_are_away_stop_no_start(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(settings, "REDIS_URL", "redis://127.0.0.1:1/0")
        for database in settings.DATABASES.values():
            monkeypatch.setitem(database, "HOST", "127.0.0.1")
            monkeypatch.setitem(database, "PORT", "1")

        assert self.found() == []


@pytest.mark.slow
class TestProcesses:
    def test_the_web_refuses_and_names_every_reason(self) -> None:
        """Each by itself is asked above, without a process."""
        done = start("-c", "import config.wsgi", DEMO="1", DEBUG="1", SECRET_KEY="short", ALLOWED_HOSTS="*")

        assert done.returncode != 0
        sentences = ("DEMO is on", "DEBUG is on", "SECRET_KEY is weak", "ALLOWED_HOSTS must name")
        assert [sentence for sentence in sentences if sentence not in done.stderr] == []

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"MASTER_KEYS": ""}, "MASTER_KEYS is not set"),
            ({"EMAIL_SECURITY": "perhaps"}, "EMAIL_SECURITY must be one of"),
        ],
    )
    def test_the_web_refuses_what_is_no_setting(self, changes: dict[str, str], sentence: str) -> None:
        done = start("-c", "import config.wsgi", **changes)

        assert done.returncode != 0
        assert sentence in done.stderr

    @pytest.mark.parametrize(
        "command", [["worker", "--pool=solo", "--queues=default"], ["beat", "--schedule=schedule"]]
    )
    def test_worker_and_beat_refuse(self, command: list[str], tmp_path: Path) -> None:
        # Never /dev/null: what beat takes for a corrupted schedule it removes, and root may.
        command = [part.replace("=schedule", f"={tmp_path}/schedule") for part in command]

        done = start("-m", "celery", "--app=config", *command, DEMO="1")

        assert done.returncode != 0
        assert "DEMO is on" in done.stderr

    @pytest.mark.parametrize(("proxies", "is_believed"), [("0", False), ("1", True)])
    def test_the_web_starts_with_what_is_safe_and_believes_only_a_proxy_of_ours_about_https(
        self, proxies: str, is_believed: bool
    ) -> None:
        asked = (
            "import config.wsgi; from django.test import Client; "
            "print(Client().get('/api/v1/templates', headers={'host': 'todoke.example', 'x-forwarded-proto': 'https'})"
            ".status_code == 301)"
        )
        done = start("-c", asked, TRUSTED_PROXIES=proxies)

        assert (done.returncode, "Unsafe" in done.stderr) == (0, False), done.stderr
        assert str(not is_believed) in done.stdout, done.stderr

    def test_the_deployment_check_has_nothing_to_say(self) -> None:
        done = start("manage.py", "check", "--deploy", "--fail-level=WARNING")

        assert done.returncode == 0, done.stderr
        assert "no issues" in done.stdout
