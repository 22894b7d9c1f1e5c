"""One writing for all: what a search by name takes for the same."""

from __future__ import annotations

import pytest

from recipients.name_grams import folded, grams_of, grams_sought, is_match

SAME = [
    ("髙橋　花子", "高橋花子"),
    ("山﨑 健", "山崎健"),
    ("斎藤", "齋藤"),
    ("斉藤", "齊藤"),
    ("渡邊", "渡邉"),
    ("渡辺", "渡邉"),
    ("𠮷田", "吉田"),
    ("ﾀｶﾊｼ ﾊﾅｺ", "たかはしはなこ"),
    ("ガッコウ", "がつこう"),
    ("キョウコ", "ｷﾖｳｺ"),
    ("Ｓｍｉｔｈ　ｊｏｈｎ", "SMITH John"),
    ("葛\U000e0100城", "葛城"),
    ("ジョン・スミス", "ジヨンスミス"),
    ("みちづれ", "ミチズレ"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_two_writings_of_a_name_are_one(one: str, other: str) -> None:
    assert folded(one) == folded(other)
    assert grams_of(one) == grams_of(other)


@pytest.mark.parametrize(("one", "other"), [("高橋", "高嶋"), ("タナカ", "タナガ"), ("田中", "中田")])
def test_other_names_stay_others(one: str, other: str) -> None:
    assert not is_match(one, other)


@pytest.mark.parametrize("query", ["高", "高橋", "橋花", "花子", "高橋 花子", "髙橋"])
def test_what_is_in_a_name_finds_it(query: str) -> None:
    assert set(grams_sought(query)) <= set(grams_of("高橋　花子"))
    assert is_match(query, "高橋　花子")


def test_one_character_finds_the_beginning_only() -> None:
    assert grams_sought("橋") == ["^橋"]
    assert not is_match("橋", "高橋")


@pytest.mark.parametrize("nothing", ["", " ", "　・", "\U000e0100"])
def test_nothing_is_sought_by_nothing(nothing: str) -> None:
    assert grams_sought(nothing) == []
    assert grams_of(nothing) == []
