"""The tenant's networks: for pages and API, with proxies before us, and without locking oneself out."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client, RequestFactory

from tenants.errors import NotAllowed
from tenants.models import AuditEvent, Tenant
from tenants.network import address_block, client_address, is_allowed, read_networks
from tenants.permissions import Role
from tenants.services import WouldLockOut, allow_networks
from tests.conftest import NOON, Cast

OFFICE, ELSEWHERE = "203.0.113.7", "198.51.100.9"


def allow(cast: Cast, *networks: str) -> None:
    Tenant.objects.filter(pk=cast.tenant.pk).update(allowed_networks=list(networks))


def ask_api(cast: Cast, address: str) -> Any:
    headers = {"Authorization": f"Bearer {cast.keys[Role.ADMIN]}"}
    return Client().get("/api/v1/templates", headers=headers, REMOTE_ADDR=address)


class TestDoors:
    def test_are_open_from_everywhere_unless_told(self, acme: Cast, signed_in: Any) -> None:
        assert signed_in(acme.users[Role.STAFF]).get("/", REMOTE_ADDR=ELSEWHERE).status_code == 200
        assert ask_api(acme, ELSEWHERE).status_code == 200

    def test_are_shut_from_elsewhere_for_pages_and_keys(self, acme: Cast, signed_in: Any) -> None:
        allow(acme, "203.0.113.0/24")
        browser = signed_in(acme.users[Role.STAFF])

        assert browser.get("/", REMOTE_ADDR=OFFICE).status_code == 200
        refused = browser.get("/", REMOTE_ADDR=ELSEWHERE)
        assert refused.status_code == 403
        assert ELSEWHERE in refused.content.decode()
        assert acme.tenant.name not in refused.content.decode()
        assert ask_api(acme, OFFICE).status_code == 200
        assert ask_api(acme, ELSEWHERE).status_code == 403
        assert ask_api(acme, ELSEWHERE).json()["code"] == "place_not_allowed"

    def test_of_another_tenant_stay_as_they_are(self, acme: Cast, globex: Cast, signed_in: Any) -> None:
        allow(acme, "203.0.113.0/24")

        assert signed_in(globex.users[Role.STAFF]).get("/", REMOTE_ADDR=ELSEWHERE).status_code == 200

    def test_tell_a_wrong_key_nothing(self, acme: Cast) -> None:
        allow(acme, "203.0.113.0/24")
        headers = {"Authorization": f"Bearer {acme.keys[Role.ADMIN][:-1]}x"}

        assert Client().get("/api/v1/templates", headers=headers, REMOTE_ADDR=ELSEWHERE).status_code == 401

    def test_let_out_from_everywhere(self, acme: Cast, signed_in: Any) -> None:
        allow(acme, "203.0.113.0/24")
        browser = signed_in(acme.users[Role.STAFF])

        assert browser.post("/account/logout", REMOTE_ADDR=ELSEWHERE).status_code == 302
        assert browser.get("/", REMOTE_ADDR=OFFICE).status_code == 302

    @pytest.mark.parametrize("path", ["/healthz", "/account/login"])
    def test_that_are_public_stay_open(self, acme: Cast, client: Client, path: str) -> None:
        allow(acme, "203.0.113.0/24")

        assert client.get(path, REMOTE_ADDR=ELSEWHERE).status_code == 200

    def test_are_kept_for_addresses_of_version_six(self, acme: Cast, signed_in: Any) -> None:
        allow(acme, "2001:db8:7::/48")
        browser = signed_in(acme.users[Role.STAFF])

        assert browser.get("/", REMOTE_ADDR="2001:db8:7:1::5").status_code == 200
        assert browser.get("/", REMOTE_ADDR="2001:db8:8::5").status_code == 403
        assert browser.get("/", REMOTE_ADDR=OFFICE).status_code == 403


class TestSettingsPage:
    def test_saves_and_writes_down(self, acme: Cast, signed_in: Any) -> None:
        response = signed_in(acme.users[Role.ADMIN]).post(
            "/settings/networks", {"networks": "127.0.0.0/8 # here\r\n\r\n2001:DB8::1\r\n127.0.0.1/8\r\n"}
        )

        assert response.status_code == 302
        assert Tenant.objects.get(pk=acme.tenant.pk).allowed_networks == ["127.0.0.0/8", "2001:db8::1/128"]
        with acme.scope():
            assert AuditEvent.objects.get(action="tenant.networks_changed").personal["changed"]["networks"][0] == []

    @pytest.mark.parametrize(
        "text", ["203.0.113.0/24", "not a network", "300.1.1.1", "10.0.0.0/33", "<script>", "\x00", "::/129"]
    )
    def test_refuses_what_locks_out_or_cannot_be_read_and_keeps_what_was_typed(
        self, acme: Cast, signed_in: Any, text: str
    ) -> None:
        response = signed_in(acme.users[Role.ADMIN]).post("/settings/networks", {"networks": text})

        assert response.status_code == 422
        assert Tenant.objects.get(pk=acme.tenant.pk).allowed_networks == []

    def test_locks_nobody_out_by_the_service_either(self, acme: Cast) -> None:
        with acme.scope(), pytest.raises(WouldLockOut):
            allow_networks(networks=["203.0.113.0/24"], address=ELSEWHERE, by=acme.admin, now=NOON)

    def test_is_for_admins_of_the_whole_tenant(self, acme: Cast) -> None:
        with acme.scope(), pytest.raises(NotAllowed):
            allow_networks(networks=[], address=OFFICE, by=acme.staff, now=NOON)


class TestClientAddress:
    @pytest.mark.parametrize(
        ("proxies", "forwarded", "remote", "expected"),
        [
            (0, "1.1.1.1", OFFICE, OFFICE),  # nobody before us: what the client claims is a claim
            (1, "1.1.1.1, 203.0.113.7", "10.0.0.1", OFFICE),
            (1, "", OFFICE, OFFICE),
            (2, "1.1.1.1, 203.0.113.7, 10.0.0.2", "10.0.0.1", OFFICE),
            (2, "1.1.1.1", "198.51.100.9", ELSEWHERE),  # came past the outer proxy: its own address counts
            (1, "::ffff:203.0.113.7", "10.0.0.1", OFFICE),
            (1, "2001:DB8:0::7", "10.0.0.1", "2001:db8::7"),
            (1, "nonsense", "10.0.0.1", None),
            (0, "", "", None),
        ],
    )
    def test_is_what_the_outermost_trusted_proxy_saw(
        self, settings: Any, proxies: int, forwarded: str, remote: str, expected: str | None
    ) -> None:
        settings.TRUSTED_PROXIES = proxies
        headers = {"X-Forwarded-For": forwarded} if forwarded else {}

        assert client_address(RequestFactory().get("/", headers=headers, REMOTE_ADDR=remote)) == expected


class TestNetworks:
    def test_nowhere_is_not_allowed_where_some_place_is(self) -> None:
        assert is_allowed(None, [])
        assert not is_allowed(None, ["0.0.0.0/0"])

    def test_are_read_once_each_in_their_usual_writing(self) -> None:
        assert read_networks(["10.1.2.3/8", " # only a note", "10.0.0.0/8", "::1"]) == ["10.0.0.0/8", "::1/128"]

    @pytest.mark.parametrize(
        ("address", "block"), [(OFFICE, OFFICE), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"), (None, "")]
    )
    def test_one_line_is_one_block(self, address: str | None, block: str) -> None:
        assert address_block(address) == block
