"""The naughty strings in every text field of every form and call: literally back, or refused with a sentence."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Final

from django.db import transaction

from tenants.permissions import Permission, Role
from tests.factories.dispatch import make_campaign, make_roster, person
from tests.rules.test_routes import PLAIN
from tests.security.conftest import Scene
from tests.security.forms import Form, Page
from tests.security.matrix import addresses
from tests.security.naughty import JSON_ESCAPES, NAUGHTY, NUL
from tests.security.people import Caller, member, nobody

PHONE: Final = "06044440004"
SHORT: Final = 80  # characters that most short fields take
LONG: Final = 1_000  # and most long ones
# Every call that takes text: a body that is taken, and which of its fields are texts. The test below names what is missing.
CALLS: Final[dict[str, dict[str, Any]]] = {
    "POST /api/v1/templates": {"name": "x", "text": "x"},
    "PATCH /api/v1/templates/{public_id}": {"name": "x", "text": "x"},
    "POST /api/v1/templates/{public_id}/preview": {"values": {"x": "x"}},
    "POST /api/v1/messages": {"to": PHONE, "text": "x", "reference": "x"},
    "POST /api/v1/messages/batch": {"messages": [{"to": PHONE, "text": "x", "reference": "x"}]},
    "POST /api/v1/opt-outs": {"phone": PHONE, "note": "x"},
    "POST /api/v1/consents": {
        "phone": PHONE,
        "given": True,
        "purpose": "x",
        "name": "x",
        "external_id": "x",
        "note": "x",
    },
    "POST /api/v1/keys": {"name": "x", "role": "viewer"},
    "POST /api/v1/campaigns": {"name": "x", "roster": "", "text": "x"},
    "POST /api/v1/campaigns/{public_id}/send": {"override_reason": "x"},
    "PATCH /api/v1/calls/{public_id}": {"outcome": "no_answer", "note": "x"},
    "POST /api/v1/rosters/{public_id}/confirm": {"codes": ["x"]},
    "PATCH /api/v1/rosters/{public_id}/rows/{row}": {"name": "x", "phone": "x"},
}
NO_TEXT: Final = ("/approve", "/pause", "/resume", "/cancel", "/families")  # verbs without a body, or with a yes or no
FILES: Final = ("/rosters", "/exclusions")  # take a file: test_bad_files.py


def same(given: str, shown: str) -> bool:
    """Whether ``shown`` holds what was typed: composed, trimmed and without controls, but no character another."""
    return _plain(given) in _plain(shown)


def _plain(text: str) -> str:
    kept = (
        character for character in unicodedata.normalize("NFC", text) if character >= " " and character.isprintable()
    )
    return "".join("".join(kept).split())


def fields_of(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of the texts in a body."""
    pairs = body.items() if isinstance(body, dict) else enumerate(body)
    for key, value in pairs:
        if isinstance(value, dict | list):
            yield from fields_of(value, (*path, key))
        elif value == "x":
            yield (*path, key)


def with_text(body: Any, places: Iterable[tuple[Any, ...]], text: str) -> Any:
    copy = json.loads(json.dumps(body))
    for place in places:
        inner = copy
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = text
    return copy


def together(strings: dict[str, str], *, most: int) -> Iterator[dict[str, str]]:
    """The strings in groups that stay below so many characters side by side; longer ones alone."""
    group: dict[str, str] = {}
    for what, text in strings.items():
        if group and len(" ".join([*group.values(), text])) > most:
            yield group
            group = {}
        group[what] = text
    yield group


def tries(
    strings: dict[str, str], attempt: Callable[[str], Any], *, is_taken: Callable[[Any, str], bool]
) -> Iterator[tuple[dict[str, str], str, Any]]:
    """(strings, text, what came of it): as many side by side as are taken; alone, what is not taken with others.

    Where even "x" is not taken, strings are refused side by side as they would be alone.
    """
    takes_x = is_taken(attempt("x"), "x")
    waiting = [(group, (SHORT, 0)) for group in together(strings, most=LONG)]
    while waiting:
        group, smaller = waiting.pop()
        text = " ".join(group.values())
        came = attempt(text)
        if len(group) == 1 or not takes_x or is_taken(came, text):
            yield group, text, came
        else:
            waiting += [(part, smaller[1:]) for part in together(group, most=smaller[0])]


