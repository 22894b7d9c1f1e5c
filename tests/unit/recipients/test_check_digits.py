"""Check digits of ids."""

from __future__ import annotations

import pytest

from recipients.check_digits import guess_check, is_right

# Worked by hand from the printed rules: the card number of ISO/IEC 7812, a JAN code, and a number of an address book.
RIGHT = [("79927398713", "luhn"), ("4902102072618", "mod10w3"), ("1234567-4", "mod11")]


def with_check(number: int, check: str) -> str:
    """The number with the one last digit that fits."""
    return next(f"{number}{digit}" for digit in range(10) if is_right(f"{number}{digit}", check=check))


class TestIsRight:
    @pytest.mark.parametrize(("external_id", "check"), RIGHT)
    def test_takes_the_examples_of_the_rules(self, external_id: str, check: str) -> None:
        assert is_right(external_id, check=check)

    @pytest.mark.parametrize(("external_id", "check"), RIGHT)
    def test_finds_every_wrong_last_digit(self, external_id: str, check: str) -> None:
        wrong = [digit for digit in "0123456789" if digit != external_id[-1]]

        assert not any(is_right(external_id[:-1] + digit, check=check) for digit in wrong)

    @pytest.mark.parametrize("external_id", ["", "A-", "12"])
    def test_takes_nothing_that_is_too_short_to_have_one(self, external_id: str) -> None:
        assert not is_right(external_id, check="luhn")

    def test_asks_nothing_where_ids_have_none(self) -> None:
        assert is_right("A-1", check="")


class TestGuessCheck:
    @pytest.mark.parametrize("check", ["luhn", "mod10w3", "mod11"])
    def test_finds_the_one_that_all_ids_keep(self, check: str) -> None:
        assert guess_check([with_check(number * 7919, check) for number in range(101, 141)]) == check

    def test_finds_none_among_counted_numbers(self) -> None:
        assert guess_check([f"A-{number:05}" for number in range(200)]) == ""

    def test_says_nothing_about_a_few(self) -> None:
        assert guess_check([with_check(number, "luhn") for number in range(100, 110)]) == ""
