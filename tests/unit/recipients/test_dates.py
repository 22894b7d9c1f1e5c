"""Days in all their writings, and ages at their edges."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipients.dates import age_on, parse_age, parse_date
from tenants.japanese_dates import format_japanese


@pytest.mark.parametrize(
    "raw",
    [
        "2022/12/6",
        "2022/12/06",
        "2022-12-06",
        "2022.12.6",
        "2022年12月6日",
        "２０２２／１２／０６",
        "20221206",
        "R4.12.6",
        "R04/12/06",
        "r4.12.6",
        "R041206",
        "令和4年12月6日",
        "令和４年１２月６日",
        "令和 4年 12月 6日",
        "44901",
        "44901.0",
        "2022/12/6 0:00",
        "2022-12-06T00:00:00",
        "2022/12/6(火)",
        " 2022/12/6 ",
        "'2022/12/6",
    ],
)
def test_one_day_in_any_writing(raw: str) -> None:
    assert parse_date(raw) == date(2022, 12, 6)


@pytest.mark.parametrize(
    ("raw", "day"),
    [
        ("令和元年5月1日", date(2019, 5, 1)),
        ("平成元年1月8日", date(1989, 1, 8)),
        ("H310430", date(2019, 4, 30)),
        ("S37.8.15", date(1962, 8, 15)),
        ("昭和64年1月7日", date(1989, 1, 7)),
        ("大正15年12月24日", date(1926, 12, 24)),
        ("M45.7.29", date(1912, 7, 29)),
        ("㍻元年1月8日", date(1989, 1, 8)),
        ("2020/2/29", date(2020, 2, 29)),
    ],
)
def test_eras(raw: str, day: date) -> None:
    assert parse_date(raw) == day


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "未定",
        "2022/2/29",
        "2022/13/1",
        "2022/0/1",
        "令和0年1月1日",
        "35",
        "12/6",
        "1e9",
        "9" * 99,
        "2022/12/6と7日",
    ],
)
def test_no_day(raw: str) -> None:
    assert parse_date(raw) is None


@given(st.dates(min_value=date(1868, 10, 23), max_value=date(2100, 12, 31)))
def test_what_we_write_in_japanese_we_read_again(day: date) -> None:
    assert parse_date(format_japanese(day)) == day


@given(st.dates(min_value=date(1900, 3, 1), max_value=date(2100, 12, 31)))
def test_excel_serials(day: date) -> None:
    assert parse_date(str((day - date(1899, 12, 30)).days)) == day


class TestAge:
    def test_counts_from_the_day_of_the_birthday_on(self) -> None:
        born_on = date(1962, 8, 15)

        assert age_on(born_on, date(2022, 8, 14)) == 59
        assert age_on(born_on, date(2022, 8, 15)) == 60

    def test_a_leap_days_birthday_is_1_march_in_a_common_year(self) -> None:
        born_on = date(1964, 2, 29)

        assert age_on(born_on, date(2023, 2, 28)) == 58
        assert age_on(born_on, date(2023, 3, 1)) == 59
        assert age_on(born_on, date(2024, 2, 28)) == 59
        assert age_on(born_on, date(2024, 2, 29)) == 60

    @given(st.dates(date(1900, 1, 1), date(2020, 1, 1)), st.integers(0, 40_000))
    def test_never_runs_backwards(self, born_on: date, days: int) -> None:
        day = born_on + timedelta(days=days)

        assert 0 <= age_on(born_on, day + timedelta(days=1)) - age_on(born_on, day) <= 1

    @pytest.mark.parametrize(
        ("raw", "age"), [("35", 35), ("３５歳", 35), ("満35才", 35), ("35.0", 35), ("0", 0), ("35歳6か月", 35)]
    )
    def test_written_ages(self, raw: str, age: int) -> None:
        assert parse_age(raw) == age

    @pytest.mark.parametrize("raw", ["", "-1", "131", "六十", "1962", "abc"])
    def test_what_is_no_age(self, raw: str) -> None:
        assert parse_age(raw) is None
