"""Requests that another site makes in somebody's name: their browser brings the cookies and cannot know the token."""

from __future__ import annotations

from typing import Any, Final

from django.test import Client

from tenants.permissions import Permission, Role
from tests.conftest import sign_in
from tests.rules.test_routes import PLAIN
from tests.security.conftest import Scene
from tests.security.matrix import addresses
from tests.security.people import member, nobody
from tests.security.planting import contents

BY_SIGNATURE: Final = {"/webhooks/carriers/{public_id}"}  # carriers have no browser; each call proves itself


def strict(scene: Scene, role: Role | None) -> Client:
    browser = Client(raise_request_exception=False, enforce_csrf_checks=True)
    return sign_in(browser, scene.acme.users[role]) if role else browser


class TestForgery:
    def test_changes_nothing_by_any_form(self, scene: Scene) -> None:
        with scene.acme.scope():
            before = contents()
        taken, exempt = [], set()
        for role in (Role.ADMIN, Role.STAFF, None):
            browser = strict(scene, role)
            for route in PLAIN:
                if route.is_api or "POST" not in route.permissions:
                    continue
                for address in addresses(route, scene.mine):
                    response = browser.post(address, {"name": "x", "text": "x", "is_active": "0"})
                    if response.status_code != 403:
                        exempt.add(route.path)
                        taken.append((role, address, response.status_code))

        assert exempt == BY_SIGNATURE, taken
        with scene.acme.scope():
            assert contents() == before

    def test_changes_nothing_by_looking(self, scene: Scene) -> None:
        """A picture's address on another site is a GET with cookies. Who is on whose call is shown, and no more."""
        browser = strict(scene, Role.ADMIN)
        with scene.acme.scope():
            before = self.without_views(contents())
        for route in PLAIN:
            if route.is_api or "GET" not in route.permissions or Permission.OPERATE in route.permissions.values():
                continue
            if route.path in {"/readyz", "/account/logout"}:
                continue
            for address in addresses(route, scene.mine):
                browser.get(address)

        with scene.acme.scope():
            assert self.without_views(contents()) == before

    def without_views(self, found: str) -> list[str]:
        return [line for line in found.split("\n") if not line.startswith(("dispatch_call:", "tenants_auditsubject:"))]

    def test_cookies_open_nothing_of_the_api(self, scene: Scene) -> None:
        browser: Any = member(scene.acme, Role.ADMIN).browser
        wrong = []
        for route in PLAIN:
            if not route.is_api or Permission.PUBLIC in route.permissions.values():
                continue
            for method in route.permissions:
                response = browser.generic(method, next(addresses(route, scene.mine)), content_type="application/json")
                if response.status_code != 401:
                    wrong.append((method, route.path, response.status_code))

        assert wrong == []

    def test_from_another_site_is_told_to_no_other_site(self, scene: Scene) -> None:
        """No answer lets another site's script read it."""
        origin = {"Origin": "https://evil.example"}
        for caller in (nobody(), member(scene.acme, Role.ADMIN)):
            for path in ("/", "/api/v1/messages", "/account/login", "/readyz"):
                response = caller.ask("GET", path, **origin)
                assert not [name for name in response.headers if name.lower().startswith("access-control-")]
