"""Security keys: set up, asked for at the log-in and before what matters, and what they do not open."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from tenants.account import factors
from tenants.models import User
from tenants.permissions import Role
from tests.app.tenants.test_log_in import enter_password, is_in
from tests.conftest import Cast, sign_in
from tests.security_key import SecurityKey, encode


@pytest.fixture
def staff(acme: Cast) -> User:
    return acme.users[Role.STAFF]


def register(browser: Client, key: SecurityKey) -> Any:
    """From the page of one's own factors."""
    options = browser.get("/account/factors").context["key_options"]
    return browser.post("/account/factors/keys", {"name": "青いキー", "credential": key.create(options)})


def answer(browser: Client, key: SecurityKey) -> Any:
    options = browser.get("/account/code").context["key_options"]
    return browser.post("/account/code", {"credential": key.get(options)})


@pytest.fixture
def key(acme: Cast, staff: User) -> SecurityKey:
    """One that the member of staff registered."""
    made = SecurityKey()
    register(sign_in(Client(), staff), made)
    assert len(factors.factors_of(staff).security_keys) == 1
    return made


class TestFirstFactor:
    def test_may_be_a_key(self, acme: Cast, staff: User, client: Client) -> None:
        Authenticator.objects.all().delete()
        enter_password(client, staff.email)
        options = client.get("/account/factors/first").context["key_options"]

        response = client.post("/account/factors/first", {"credential": SecurityKey().create(options)})

        assert "予備コードを保管してください" in response.content.decode()
        assert is_in(client)
        assert [one.data["name"] for one in factors.factors_of(staff).security_keys] == ["セキュリティキー1"]


class TestRegistering:
    def test_a_key_ends_every_session(self, acme: Cast, staff: User) -> None:
        here, there = sign_in(Client(), staff), sign_in(Client(), staff)

        register(here, SecurityKey())

        assert not is_in(here)
        assert not is_in(there)

    @pytest.mark.parametrize(
        "key",
        [
            SecurityKey(origin="https://evil.example"),
            SecurityKey(origin="http://testserver"),
            SecurityKey(rp_id="evil.example"),
        ],
        ids=["another site", "without tls", "for another site"],
    )
    def test_refuses_what_was_made_elsewhere(self, acme: Cast, staff: User, key: SecurityKey) -> None:
        register(sign_in(Client(), staff), key)

        assert factors.factors_of(staff).security_keys == ()

    def test_refuses_an_answer_to_another_challenge(self, acme: Cast, staff: User) -> None:
        browser = sign_in(Client(), staff)
        browser.get("/account/factors")
        stale = json.dumps({"publicKey": {"challenge": encode(b"1" * 32)}})

        browser.post("/account/factors/keys", {"name": "x", "credential": SecurityKey().create(stale)})

        assert factors.factors_of(staff).security_keys == ()

    @pytest.mark.parametrize("credential", ["", "{}", "[]", "null", "1", '"x"', "{" * 5000, '{"id": 1, "rawId": {}}'])
    def test_refuses_nonsense(self, acme: Cast, staff: User, credential: str) -> None:
        browser = sign_in(Client(), staff)
        browser.get("/account/factors")

        assert browser.post("/account/factors/keys", {"name": "x", "credential": credential}).status_code == 302
        assert factors.factors_of(staff).security_keys == ()


class TestLogIn:
    def test_by_password_and_key_leads_in(self, staff: User, key: SecurityKey, client: Client) -> None:
        enter_password(client, staff.email)

        response = answer(client, key)

        assert (response.status_code, response["Location"]) == (302, "/")
        assert is_in(client)

    def test_by_another_persons_key_does_not(self, acme: Cast, staff: User, key: SecurityKey, client: Client) -> None:
        other = SecurityKey()
        register(sign_in(Client(), acme.users[Role.ADMIN]), other)
        enter_password(client, staff.email)

        assert answer(client, other).status_code == 422
        assert not is_in(client)

    def test_by_an_answer_that_was_overheard_does_not(self, staff: User, key: SecurityKey, client: Client) -> None:
        enter_password(client, staff.email)
        overheard = key.get(client.get("/account/code").context["key_options"])
        client.post("/account/code", {"credential": overheard})
        assert is_in(client)

        second = Client()
        enter_password(second, staff.email)
        second.get("/account/code")
        assert second.post("/account/code", {"credential": overheard}).status_code == 422
        assert not is_in(second)

    def test_by_a_wrong_signature_does_not(self, staff: User, key: SecurityKey, client: Client) -> None:
        enter_password(client, staff.email)
        said = json.loads(key.get(client.get("/account/code").context["key_options"]))
        said["response"]["signature"] = encode(b"0" * 70)

        assert client.post("/account/code", {"credential": json.dumps(said)}).status_code == 422
        assert not is_in(client)

    def test_by_the_key_without_the_password_does_not(self, key: SecurityKey, client: Client) -> None:
        assert client.get("/account/code").status_code == 302
        assert client.post("/account/code", {"credential": "{}"}).status_code == 302
        assert not is_in(client)


class TestProof:
    def test_by_a_key_lets_the_act_go_on(self, acme: Cast) -> None:
        admin, key = acme.users[Role.ADMIN], SecurityKey()
        register(sign_in(Client(), admin), key)
        browser = sign_in(Client(), admin)
        session = browser.session
        session[factors.PROOF] = {"user": admin.pk, "at": time.time() - 3600}
        session.save()
        rule = {"networks": "127.0.0.0/8"}

        asked = browser.post("/settings/networks", rule)
        assert asked.status_code == 200
        done = browser.post("/settings/networks", {**rule, "factor_credential": key.get(asked.context["key_options"])})

        assert done.status_code == 302
        acme.tenant.refresh_from_db()
        assert acme.tenant.allowed_networks == ["127.0.0.0/8"]
