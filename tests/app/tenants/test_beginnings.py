"""A new office, its first admin, operators; and the way back for an office that shut itself out."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client

from tenants.context import tenant_scope
from tenants.models import AuditEvent, Membership, Tenant, User
from tenants.permissions import Role
from tests.conftest import Cast, sign_in

pytestmark = pytest.mark.django_db
OFFICE = (
    "新町保健所",
    "--office-name",
    "新町保健所",
    "--admin-email",
    "first@shin.example",
    "--admin-name",
    "最初 一子",
)
PASSWORD = "sakura-hokenjo-kaze"


def choose_password(email: str) -> Client:
    """By the link of a forgotten one, and the log-in with it."""
    browser = Client()
    browser.post("/account/password/reset", {"email": email})
    link = re.search(r"https?://[^/]+(/account/password/reset/key/\S+)", mail.outbox[-1].body)
    assert link
    form = browser.get(link[1], follow=True).redirect_chain[-1][0]
    browser.post(form, {"password1": PASSWORD, "password2": PASSWORD})
    browser.post("/account/login", {"login": email, "password": PASSWORD})
    return browser


class TestAddTenant:
    def test_makes_an_office_whose_admin_comes_in(self) -> None:
        call_command("add_tenant", *OFFICE)

        user = User.objects.get(email="first@shin.example")
        assert not user.has_usable_password()
        with tenant_scope(user.tenant_id or 0):
            assert [(one.role, one.department) for one in Membership.objects.all()] == [(Role.ADMIN, None)]
            assert AuditEvent.objects.get(action="person.added").user_id is None
        browser = choose_password(user.email)
        assert browser.get("/")["Location"].startswith("/account/factors/first")

    @pytest.mark.parametrize(
        "changed", [{4: "no address"}, {4: "STAFF@acme.example"}, {0: "acme"}], ids=["bad", "taken", "same name"]
    )
    def test_refuses(self, acme: Cast, changed: dict[int, str]) -> None:
        given = [changed.get(place, word) for place, word in enumerate(OFFICE)]

        with pytest.raises(CommandError):
            call_command("add_tenant", *given)

        assert Tenant.objects.count() == 1


class TestAddOperator:
    def test_makes_one_who_comes_in_and_sees_no_tenant(self, acme: Cast) -> None:
        call_command("add_operator", "op@todoke.example", "運用 二子")

        user = User.objects.get(email="op@todoke.example")
        assert (user.is_operator, user.tenant_id) == (True, None)
        assert choose_password(user.email).get("/ops")["Location"].startswith("/account/factors/first")

    def test_refuses_an_address_that_is_taken(self, acme: Cast) -> None:
        with pytest.raises(CommandError, match="already"):
            call_command("add_operator", "staff@acme.example", "x")


class TestOpenNetworks:
    def test_lets_an_office_in_again(self, acme: Cast, client: Any) -> None:
        Tenant.objects.filter(pk=acme.tenant.pk).update(allowed_networks=["203.0.113.0/24"])
        browser = sign_in(client, acme.users[Role.ADMIN])
        assert browser.get("/").status_code == 403

        call_command("open_networks", str(acme.tenant.pk))

        assert browser.get("/").status_code == 200
        with acme.scope():
            written = AuditEvent.objects.get(action="tenant.networks_changed")
        assert written.user_id is None

    def test_refuses_an_office_that_is_not_there(self) -> None:
        with pytest.raises(CommandError, match="no tenant"):
            call_command("open_networks", "999999")
