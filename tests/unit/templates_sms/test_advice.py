"""What a second reader would say, and what he would leave alone."""

from __future__ import annotations

import pytest

from templates_sms.advice import Advice, Expectations, advise, has_unsendable_characters
from templates_sms.labels import ADVICE, advice_sentence

OFFICE = Expectations("みなと市保健所", ("minato.example.jp",))
GOOD = "みなと市保健所です。{{氏名|様}}の予約は{{予約日|月日}}です。問合せ 098-861-2446"


def found(text: str, expectations: Expectations = OFFICE) -> list[Advice]:
    return list(advise(text, expectations=expectations))


def codes(text: str, expectations: Expectations = OFFICE) -> list[str]:
    return [advice.code for advice in found(text, expectations)]


def test_a_good_text_needs_no_advice() -> None:
    assert found(GOOD) == []


@pytest.mark.parametrize(
    "number",
    ["098-861-2446", "０９８－８６１－２４４６", "0988612446", "098(861)2446", "0120-123-456", "03ー1234ー5678"],
)
def test_a_call_back_number_in_any_writing(number: str) -> None:
    assert codes(f"みなと市保健所 {number}") == []


@pytest.mark.parametrize(
    ("added", "code", "piece"),
    [
        ("https://bit.ly/x", "foreign_link", "https://bit.ly/x"),
        ("http://minato.example.jp.evil.com/", "foreign_link", "http://minato.example.jp.evil.com/"),
        ("http://minato.example.jp@evil.com/", "foreign_link", "http://minato.example.jp@evil.com/"),
        ("bit.ly/abc", "foreign_link", "bit.ly/abc"),
        ("新型コロナ", "disease_name", "新型コロナ"),
        ("結核", "disease_name", "結核"),
        ("{{氏名", "stray_braces", "{{"),
        ("氏名}}", "stray_braces", "}}"),
        ("\ue000", "unsendable_character", "\ue000"),
        ("\ufffd", "unsendable_character", "\ufffd"),
        ("\x07", "control_character", "\x07"),
        ("\u202e", "invisible_character", "\u202e"),
        ("\u200b", "invisible_character", "\u200b"),
        ("葛\U000e0100", "variation_selector", "\U000e0100"),
        ("😀", "emoji", "😀"),
        ("𠮷", "rare_kanji", "𠮷"),
        ("㈱", "makers_sign", "㈱"),
    ],
)
def test_one_thing_to_look_at(added: str, code: str, piece: str) -> None:
    text = GOOD + " " + added

    advice = found(text)

    assert [one.code for one in advice] == [code]
    assert text[advice[0].position : advice[0].position + advice[0].length] == piece
    assert "%(" not in advice_sentence(advice[0])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("保健所です 098-861-2446", "office_name_missing"),
        ("みなと市保健所です", "call_back_number_missing"),
        ("みなと市保健所 12345", "call_back_number_missing"),
        (" \n", "empty_text"),
    ],
)
def test_what_the_whole_lacks(text: str, code: str) -> None:
    assert codes(text) == [code]


@pytest.mark.parametrize(
    "link",
    [
        "https://www.minato.example.jp/a?b=1",
        "HTTPS://Minato.Example.JP",
        "minato.example.jp/x",
        "https://minato.example.jp:443/",
    ],
)
def test_links_to_the_office_itself(link: str) -> None:
    assert codes(f"{GOOD} {link}") == []
    assert codes(f"{GOOD} {link}", Expectations("みなと市保健所", ("minato.example.jp",), links_forbidden=True)) == [
        "link_forbidden"
    ]


@pytest.mark.parametrize("words", ["がんばりましょう", "ながんねん", "a@b.com"])
def test_words_that_only_look_alike(words: str) -> None:
    assert codes(f"{GOOD} {words}") == []


def test_a_rendered_text_that_must_not_leave() -> None:
    assert has_unsendable_characters("\ue000田様")
    assert has_unsendable_characters("\ud800")
    assert not has_unsendable_characters("𠮷田様😀")


def test_every_piece_of_advice_has_a_sentence() -> None:
    text = "㈱\ue000\x07\u200b\ufe0f😀𠮷{{ 結核 https://x.com"

    assert {advice.code for advice in found(text)} <= ADVICE.keys()
