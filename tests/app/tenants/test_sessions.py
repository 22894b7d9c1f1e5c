"""Sessions: where they are kept, and when they end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import redis
from django.conf import settings
from django.test import Client
from django.utils import timezone

from tenants.account.sessions import POLL_HEADER, SessionStore, at_rest, end_sessions
from tenants.models import Session
from tenants.permissions import Role
from tests.conftest import Cast


def row_of(browser: Client) -> Session:
    return Session.objects.get(session_key=at_rest(browser.session.session_key))


def age(browser: Client, **fields: timedelta) -> None:
    row = row_of(browser)
    moved = {name: getattr(row, name) - span for name, span in fields.items()}
    Session.objects.filter(pk=row.pk).update(**moved)


def is_in(browser: Client) -> bool:
    return browser.get("/").status_code == 200


class TestKeeping:
    def test_the_table_knows_no_key_that_a_browser_holds(self, acme: Cast, signed_in: Any) -> None:
        browser = signed_in(acme.users[Role.STAFF])

        key = browser.cookies[settings.SESSION_COOKIE_NAME].value
        assert Session.objects.get().session_key == at_rest(key) != key

    def test_a_flushed_broker_signs_nobody_out(self, acme: Cast, signed_in: Any) -> None:
        browser = signed_in(acme.users[Role.STAFF])

        with redis.Redis.from_url(settings.REDIS_URL) as broker:
            broker.flushall()

        assert is_in(browser)


class TestEnds:
    def test_after_half_an_hour_of_nothing(self, acme: Cast, signed_in: Any) -> None:
        browser = signed_in(acme.users[Role.STAFF])
        age(browser, seen_at=timedelta(minutes=29))
        assert is_in(browser)

        age(browser, seen_at=timedelta(minutes=31))
        assert not is_in(browser)

    def test_after_twelve_hours_however_busy(self, acme: Cast, signed_in: Any) -> None:
        browser = signed_in(acme.users[Role.STAFF])
        age(browser, started_at=timedelta(hours=11, minutes=59), expire_date=timedelta(hours=11, minutes=59))
        assert is_in(browser)
        session = browser.session
        session["something"] = "changed"
        session.save()

        assert row_of(browser).expire_date < timezone.now() + timedelta(minutes=2)
        age(browser, started_at=timedelta(minutes=1), expire_date=timedelta(minutes=1))
        assert not is_in(browser)

    def test_what_a_page_asks_by_itself_keeps_nobody_signed_in(self, acme: Cast, signed_in: Any) -> None:
        browser = signed_in(acme.users[Role.STAFF])
        age(browser, seen_at=timedelta(minutes=20))
        before = row_of(browser).seen_at

        browser.get("/", headers={POLL_HEADER: "1"})
        assert row_of(browser).seen_at == before

        browser.get("/")
        assert row_of(browser).seen_at > before

    def test_when_they_are_ended(self, acme: Cast, signed_in: Any) -> None:
        staff, other = acme.users[Role.STAFF], acme.users[Role.ADMIN]
        bystander = Client()
        bystander.force_login(other)
        browser = signed_in(staff)

        assert end_sessions(staff.pk) == 1
        assert not is_in(browser)
        assert Session.objects.filter(user=other).exists()

    def test_for_good_when_the_clock_has_swept(self, acme: Cast, signed_in: Any) -> None:
        browser = signed_in(acme.users[Role.STAFF])
        age(browser, seen_at=timedelta(minutes=31))

        SessionStore.clear_expired()

        assert not Session.objects.exists()

    @pytest.mark.parametrize("key", ["", "short", "x" * 32, "\x00" * 32, "'; DROP TABLE tenants_session; --"])
    def test_a_made_up_key_opens_nothing(self, db: None, client: Client, key: str) -> None:
        client.cookies[settings.SESSION_COOKIE_NAME] = key

        assert client.get("/").status_code == 302
