"""The hours in which a tenant may send (RELIABILITY.md row 16)."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from dispatch.hours import JAPAN, SendingHours

DAY = SendingHours(time(9), time(20))
NIGHT = SendingHours(time(22), time(6))
ALWAYS = SendingHours(time(0), time(0))
UNTIL_MIDNIGHT = SendingHours(time(9), time(0))


def at(day: int, hour: int, minute: int = 0, second: int = 0, *, month: int = 8, year: int = 2022) -> datetime:
    return datetime(year, month, day, hour, minute, second, tzinfo=JAPAN)


class TestIsOpen:
    @pytest.mark.parametrize(
        ("hours", "moment", "expected"),
        [
            (DAY, at(15, 9), True),
            (DAY, at(15, 8, 59, 59), False),
            (DAY, at(15, 19, 59, 59), True),
            (DAY, at(15, 20), False),
            (NIGHT, at(15, 23), True),
            (NIGHT, at(16, 0), True),
            (NIGHT, at(16, 5, 59), True),
            (NIGHT, at(16, 6), False),
            (ALWAYS, at(15, 3), True),
            (UNTIL_MIDNIGHT, at(15, 23, 59, 59), True),
            (UNTIL_MIDNIGHT, at(16, 0), False),
            (DAY, datetime(2022, 8, 15, 0, 0, tzinfo=UTC), True),
            (DAY, datetime(2022, 8, 15, 11, 0, tzinfo=UTC), False),
        ],
    )
    def test_holds(self, hours: SendingHours, moment: datetime, expected: bool) -> None:
        assert hours.is_open(moment) is expected


class TestOpening:
    @pytest.mark.parametrize(
        ("hours", "moment", "expected"),
        [
            (DAY, at(15, 12), at(15, 12)),
            (DAY, at(15, 7), at(15, 9)),
            (DAY, at(15, 20), at(16, 9)),
            (DAY, at(31, 23), at(1, 9, month=9)),
            (DAY, at(31, 21, month=12), at(1, 9, month=1, year=2023)),
            (DAY, at(28, 21, month=2, year=2024), at(29, 9, month=2, year=2024)),
            (NIGHT, at(15, 7), at(15, 22)),
            (UNTIL_MIDNIGHT, at(16, 0), at(16, 9)),
        ],
    )
    def test_is_the_next_instant_inside(self, hours: SendingHours, moment: datetime, expected: datetime) -> None:
        assert hours.opening(moment) == expected
        assert hours.is_open(hours.opening(moment))
