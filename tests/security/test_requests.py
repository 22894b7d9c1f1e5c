"""Requests that no honest client makes: each is answered with 4xx and a sentence, never with a 5xx."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Final
from urllib.parse import urlencode
from uuid import uuid4

import pytest
import schemathesis
from django.test import Client
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.generation import GenerationMode

from tenants.permissions import Permission, Role
from tests.rules.test_routes import PLAIN, Walked
from tests.security.conftest import Scene
from tests.security.matrix import addresses, ask
from tests.security.people import Caller, member

API: Final = [route for route in PLAIN if route.is_api and route.path != "/api/v1/schema"]
WRITES: Final = [(route, method) for route in API for method in ("POST", "PATCH") if method in route.permissions]
EXAMPLES: Final = [3, pytest.param(30, marks=pytest.mark.exhaustive)]
TEMPLATES: Final = next((route, method) for route, method in WRITES if route.path == "/api/v1/templates")
JSON: Final = "application/json"
# Each call has a serializer of its own, and says by itself what a body may be.
BODIES: Final[dict[str, tuple[bytes, str]]] = {
    "nothing": (b"", JSON),
    "no json": (b"{", JSON),
    "a list": (b"[]", JSON),
    "a list of numbers": (b"[1, 2]", JSON),
    "a string": (b'"x"', JSON),
    "null": (b"null", JSON),
    "doubled keys": (b'{"name": "a", "name": "b"}', JSON),
    "wrong kinds": (
        b'{"name": {"a": []}, "text": [1], "phone": {}, "to": [], "roster": 5, "template": [], "codes": "x",'
        b' "messages": {}, "values": [], "outcome": {}, "role": [], "department": {}, "send_at": []}',
        JSON,
    ),
    "another kind of content": (b"<a/>", "application/xml"),
}
# What is read before it comes to the serializers is read by the same parser for all calls.
OF_THE_PARSER: Final[dict[str, tuple[bytes, str]]] = {
    "a number": (b"1", JSON),
    "NaN": (b'{"name": NaN, "text": NaN, "phone": NaN, "to": NaN}', JSON),
    "deep": (b'{"name": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", JSON),
    "a huge number": (b'{"name": 1' + b"0" * 6_000 + b"}", JSON),
    "broken utf-8": (b'{"name": "\xff\xfe"}', JSON),
    "utf-16": ('{"name": "x"}'.encode("utf-16"), JSON),
    "no kind": (b"{}", ""),
    "a form": (b"name=x&text=y", "application/x-www-form-urlencoded"),
    "a broken form": (b"--x\r\nContent-Disposition: form-data", "multipart/form-data; boundary=x"),
    "a form without a boundary": (b"x", "multipart/form-data"),
    "another alphabet": (b"{}", "application/json; charset=utf-99"),
}


def sentence_of(response: Any) -> str:
    """Every refusal has a code and a sentence."""
    body = response.json()
    assert body["code"], body
    return str(body["message"])


def api(caller: Caller, method: str, address: str, *, data: bytes, kind: str) -> Any:
    headers = {"Authorization": f"Bearer {caller.key}"}
    return Client(raise_request_exception=False).generic(method, address, data, content_type=kind, headers=headers)


class TestBodies:
    def test_that_say_nothing_good_are_refused(self, scene: Scene) -> None:
        assert self.accepted(scene, BODIES, WRITES) == ""

    @pytest.mark.parametrize(
        "calls", [[TEMPLATES], pytest.param(WRITES, marks=pytest.mark.exhaustive)], ids=["one call", "all calls"]
    )
    def test_that_no_parser_reads_are_refused(self, scene: Scene, calls: list[tuple[Walked, str]]) -> None:
        assert self.accepted(scene, OF_THE_PARSER, calls) == ""

    def accepted(self, scene: Scene, bodies: dict[str, tuple[bytes, str]], calls: list[tuple[Walked, str]]) -> str:
        """A line for each body that a call fell over, or refused without a sentence."""
        caller, wrong = member(scene.acme, Role.ADMIN), []
        for route, method in calls:
            address = next(addresses(route, scene.mine))
            for what, (data, kind) in bodies.items():
                response = ask(
                    caller,
                    method,
                    address,
                    send=lambda a=address, m=method, d=data, k=kind: api(caller, m, a, data=d, kind=k),
                )
                is_sentence = response.status_code < 400 or bool(sentence_of(response))
                if response.status_code >= 500 or not is_sentence:
                    wrong.append(f"{method} {route.path} {what}: {response.status_code}")
        return "\n".join(wrong)

    def test_with_a_wrong_length_are_refused(self, scene: Scene) -> None:
        caller = member(scene.acme, Role.ADMIN)
        for length in ("-1", "x", "99999999999999999999", ""):
            response = Client(raise_request_exception=False).generic(
                "POST",
                "/api/v1/templates",
                b"{}",
                content_type=JSON,
                headers={"Authorization": f"Bearer {caller.key}"},
                CONTENT_LENGTH=length,
            )
            assert 400 <= response.status_code < 500, length
            assert sentence_of(response)

    def test_with_ids_of_another_tenant_find_nothing(self, scene: Scene) -> None:
        """An id in the body is answered as an id that nobody has."""
        caller, wrong = member(scene.globex, Role.ADMIN), []
        for route, method in WRITES:
            address = next(addresses(route, scene.theirs))
            for public_id in map(str, scene.mine.ids.values()):
                answers = []
                for each in (public_id, str(uuid4())):
                    body = self.full_of(each)
                    response = ask(caller, method, address, body)
                    assert not scene.mine.traces_in(response)
                    answers.append((response.status_code, response.content.replace(each.encode(), b"")))
                if answers[0] != answers[1] and answers[0][0] != 201:
                    wrong.append(f"{method} {route.path}: {answers}")

        assert "\n".join(wrong) == ""

    def full_of(self, public_id: str) -> str:
        fields = dict.fromkeys(("roster", "template", "department", "campaign", "id"), public_id)
        return json.dumps({**fields, "name": "x", "to": "06033330003", "role": "staff"})


class TestAddresses:
    @pytest.mark.parametrize("value", ["\x00", "9" * 40, "-1", "०", "💥", "x" * 3_000])
    def test_with_strange_words_in_the_query_are_never_a_5xx(self, scene: Scene, value: str) -> None:
        caller, wrong = member(scene.acme, Role.ADMIN), []
        names = ("cursor", "phone", "reference", "since", "state", "reason", "route", "campaign", "month", "roster")
        names += ("template", "day", "person", "action", "show", "delay", "encoding", "seen", "q", "next")
        for route in PLAIN:
            if "GET" not in route.permissions or Permission.OPERATE in route.permissions.values():
                continue
            if route.path == "/readyz":
                continue
            address = f"{next(addresses(route, scene.mine))}?{urlencode(dict.fromkeys(names, value))}"
            response = ask(caller, "GET", address)
            if response.status_code >= 500:
                wrong.append(f"{address}: {response.status_code}")

        assert wrong == []

    @pytest.mark.parametrize("address", ["/people/%00", "/audit?action=%00", "/api/v1/messages?reference=%00"])
    def test_with_nul_are_refused(self, scene: Scene, address: str) -> None:
        """PostgreSQL takes no NUL in a text, and no address of ours has one."""
        caller = member(scene.acme, Role.ADMIN)

        assert ask(caller, "GET", address).status_code == 400


@cache
def operations() -> list[Any]:
    """What the API says of itself, once for all modes: to say it takes seconds."""
    described = Client().get("/api/v1/schema").json()
    return [result.ok() for result in schemathesis.openapi.from_dict(described).get_all_operations()]


class TestSchema:
    """The API against its own description: what it allows and what it forbids, generated."""

    @pytest.mark.parametrize("mode", list(GenerationMode))
    @pytest.mark.parametrize("examples", EXAMPLES)
    def test_nothing_generated_is_a_5xx(self, scene: Scene, mode: GenerationMode, examples: int) -> None:
        caller, fallen = member(scene.acme, Role.ADMIN), []
        for operation in operations():
            for problem in self.problems(operation, caller, scene, mode, examples):
                fallen.append(problem)

        assert "\n".join(fallen) == ""

    def problems(self, operation: Any, caller: Caller, scene: Scene, mode: GenerationMode, examples: int) -> list[str]:
        found: list[str] = []
        route = next((route for route in API if self.is_of(route, operation.path)), None)
        if route is None:
            return []

        @seed(3)
        @settings(
            max_examples=examples,
            phases=[Phase.generate],
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def run(case: Any) -> None:
            response = self.send(case, caller, next(addresses(route, scene.mine)))
            is_shaped = response.status_code < 400 or bool(sentence_of(response))
            if response.status_code >= 500 or not is_shaped:
                found.append(f"{case.method} {case.path} {case.query} {case.body!r:.200}: {response.status_code}")

        run()
        return found

    def is_of(self, route: Walked, path: str) -> bool:
        return route.path.split("{")[0] == path.split("{")[0] and route.path.count("/") == path.count("/")

    def send(self, case: Any, caller: Caller, address: str) -> Any:
        query = urlencode({str(name): str(value) for name, value in (case.query or {}).items()}, errors="replace")
        body = case.body
        data = (
            json.dumps(body).encode() if isinstance(body, dict | list | str | int | float | bool | type(None)) else b""
        )
        return ask(
            caller,
            case.method,
            address,
            send=lambda: api(caller, case.method, f"{address}?{query}", data=data, kind=JSON),
        )
