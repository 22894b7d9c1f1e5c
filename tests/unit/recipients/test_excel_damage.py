"""A cell that Excel rewrote is told from one that a person changed."""

from __future__ import annotations

import pytest

from recipients.excel_damage import is_only_rewritten


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("0012", "12"),
        ("000", "0"),
        ("012345678901", "12345678901"),
        ("123456789012", "1.23457E+11"),
        ("1234567890123456789", "1.23457E+18"),
        ("1234567890123456789", "1234567890123450000"),
        ("12.50", "12.5"),
        ("35.0", "35"),
        ("2022/08/05", "2022/8/5"),
        ("R4.8.5", "2022/8/5"),
        ("2022-08-05", "2022/8/5"),
        ("1-2", "1月2日"),
        ("3-4-5", "2003/4/5"),
        ("港　花子 ", "港　花子"),
        ("", ""),
    ],
)
def test_what_excel_makes_of_a_cell_is_no_change(before: str, after: str) -> None:
    assert is_only_rewritten(before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("12", "0012"),
        ("0012", "13"),
        ("0901", "09012345678"),
        ("9.01E+09", "09012345678"),
        ("123456789012", "1.23458E+11"),
        ("123456789012", "123456789013"),
        ("1234567890123456", "1234567890123456E+1"),
        ("2022/08/05", "2022/8/6"),
        ("きのう", "2022/8/5"),
        ("1-2", "1月3日"),
        ("なし", "090-1234-5678"),
        ("港　花子", "湊　花子"),
        ("x", ""),
        ("", "x"),
        ("0012", ""),
        ("1", "NaN"),
        ("1", "Infinity"),
        ("1", "٣"),
    ],
)
def test_what_a_person_wrote_is_one(before: str, after: str) -> None:
    assert not is_only_rewritten(before, after)
