"""How far a reading is, on the page that may be left and come back to."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from recipients.models import Roster, RosterState
from recipients.services import read_roster
from recipients.services.uploading import read_again
from tenants.permissions import Role
from tests.app.recipients.conftest import person
from tests.conftest import NOON, Cast

Upload = Callable[..., Roster]


@pytest.fixture
def browser(acme: Cast, enqueued: list[Any], signed_in: Callable[..., Any]) -> Any:
    return signed_in(acme.users[Role.STAFF])


def page_of(browser: Any, roster: Roster) -> str:
    return str(browser.get(f"/rosters/{roster.public_id}").content.decode())


class TestProgress:
    def test_says_that_it_compares_when_every_row_is_read(self, acme: Cast, browser: Any, uploaded: Upload) -> None:
        roster = uploaded(person(1), person(2))
        with acme.scope():
            Roster.objects.filter(pk=roster.pk).update(state=RosterState.READING, lease_until=NOON)

        assert "以前の名簿と比べています" in page_of(browser, roster)

    def test_counts_rows_per_second_from_where_this_reading_began(
        self, acme: Cast, browser: Any, uploaded: Upload
    ) -> None:
        roster = uploaded(person(1))
        now = timezone.now()
        with acme.scope():
            Roster.objects.filter(pk=roster.pk).update(
                state=RosterState.READING,
                lease_until=now,
                created_at=now - timedelta(days=3),
                begun_at=now - timedelta(seconds=100),
                rows=100_000,
                rows_read=50_000,
            )

        speed = re.search("毎秒 約([0-9,]+)行", page_of(browser, roster))

        assert speed is not None
        assert 400 <= int(speed[1]) <= 500

    def test_begins_anew_where_the_file_is_read_again(self, acme: Cast, browser: Any, uploaded: Upload) -> None:
        roster = uploaded(person(1))
        with acme.scope():
            Roster.objects.filter(pk=roster.pk).update(begun_at=NOON)
            roster.refresh_from_db()
            read_again(roster)
        waiting = page_of(browser, roster)

        read_roster(tenant_id=acme.tenant.pk, roster_id=roster.pk, now=NOON)

        with acme.scope():
            roster.refresh_from_db()
            assert roster.begun_at is not None
            assert roster.begun_at > NOON
        assert "順番を待っています" in waiting
