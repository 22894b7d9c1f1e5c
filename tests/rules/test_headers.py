"""Every route answers with the headers that close doors, and no page holds a script or a style of its own."""

from __future__ import annotations

import re
from typing import Any, Final
from uuid import uuid4

import pytest
from django.test import Client

from tenants.models import User
from tenants.permissions import Role
from tests.conftest import Cast, sign_in
from tests.rules.test_routes import PLAIN, Walked

WANTED: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
INLINE: Final = re.compile(
    r"<script(?![^>]*\bsrc=)[^>]*>|<style|\sstyle\s*=\s*[\"']|\son[a-z]+\s*=\s*[\"']|javascript:", re.I
)


def wrong_with(response: Any) -> list[str]:
    found = [name for name, value in WANTED.items() if response.headers.get(name) != value]
    policy = response.headers.get("Content-Security-Policy", "")
    if "default-src 'none'" not in policy or "unsafe" in policy or "frame-ancestors 'none'" not in policy:
        found.append("Content-Security-Policy")
    if "Permissions-Policy" not in response.headers:
        found.append("Permissions-Policy")
    if "no-store" not in response.headers.get("Cache-Control", ""):
        found.append("Cache-Control")
    body = b"".join(response).decode("utf-8", "replace")
    if response.headers.get("Content-Type", "").startswith("text/html"):
        found += INLINE.findall(body)
    return found


def ask(route: Walked, browser: Client, key: str) -> Any:
    address = route.address(**dict.fromkeys(route.uuid_names, uuid4()))
    headers = {"Authorization": f"Bearer {key}"} if route.is_api and key else {}
    return browser.get(address, headers=headers)


class TestEveryRoute:
    @pytest.mark.parametrize("who", ["nobody", "admin", "operator"])
    def test_carries_the_headers(self, acme: Cast, who: str) -> None:
        browser, key = Client(raise_request_exception=False), ""
        if who == "admin":
            browser, key = sign_in(browser, acme.users[Role.ADMIN]), acme.keys[Role.ADMIN]
        if who == "operator":
            operator = User.objects.create_user(email="op@todoke.example", password=None, name="op", is_operator=True)
            browser = sign_in(browser, operator)

        wrong = {}
        for route in PLAIN:
            response = ask(route, browser, key)
            if found := wrong_with(response):
                wrong[route.path] = (response.status_code, found)

        assert not wrong

    @pytest.mark.parametrize("address", ["/nowhere", "/account/invitation/x", "/account/password/reset/key/1-x"])
    def test_that_leads_nowhere_carries_them_too(self, db: None, client: Client, address: str) -> None:
        assert wrong_with(client.get(address)) == []

    def test_the_pages_of_the_way_in_carry_them(self, acme: Cast, client: Client) -> None:
        client.post("/account/login", {"login": acme.users[Role.STAFF].email, "password": "x" * 16})
        assert wrong_with(client.get("/account/code")) == []

        acme.users[Role.STAFF].authenticator_set.all().delete()
        client.force_login(acme.users[Role.STAFF])
        assert wrong_with(client.get("/account/factors/first")) == []

    def test_a_refused_place_carries_them(self, acme: Cast, client: Client) -> None:
        acme.tenant.allowed_networks = ["203.0.113.0/24"]
        acme.tenant.save()

        assert wrong_with(sign_in(client, acme.users[Role.STAFF]).get("/")) == []


class TestWhatNoViewAnswers:
    """Answers of the layers before any view: they carry the same headers."""

    def without_cache(self, response: Any) -> list[str]:
        return [name for name in wrong_with(response) if name != "Cache-Control"]

    @pytest.mark.parametrize("file", ["css/base.css", "js/announce.js", "fonts/noto-sans-jp-0-400-normal.woff2"])
    def test_a_static_file(self, client: Client, file: str) -> None:
        response = client.get(f"/static/{file}")

        assert response.status_code == 200
        assert self.without_cache(response) == []

    def test_a_static_file_that_is_not_there(self, db: None, client: Client) -> None:
        assert wrong_with(client.get("/static/css/nowhere.css")) == []

    def test_the_way_to_https(self, client: Client, settings: Any) -> None:
        settings.SECURE_SSL_REDIRECT = True

        response = Client().get("/account/login")

        assert (response.status_code, response["Location"]) == (301, "https://testserver/account/login")
        assert wrong_with(response) == []

    @pytest.mark.parametrize("redirects", [True, False])
    def test_a_strange_host(self, settings: Any, redirects: bool) -> None:
        settings.SECURE_SSL_REDIRECT = redirects

        response = Client(raise_request_exception=False).get("/account/login", headers={"host": "evil.example"})

        assert response.status_code == 400
        assert wrong_with(response) == []

    def test_an_address_with_nul(self, db: None) -> None:
        response = Client(raise_request_exception=False).get("/people/%00")

        assert response.status_code == 400
        assert wrong_with(response) == []

    def test_a_form_without_its_token(self, db: None) -> None:
        response = Client(enforce_csrf_checks=True).post("/account/login")

        assert response.status_code == 403
        assert wrong_with(response) == []

    @pytest.mark.parametrize("address", ["/account/login", "/api/v1/rosters", "/healthz"])
    def test_a_method_that_is_not_known(self, db: None, client: Client, address: str) -> None:
        assert wrong_with(client.generic("TRACE", address)) == []
