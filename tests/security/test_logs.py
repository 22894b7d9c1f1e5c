"""What the logs say: no name, no number, no text, no ?phone=, whatever is asked and whatever fails."""

from __future__ import annotations

import io
import logging
import logging.config
from collections.abc import Iterator
from typing import Any, Final

import pytest
import structlog
from celery.app.trace import build_tracer
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from gunicorn.config import Config
from gunicorn.glogging import Logger as GunicornLogger

import config.celery
from config.log_lines import QuietFormatter
from devservers import processes
from templates_sms import api as templates_api
from tenants.permissions import Role
from tests.rules.project_files import ROOT
from tests.rules.test_routes import PLAIN
from tests.security.conftest import Scene
from tests.security.matrix import addresses, ask
from tests.security.people import Caller, member

QUERY: Final = "phone={number}&reference={word}&q={word}&cursor={word}&campaign={word}&state={word}&since={word}"


@pytest.fixture
def lines(capfd: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """Everything that the process writes, by structlog and by the standard library, formed as the settings say."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(QuietFormatter())
    loggers = [logging.getLogger(name) for name in ("", "django.request")]
    for logger in loggers:
        logger.addHandler(handler)

    def written() -> str:
        out, err = capfd.readouterr()
        return stream.getvalue() + out + err

    yield written
    for logger in loggers:
        logger.removeHandler(handler)


class TestSettings:
    def test_every_handler_is_quiet(self) -> None:
        made = logging.config.DictConfigurator(settings.LOGGING).config
        formatters = {name: made["formatters"][handler["formatter"]] for name, handler in made["handlers"].items()}

        assert {formatter["()"] for formatter in formatters.values()} == {"config.log_lines.QuietFormatter"}
        assert structlog.processors.format_exc_info not in settings.STRUCTLOG_PROCESSORS
        assert not logging.raiseExceptions, "what logging says of its own failures quotes the record"


def knock_everywhere(caller: Caller, scene: Scene) -> int:
    """Every route and method with canaries in the query, the form and the JSON; how many failed with 4xx or 5xx."""
    words = {"word": scene.mine.word, "number": scene.mine.number}
    fields = dict.fromkeys(("name", "text", "note", "query", "email", "column", "value", "login"), scene.mine.word)
    fields |= {"phone": scene.mine.number, "to": scene.mine.number}
    body = str(fields).replace("'", '"')
    refused = 0
    for route in PLAIN:
        if route.path == "/readyz":
            continue
        address = f"{next(addresses(route, scene.mine))}?{QUERY.format(**words)}"
        for method in route.permissions:
            response = ask(caller, method, address, body if route.is_api else fields)
            refused += response.status_code >= 400
    return refused


class TestRequests:
    def test_leave_nothing_personal(self, scene: Scene, lines: Any) -> None:
        lines()
        refused = knock_everywhere(member(scene.acme, Role.ADMIN), scene)
        written = lines()

        assert refused > 20
        assert [trace for trace in (*scene.mine.traces, "phone=", "%E9%9B%B2") if trace in written] == []

    def test_that_fail_leave_where_and_not_what(
        self, scene: Scene, lines: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def failing(by: Any) -> Any:
            try:
                int(scene.mine.word)
            except ValueError as exc:
                raise RuntimeError(f"{scene.mine.number} {scene.mine.word}") from exc

        monkeypatch.setattr(templates_api, "visible_templates", failing)
        response = member(scene.acme, Role.ADMIN).ask("GET", "/api/v1/templates")
        written = lines()

        assert response.status_code == 500
        assert not scene.mine.traces_in(response)
        assert "RuntimeError" in written
        assert "ValueError" in written
        assert "in failing" in written
        assert [trace for trace in scene.mine.traces if trace in written] == []


class TestFailures:
    def test_of_the_database_are_told_by_code_and_constraint(self, scene: Scene, lines: Any) -> None:
        email = scene.acme.users[Role.STAFF].email
        log = structlog.get_logger()
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO tenants_user (email, name, password, is_operator, is_active, language, created_at)"
                    " VALUES (%s, '', '', false, true, 'ja', now())",
                    [email],
                )
        except IntegrityError:
            log.exception("test.failed")
            logging.getLogger("test").exception("failed")
        written = lines()

        assert written.count("23505 tenants_user_email_key") >= 2
        assert email not in written

    def test_of_tasks_are_told_by_class(self, lines: Any) -> None:
        @config.celery.app.task(name="tests.failing")
        def failing(**given: Any) -> None:
            raise ValueError(given["phone"])

        trace = build_tracer("tests.failing", failing, app=config.celery.app)
        trace("1", [], {"phone": "06011110001"}, {"id": "1", "is_eager": False})
        written = lines()
        config.celery.app.tasks.pop("tests.failing")

        assert "builtins.ValueError" in written
        assert "06011110001" not in written


class TestAccessLog:
    def test_of_gunicorn_is_off_where_we_start_it(self) -> None:
        """Its lines would hold the query of the API's searches."""
        demo = processes.web(port=1, environment={}).command
        assert not any(word.startswith("--access-log") for word in demo)
        assert "access-log" not in (ROOT / "Dockerfile").read_text()
        assert "access-log" not in (ROOT / "docker-compose.yml").read_text()

        quiet = GunicornLogger(Config())
        assert not quiet.cfg.accesslog