class TestCalls:
    def test_each_that_takes_a_body_is_listed(self) -> None:
        taking = {
            f"{method} {route.path}"
            for route in PLAIN
            if route.is_api and not route.path.endswith(NO_TEXT + FILES)
            for method in ("POST", "PATCH", "PUT")
            if method in route.permissions
        }

        assert taking == set(CALLS)

    def test_take_them_literally_or_say_why_not(self, scene: Scene) -> None:
        """In all fields at once where all of them take an "x", else field by field."""
        caller, wrong = member(scene.acme, Role.ADMIN), []
        for name, body in CALLS.items():
            every = list(fields_of(body))
            takes_x = self.is_taken(self.give(scene, caller, name, every, "x"), "x", name, every)
            for places in [every] if takes_x else [[place] for place in every]:
                wrong += self.wrong_in(places, scene, caller, name)

        assert "\n".join(wrong) == ""

    def wrong_in(self, places: list[Any], scene: Scene, caller: Caller, name: str) -> Iterator[str]:
        found = tries(
            NAUGHTY,
            lambda text: self.give(scene, caller, name, places, text),
            is_taken=lambda response, text: self.is_taken(response, text, name, places),
        )
        for group, text, response in found:
            if self.is_taken(response, text, name, places):
                continue
            for place in places:
                alone = self.give(scene, caller, name, [place], text)
                if not self.is_well(alone, text, name):
                    said = f"{alone.status_code} {alone.content.decode()[:150]}"
                    yield f"{name} {place} {', '.join(group)}: {said}"

    def give(self, scene: Scene, caller: Caller, name: str, places: list[Any], text: str) -> Any:
        return self.ask(scene, caller, name, json.dumps(with_text(CALLS[name], places, text)))

    def is_taken(self, response: Any, text: str, name: str, places: list[Any]) -> bool:
        return response.status_code < 400 and self.is_well(response, text, name, fields=len(places))

    def test_refuse_what_is_no_text(self, scene: Scene) -> None:
        caller, wrong = member(scene.acme, Role.ADMIN), []
        for name, body in CALLS.items():
            for place in fields_of(body):
                for what, escape in JSON_ESCAPES.items():
                    data = json.dumps(with_text(body, [place], "NAUGHTY")).replace("NAUGHTY", escape)
                    response = self.ask(scene, caller, name, data)
                    if response.status_code != 400 or not response.json()["message"]:
                        wrong.append(f"{name} {place} {what}: {response.status_code}")

        assert "\n".join(wrong) == ""

    def ask(self, scene: Scene, caller: Caller, name: str, data: str) -> Any:
        method, path = name.split(" ")
        route = next(route for route in PLAIN if route.path == path)
        data = data.replace('"roster": ""', f'"roster": "{scene.mine.ids["roster"]}"')
        with transaction.atomic():
            response = caller.ask(method, next(addresses(route, scene.mine)), data)
            transaction.set_rollback(True)
        return response

    def is_well(self, response: Any, text: str, name: str, *, fields: int = 1) -> bool:
        if response.status_code >= 400:
            return response.status_code < 500 and bool(response.json()["message"])
        if name.endswith(("/send", "/confirm", "/batch", "/preview", "/rows/{row}")):
            return True  # answers with something else than what was given
        return sum(same(text, each) for each in _texts(response.json())) >= fields


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


class TestForms:
    """Every form of every page, found as a browser finds it."""

    PAGES: Final = [
        route
        for route in PLAIN
        if not route.is_api and "GET" in route.permissions and Permission.OPERATE not in route.permissions.values()
        if route.path != "/readyz"
    ]

    def test_take_them_literally_or_say_why_not(self, scene: Scene) -> None:
        forms, wrong = self.forms(scene), []
        fields = [name for _caller, _address, form in forms for name in form.typed]
        assert len(fields) > 25
        assert {"text", "note", "login", "query"} <= set(fields)

        for caller, address, form in forms:
            fill = partial(self.fill, caller, address, form)
            for group, text, answers in tries({**NAUGHTY, "nul": NUL}, fill, is_taken=self.is_taken):
                faults = self.faults(form, text, *answers)
                wrong += [f"{form.action or address} {', '.join(group)}: {fault}" for fault in faults]

        assert "\n".join(wrong) == ""

    def is_taken(self, answers: tuple[Any, Any], text: str) -> bool:
        return bool(answers[0].status_code < 400)

    def forms(self, scene: Scene) -> list[tuple[Caller, str, Form]]:
        """Each once, whichever pages it stands on; those of nobody too."""
        found: dict[tuple[str, ...], tuple[Caller, str, Form]] = {}
        for caller in (member(scene.acme, Role.ADMIN), nobody()):
            for address in self.pages(scene):
                response = caller.ask("GET", address)
                if response.status_code != 200 or "html" not in response["Content-Type"]:
                    continue
                for form in Page(response.content.decode()).forms:
                    if form.typed and not form.has_file:
                        place = (form.action or address).split("?")[0]
                        found.setdefault((place, *form.typed), (caller, address, form))
        return list(found.values())

    def pages(self, scene: Scene) -> Iterator[str]:
        with scene.acme.scope():
            roster = make_roster(scene.acme, [person(1)])
            draft = make_campaign(scene.acme, roster)
        yield from (f"/campaigns/{draft.public_id}/{page}" for page in ("check", "edit"))
        yield f"/campaigns/new?roster={roster.public_id}"
        yield from (next(addresses(route, scene.mine)) for route in self.PAGES)

    def fill(self, caller: Caller, address: str, form: Form, text: str) -> tuple[Any, Any]:
        """All fields of a form hold the text at once: what it answers, and the page where that leads."""
        values = {**form.values, **dict.fromkeys(form.typed, text)}
        with transaction.atomic():
            target = form.action or address
            if form.method == "get":
                response = caller.browser.get(target.split("?")[0], values)
            else:
                response = caller.browser.post(target, values)
            answer = response
            if response.status_code == 302 and not response["Location"].startswith("/account/"):
                answer = caller.browser.get(response["Location"])
            transaction.set_rollback(True)
        return response, answer

    def faults(self, form: Form, text: str, response: Any, answer: Any) -> Iterator[str]:
        if answer.status_code >= 500 or response.status_code >= 500:
            yield f"{response.status_code}, {answer.status_code}"
        elif "html" in answer.get("Content-Type", ""):
            page = Page(answer.content.decode())
            if response.status_code == 422 and (lost := self.lost(page, form, text)):
                yield f"what was typed is lost: {lost}"
            if "naughty" in page.ids or page.handlers:
                yield f"markup came through: {page.handlers}"
        if any("naughty" in cookie for cookie in response.cookies) or "naughty=1" in str(response.headers):
            yield "a header came through"

    def lost(self, page: Page, form: Form, text: str) -> set[str]:
        """The fields of a form that was refused in which the text does not stand any more."""
        again = [each for each in page.forms if set(form.typed) <= set(each.typed)]
        typed = {name for name in form.typed if "password" not in name and "code" not in name}
        return {name for name in typed if again and not any(same(text, each.values[name]) for each in again)}
