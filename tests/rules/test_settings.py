"""Every environment variable is read in one place, and documented."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from datetime import date
from typing import Any, Final

import pytest
import yaml

from config import env
from config.reference.settings import readings
from config.settings_reference import APPLICATION, LAUNCHER
from tests.rules.project_files import APPS, PACKAGES, ROOT, python_files, shown

READERS: Final = frozenset({"text", "flag", "number", "words", "choice", "day", "database", "master_keys"})
DJANGO_OWN: Final = "DJANGO_SETTINGS_MODULE"
SERVERS: Final = {"DATABASE_URL", "REDIS_URL", "DEMO_SMSC_URL"}
# Beside config/env.py: Django's own switch, what tests run without servers on, and the maker of the environment.
MAY_TOUCH_ENVIRONMENT: Final = {
    "config/env.py",
    "config/celery.py",
    "config/wsgi.py",
    "config/settings/test.py",
    "devservers/environment.py",
}


def names_read() -> set[str]:
    """The first argument of every ``env.text("X")`` in the applications."""
    found = set()
    for file in python_files(*APPS):
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "env"
            ):
                assert node.func.attr in READERS
                found.add(ast.literal_eval(node.args[0]))
    return found


class TestReference:
    def test_has_every_variable_that_is_read(self) -> None:
        assert names_read() | {DJANGO_OWN} == set(APPLICATION)

    def test_reads_the_settings_as_python_does(self) -> None:
        assert set(readings()) == names_read()
        assert readings()["ROSTER_MAX_ROWS"].default == "`1000000`"
        assert readings()["SECRET_KEY"].default == "**needed**"
        assert readings()["DATABASE_OWNER_URL"].default == "as `DATABASE_URL`"
        assert readings()["SECURE_SSL_REDIRECT"].default == "`1`"

    def test_has_what_the_launcher_reads(self) -> None:
        sources = "".join(file.read_text() for file in python_files("devservers"))
        read = set(re.findall(r"""given(?:\.get\(|\[)["']([A-Z_]+)["']""", sources))

        assert read - SERVERS == set(LAUNCHER)

    def test_has_what_the_compose_file_gives(self) -> None:
        compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
        ours = [service for service in compose["services"].values() if "todoke" in str(service.get("image", ""))]
        given = {name for service in ours for name in service.get("environment", {})}

        assert ours
        assert given - {"CARRIER_WORKER"} <= set(APPLICATION)


class TestEnvironment:
    def test_is_touched_in_few_places(self) -> None:
        touching = {
            shown(file)
            for file in python_files(*PACKAGES)
            if re.search(r"os\.(?:environ\b|getenv)", re.sub(r"``.*?``", "", file.read_text()))
        }

        assert touching == MAY_TOUCH_ENVIRONMENT


def name_given(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SOME_NAME", value)


class TestReaders:
    @pytest.mark.parametrize(
        ("read", "value"),
        [
            (env.text, ""),
            (env.flag, "maybe"),
            (lambda name: env.number(name, 1), "many"),
            (lambda name: env.choice(name, "a", among=("a", "b")), "c"),
            (env.day, "2022/08/15"),
            (env.database, ""),
            (env.database, "mysql://somewhere/x"),
            (env.master_keys, ""),
            (env.master_keys, "1"),
            (env.master_keys, "1:c2hvcnQ="),
            (env.master_keys, "one:" + "A" * 43 + "="),
            (env.master_keys, "0:" + "A" * 43 + "="),
            (env.master_keys, "256:" + "A" * 43 + "="),
        ],
    )
    def test_refuse_with_the_name(
        self, monkeypatch: pytest.MonkeyPatch, read: Callable[[str], Any], value: str
    ) -> None:
        name_given(monkeypatch, value)

        with pytest.raises(env.BadSetting, match="SOME_NAME"):
            read("SOME_NAME")

    @pytest.mark.parametrize(
        ("read", "value", "expected"),
        [
            (env.text, "x y", "x y"),
            (env.flag, "on", True),
            (env.flag, "0", False),
            (lambda name: env.number(name, 1), "-3", -3),
            (env.words, " a, ,b ", ["a", "b"]),
            (lambda name: env.choice(name, "a", among=("a", "b")), " B", "b"),
            (env.day, "2024-02-29", date(2024, 2, 29)),
            (env.day, "", None),
            (env.master_keys, "1:" + "A" * 43 + "=,7:" + "A" * 43 + "=", {1: bytes(32), 7: bytes(32)}),
        ],
    )
    def test_answer_with_the_value(
        self, monkeypatch: pytest.MonkeyPatch, read: Callable[[str], Any], value: str, expected: object
    ) -> None:
        name_given(monkeypatch, value)

        assert read("SOME_NAME") == expected

    def test_take_a_database_url_apart(self, monkeypatch: pytest.MonkeyPatch) -> None:
        name_given(monkeypatch, "postgresql://us%40er:p%2Fw@[::1]:5433/na%20me?sslmode=require")

        assert env.database("SOME_NAME") == {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "na me",
            "USER": "us@er",
            "PASSWORD": "p/w",
            "HOST": "::1",
            "PORT": "5433",
            "OPTIONS": {"sslmode": "require"},
        }
