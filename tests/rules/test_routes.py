"""Every route of the resolver: declares a permission, and finds nothing of another tenant by any id.

Nothing is listed by hand: a new route is walked as soon as it exists. That it is closed to whoever lacks the permission, role by
role, is in tests/security/test_matrix.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.converters import IntConverter, UUIDConverter
from django.utils import timezone

from dispatch.models import Call, Campaign, Message
from dispatch.services.forgetting import digest_of
from dispatch.services.messages import Draft, send_message
from recipients.models import OptOut, Roster
from recipients.models import Route as RowRoute
from templates_sms.models import MessageTemplate, TemplateVersion
from tenants import throttling
from tenants.keys import ring
from tenants.models import ApiKey, Erasure
from tenants.permissions import Permission, Role
from tests.app.reports.sending import sent_campaign
from tests.conftest import Cast, sign_in
from tests.factories.dispatch import make_account, person

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Walked:
    """A route with its parameters, and what each method asks for."""

    path: str  # "/campaigns/{public_id}"
    converters: dict[str, Any]
    permissions: dict[str, Permission]

    @property
    def is_api(self) -> bool:
        return self.path.startswith("/api/")

    def address(self, **values: object) -> str:
        return self.path.format(**{name: values.get(name, 1) for name in self.converters})

    @property
    def uuid_names(self) -> list[str]:
        return [name for name, converter in self.converters.items() if isinstance(converter, UUIDConverter)]


def walk(patterns: list[Any], prefix: str = "/", converters: dict[str, Any] | None = None) -> Iterator[Walked]:
    for pattern in patterns:
        inner = {**(converters or {}), **getattr(pattern.pattern, "converters", {})}
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, prefix + template_of(pattern), inner)
        elif isinstance(pattern, URLPattern):
            yield Walked(
                path=prefix + template_of(pattern), converters=inner, permissions=permissions_of(pattern.callback)
            )


def template_of(pattern: Any) -> str:
    """``campaigns/<uuid:public_id>`` as ``campaigns/{public_id}``; a regular expression stands as it is, without names."""
    text = str(pattern.pattern)
    for name, converter in getattr(pattern.pattern, "converters", {}).items():
        kind = {UUIDConverter: "uuid", IntConverter: "int"}.get(type(converter), "str")
        text = text.replace(f"<{kind}:{name}>", f"{{{name}}}").replace(f"<{name}>", f"{{{name}}}")
    return text


def permissions_of(callback: Any) -> dict[str, Permission]:
    declared = getattr(getattr(callback, "cls", None) or getattr(callback, "view_class", None), "permissions", None)
    if declared is not None:
        return dict(declared)
    one = getattr(callback, "permission", None)
    return dict.fromkeys(("GET", "POST"), one) if one is not None else {}


def ids_for(route: Walked, filled: dict[str, UUID]) -> dict[str, UUID]:
    """The ids of the kind that the address names; all of them where it names none."""
    words = route.path.replace("-", "_").split("{")[0]
    mine = {
        kind: public_id
        for kind, public_id in filled.items()
        if kind in words or (kind == "single" and "message" in words)
    }
    return mine or filled


ROUTES: Final = list(walk(list(get_resolver().url_patterns)))
PLAIN: Final = [route for route in ROUTES if "(" not in route.path]
WITH_ID: Final = [route for route in PLAIN if route.uuid_names]


@pytest.fixture(autouse=True)
def _no_rate_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "take", lambda *args, **options: 0.0)


@pytest.fixture
def filled(committed: None, enqueued: Any, acme: Cast) -> dict[str, UUID]:
    """One of everything that has an address, of acme; every text of it holds the canary."""
    make_account()
    rest: dict[str, Any] = {
        "phone_raw": "",
        "number_kind": "mobile",
        "age": None,
        "rule": "",
        "detail": "",
        "mended": [],
    }
    people = [person(1, name="カナリア一", **rest), person(2, route=RowRoute.CALL, reason="age", **rest)]
    campaign = sent_campaign(acme, people)
    with acme.scope():
        template = MessageTemplate.objects.create(name="カナリア文面", current=1)
        TemplateVersion.objects.create(
            template=template, number=1, text="カナリア本文", created_by=acme.users[Role.ADMIN]
        )
        opt_out = OptOut(phone_hash=ring().hash("phone", "+816010000077"))
        opt_out.seal({"phone": "+816010000077", "note": "カナリア"})
        opt_out.save()
        single = send_message(draft=Draft(to="06010000055", text="カナリア"), by=acme.admin, now=timezone.now())
        Campaign.objects.filter(pk=campaign.pk).update(
            name="カナリア配信", started_at=timezone.now() - timedelta(hours=1)
        )
        return {
            "campaign": campaign.public_id,
            "roster": Roster.objects.get().public_id,
            "call": Call.objects.get().public_id,
            "message": Message.objects.get(campaign=campaign).public_id,
            "single": single,
            "template": template.public_id,
            "opt_out": opt_out.public_id,
            "department": acme.department.public_id,
            "erasure": an_erasure(acme).public_id,
            "key": ApiKey.objects.get(role=Role.VIEWER).public_id,
        }


def an_erasure(cast: Cast) -> Erasure:
    found = Erasure(user_id=cast.admin.user_id, subject_hash=bytes(16))
    found.seal({"reason": "カナリア", "counts": {}, "stays": []})
    found.digest = digest_of(found)
    found.save()
    return found


def browser_of(cast: Cast, role: Role) -> Client:
    browser: Client = sign_in(Client(raise_request_exception=False), cast.users[role])
    return browser


def ask(route: Walked, method: str, address: str, *, browser: Client, key: str) -> Any:
    if route.is_api:
        headers = {"Authorization": f"Bearer {key}"}
        body = {} if method in {"GET", "DELETE"} else {"data": "{}"}
        return Client(raise_request_exception=False).generic(
            method, address, content_type="application/json", headers=headers, **body
        )
    return browser.generic(method, address)


class TestDeclarations:
    def test_there_are_routes(self) -> None:
        assert len(ROUTES) > 40

    @pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
    def test_each_route_declares_its_permission(self, route: Walked) -> None:
        assert route.permissions
        assert all(isinstance(permission, Permission) for permission in route.permissions.values())

    def test_only_what_must_be_is_public(self) -> None:
        public = {route.path for route in ROUTES if Permission.PUBLIC in route.permissions.values()}

        assert {path for path in public if not path.startswith("/account/")} == {
            "/healthz",
            "/readyz",
            "/language",
            "/api/v1/schema",
            "/webhooks/carriers/{public_id}",
        }


class TestOtherTenant:
    def test_finds_nothing_by_any_address(self, filled: dict[str, UUID], acme: Cast, globex: Cast) -> None:
        """Every route with an id, every id of acme, every method, as globex's admin: 404 and no canary."""
        browser, wrong = browser_of(globex, Role.ADMIN), []
        for route in WITH_ID:
            for kind, public_id in ids_for(route, filled).items():
                address = route.address(**dict.fromkeys(route.uuid_names, public_id))
                for method, permission in route.permissions.items():
                    response = ask(route, method, address, browser=browser, key=globex.keys[Role.ADMIN])
                    allowed = {404, 405} | ({403} if permission is Permission.OPERATE else set())
                    if response.status_code in {
                        400,
                        422,
                    }:  # the empty body is refused first: as for an id that nobody has
                        nowhere = route.address(**dict.fromkeys(route.uuid_names, uuid4()))
                        empty = ask(route, method, nowhere, browser=browser, key=globex.keys[Role.ADMIN])
                        allowed.add(empty.status_code)
                    if response.status_code not in allowed or "カナリア" in response.content.decode():
                        wrong.append((route.path, method, kind, response.status_code))

        assert not wrong

    def test_while_its_own_admin_finds_them(self, filled: dict[str, UUID], acme: Cast) -> None:
        """The same walk as acme's admin: each page with an id opens for one of the ids, and nothing falls over."""
        browser, closed, fallen = browser_of(acme, Role.ADMIN), [], []
        for route in WITH_ID:
            if Permission.OPERATE in route.permissions.values():
                continue
            statuses = []
            for public_id in ids_for(route, filled).values():
                address = route.address(**dict.fromkeys(route.uuid_names, public_id))
                method = "GET" if "GET" in route.permissions else next(iter(route.permissions))
                statuses.append(ask(route, method, address, browser=browser, key=acme.keys[Role.ADMIN]).status_code)
            if all(status in {403, 404} for status in statuses):
                closed.append(route.path)
            if any(status >= 500 for status in statuses):
                fallen.append((route.path, statuses))

        assert (fallen, closed) == ([], [])


class TestEmptyHands:
    @pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
    def test_a_request_without_a_body_never_falls_over(self, filled: dict[str, UUID], acme: Cast, method: str) -> None:
        browser, fallen = browser_of(acme, Role.ADMIN), []
        for route in PLAIN:
            if method not in route.permissions:
                continue
            for public_id in ids_for(route, filled).values() if route.uuid_names else [uuid4()]:
                address = route.address(**dict.fromkeys(route.uuid_names, public_id))
                status = ask(route, method, address, browser=browser, key=acme.keys[Role.ADMIN]).status_code
                if status >= 500:
                    fallen.append((route.path, status))

        assert not fallen
