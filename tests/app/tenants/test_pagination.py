"""Pages of long lists."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import BadRequest

from tenants.models import AuditEvent, Department
from tenants.pagination import BadCursor, cursor_page
from tenants.services import record
from tests.conftest import NOON, Cast


def add_events(cast: Cast, count: int) -> list[int]:
    """Every two at the same instant; the ids, newest first."""
    ids = [
        record(action=f"test.{place}", by=cast.admin, now=NOON + timedelta(seconds=place // 2)).pk
        for place in range(count)
    ]
    return ids[::-1]


class TestCursorPage:
    def test_shows_each_row_once_whatever_is_equal(self, acme: Cast) -> None:
        with acme.scope():
            expected = add_events(acme, 7)
            seen, cursor = [], None
            while True:
                page = cursor_page(
                    AuditEvent.objects.filter(action__startswith="test."), order=["-at"], cursor=cursor, size=3
                )
                seen += [event.pk for event in page.results]
                cursor = page.next
                if cursor is None:
                    break

        assert seen == expected

    def test_has_no_next_when_the_last_page_is_full(self, acme: Cast) -> None:
        with acme.scope():
            add_events(acme, 3)

            page = cursor_page(
                AuditEvent.objects.filter(action__startswith="test."), order=["-at"], cursor=None, size=3
            )

        assert page.next is None

    def test_a_row_that_is_added_meanwhile_moves_nothing(self, acme: Cast) -> None:
        with acme.scope():
            events = AuditEvent.objects.filter(action__startswith="test.")
            expected = add_events(acme, 4)
            first = cursor_page(events, order=["-at"], cursor=None, size=2)
            record(action="test.new", by=acme.admin, now=NOON + timedelta(hours=1))

            second = cursor_page(events, order=["-at"], cursor=first.next, size=2)

        assert [event.pk for event in second.results] == expected[2:]

    @pytest.mark.parametrize("cursor", ["x", "W10", "0", "'; DROP TABLE", "é", "a:b:c", "\x00"])
    def test_refuses_what_is_no_cursor(self, acme: Cast, cursor: str) -> None:
        with acme.scope(), pytest.raises(BadCursor) as refused:
            cursor_page(AuditEvent.objects.all(), order=["-at"], cursor=cursor)

        assert isinstance(refused.value, BadRequest)
        assert refused.value.status == 400

    def test_refuses_the_cursor_of_another_list_or_order(self, acme: Cast) -> None:
        with acme.scope():
            add_events(acme, 3)
            page = cursor_page(AuditEvent.objects.all(), order=["-at"], cursor=None, size=1)

            with pytest.raises(BadCursor):
                cursor_page(AuditEvent.objects.all(), order=["at"], cursor=page.next)
            with pytest.raises(BadCursor):
                cursor_page(Department.objects.all(), order=["name"], cursor=page.next)
