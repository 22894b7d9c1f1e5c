"""While PostgreSQL is away every page and every call says so, whichever layer noticed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client

from devservers.ports import free_port
from tenants.permissions import Role
from tests.app.api.test_keys import bearer
from tests.conftest import Cast

pytestmark = pytest.mark.usefixtures("committed")


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


@pytest.fixture
def take_away() -> Iterator[Callable[[], None]]:
    """Called, it lets the application's connection lead to nobody."""
    named = connections["default"].settings_dict
    port = named["PORT"]

    def take() -> None:
        connections["default"].close()
        named["PORT"] = str(free_port())

    yield take
    connections["default"].close()
    named["PORT"] = port


class TestDatabaseAway:
    def test_is_said_with_503_by_the_api(self, acme: Cast, client: Client, take_away: Callable[[], None]) -> None:
        headers = bearer(acme)
        take_away()

        response = client.get("/api/v1/messages", headers=headers)

        assert (response.status_code, response.json()["code"]) == (503, "database_away")
        assert response["Retry-After"]

    @pytest.mark.parametrize("path", ["/", "/accounts/login/"])
    def test_is_said_with_503_by_pages_for_people_who_are_logged_in(
        self, acme: Cast, client: Client, take_away: Callable[[], None], path: str
    ) -> None:
        client.force_login(acme.users[Role.STAFF], backend=settings.AUTHENTICATION_BACKENDS[0])
        take_away()

        response = client.get(path)

        assert response.status_code == 503
        assert "データベース" in response.content.decode()
