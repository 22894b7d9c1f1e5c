"""What carriers bill, at the edges of DOMAIN.md's table."""

from __future__ import annotations

import pytest

from templates_sms.ladders import DEFAULT, LADDERS, bill_text


@pytest.mark.parametrize(
    ("profile", "last_lengths"),
    [
        ("gsm", [70, 134, 201, 268]),
        ("docomo", [70, 136, 202, 268]),
        ("au", [70, 137, 204, 271]),
        ("rakuten", [70, 137, 204, 271]),
    ],
)
def test_the_last_length_of_each_step(profile: str, last_lengths: list[int]) -> None:
    for parts, length in enumerate(last_lengths, 1):
        assert bill_text("あ" * length, profile=profile).parts == parts
        assert bill_text("あ" * (length + 1), profile=profile).parts == parts + 1


def test_softbank_bills_one_part_whatever_the_length() -> None:
    assert {bill_text("あ" * length, profile="softbank").parts for length in (1, 70, 71, 670)} == {1}


@pytest.mark.parametrize(
    ("profile", "longest"),
    [("gsm", 670), ("docomo", 660), ("au", 670), ("rakuten", 670), ("softbank", 670), (DEFAULT, 660)],
)
def test_the_longest_text(profile: str, longest: int) -> None:
    fits, one_more = bill_text("あ" * longest, profile=profile), bill_text("あ" * (longest + 1), profile=profile)

    assert fits.longest == longest
    assert (fits.is_too_long, one_more.is_too_long) == (False, True)


@pytest.mark.parametrize("length", [1, 70, 71, 134, 135, 137, 335, 402, 660])
def test_the_default_is_never_cheaper_than_any_carrier(length: int) -> None:
    text = "あ" * length

    assert bill_text(text).parts == max(bill_text(text, profile=profile).parts for profile in LADDERS)


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(KeyError):
        bill_text("あ", profile="nobody")
