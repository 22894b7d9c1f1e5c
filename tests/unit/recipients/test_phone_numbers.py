"""Every writing of a number that DOMAIN.md names, and what must not be taken for one."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from recipients.phone_numbers import (
    NumberKind,
    NumberProblem,
    ParsedNumber,
    national_format,
    number_of_anybody,
    parse_number,
)

WRITINGS_OF_ONE_MOBILE = (
    "090-1234-5678",
    "09012345678",
    "０９０－１２３４－５６７８",
    "(090)1234-5678",
    "（０９０）１２３４−５６７８",
    "+81 90-1234-5678",
    "+81-90-1234-5678",
    "+81(0)90-1234-5678",
    "81 90 1234 5678",
    "0081-90-1234-5678",
    "010-81-90-1234-5678",
    "TEL 090-1234-5678",
    "ＴＥＬ：０９０－１２３４－５６７８",
    "℡090-1234-5678",
    "携帯 090-1234-5678",
    "携帯1:090-1234-5678",
    "090-1234-5678(本人)",
    "ご本人 090-1234-5678",
    "本人携帯090-1234-5678",
    "自宅 090-1234-5678",
    "連絡先：090-1234-5678",
    "090-1234-5678 内線12",
    "090.1234.5678",
    "090/1234/5678",
    "'09012345678",
    '="09012345678"',
    "090\u00a01234\u00a05678",
    "090\u30001234\u30005678",
    " 090-1234-5678 ",
    "\u202a090-1234-5678\u202c",
    "090-1234-5678\n",
    *(f"090{dash}1234{dash}5678" for dash in "-‐‑–—―−ー－ｰ"),
)


@pytest.mark.parametrize("raw", WRITINGS_OF_ONE_MOBILE)
def test_one_mobile_number_in_any_writing(raw: str) -> None:
    number = parse_number(raw)

    assert number.e164 == "+819012345678"
    assert number.kind is NumberKind.MOBILE
    assert number.can_text
    assert not number.mended


@pytest.mark.parametrize(
    ("raw", "e164", "detail"),
    [
        ("9012345678", "+819012345678", "zero_restored"),
        ("90-1234-5678", "+819012345678", "zero_restored"),
        ("9012345678.0", "+819012345678", "zero_restored"),
        ("09012345678.0", "+819012345678", "decimal_removed"),
        ("9.012345678E+09", "+819012345678", "zero_restored"),
        ("988673230", "+81988673230", "zero_restored"),
        ("5035446851", "+815035446851", "zero_restored"),
    ],
)
def test_what_excel_took_away_is_restored_and_marked(raw: str, e164: str, detail: str) -> None:
    number = parse_number(raw)

    assert (number.e164, number.mended, number.detail) == (e164, True, detail)


@pytest.mark.parametrize(
    ("raw", "e164", "kind", "detail"),
    [
        ("098-861-2446", "+81988612446", NumberKind.LANDLINE, ""),
        ("03-1234-5678", "+81312345678", NumberKind.LANDLINE, ""),
        ("0980-52-3720", "+81980523720", NumberKind.LANDLINE, ""),
        ("098-861-2446 内線12", "+81988612446", NumberKind.LANDLINE, ""),
        ("+81-3-1234-5678", "+81312345678", NumberKind.LANDLINE, ""),
        ("050-3544-6851", "+815035446851", NumberKind.IP_PHONE, ""),
        ("0120-123-456", "+81120123456", NumberKind.OTHER, "toll_free"),
        ("0800-123-4567", "+818001234567", NumberKind.OTHER, "toll_free"),
        ("0570-012-345", "+81570012345", NumberKind.OTHER, "navi_dial"),
        ("020-1234-5678", "+812012345678", NumberKind.OTHER, "machine"),
        ("+1 212 555 1234", "+12125551234", NumberKind.OTHER, "foreign"),
        ("010-1-212-555-1234", "+12125551234", NumberKind.OTHER, "foreign"),
    ],
)
def test_numbers_that_take_no_text_can_still_be_called(raw: str, e164: str, kind: NumberKind, detail: str) -> None:
    number = parse_number(raw)

    assert (number.e164, number.kind, number.detail) == (e164, kind, detail)
    assert not number.can_text


@pytest.mark.parametrize(
    ("raw", "problem", "detail"),
    [
        ("", "missing", ""),
        (" 　", "missing", ""),
        ("-", "missing", ""),
        ("―", "missing", ""),
        ("なし", "missing", ""),
        ("携帯なし", "missing", ""),
        ("不明", "missing", ""),
        ("N/A", "missing", ""),
        ("0", "missing", ""),
        ("9.01E+09", "unreadable", "digits_lost"),
        ("９．０１Ｅ＋０９", "unreadable", "digits_lost"),
        ("110", "unreadable", "special_number"),
        ("118", "unreadable", "special_number"),
        ("119", "unreadable", "special_number"),
        ("090-0123-4567", "unreadable", "not_in_use"),
        ("000-0000-0000", "unreadable", "not_in_use"),
        ("090-1234-567x", "unreadable", "extra_text"),
        ("090-1234-5678 解約", "unreadable", "extra_text"),
        ("090-1234-5678?", "unreadable", "extra_text"),
        ("010-884-0000", "unreadable", "not_in_use"),
        ("転出", "unreadable", "not_a_number"),
        ("{{7*7}}", "unreadable", "not_a_number"),
        ("\ud800", "unreadable", "not_a_number"),
        ("9" * 100_000, "unreadable", "extra_text"),
        ("090-1234-567", "too_short", ""),
        ("060-1234-567", "too_short", ""),
        ("03-1234-567", "too_short", ""),
        ("861-2446", "too_short", "area_code_missing"),
        ("090-1234-56789", "too_long", ""),
        ("0312345678901", "too_long", ""),
        ("090-1234-5678 / 080-2222-3333", "two_numbers", ""),
        ("090-1234-5678、080-2222-3333", "two_numbers", ""),
        ("090-1234-5678\n080-2222-3333", "two_numbers", ""),
        ("09012345678 08022223333", "two_numbers", ""),
        ("自宅098-861-2446携帯090-1234-5678", "two_numbers", ""),
        ("①090-1234-5678②080-1234-5678", "two_numbers", ""),
        ("090-1234-5678/9", "two_numbers", ""),
        ("090-1234-5678解約 080-2222-3333", "two_numbers", ""),
    ],
)
def test_what_is_no_number_says_why(raw: str, problem: str, detail: str) -> None:
    number = parse_number(raw)

    assert (number.problem, number.detail) == (problem, detail)
    assert number.e164 is None
    assert number.kind is None
    assert not number.can_text


@pytest.mark.parametrize(
    "raw",
    [
        "090-1234-5678（妻）",
        "０９０－１２３４－５６７８（ツマ）",
        "妻の携帯 090-1234-5678",
        "090-1234-5678（妻の携帯）",
        "奥様 090-1234-5678",
        "夫(090-1234-5678)",
        "母携帯090-1234-5678",
        "お母様:09012345678",
        "義父 9012345678",
        "長男　090-1234-5678",
        "長男さん：090-1234-5678",
        "子ども 090-1234-5678",
        "父同居 090-1234-5678",
        "世帯主 090-1234-5678",
        "実家 090-1234-5678",
        "保護者 +81 90-1234-5678",
        "090-1234-5678(職場)",
        "会社携帯 090-1234-5678",
        "施設 090-1234-5678",
        "ケアマネ 090-1234-5678",
        "本人以外 090-1234-5678",
        "緊急連絡先 090-1234-5678",
        "090-1234-5678 (wife)",
        "Wife's mobile: 090-1234-5678",
        "work 09012345678",
    ],
)
def test_a_mobile_that_is_somebody_elses_by_its_own_words_gets_no_text_unasked(raw: str) -> None:
    assert parse_number(raw) == ParsedNumber(None, None, NumberProblem.OTHERS_NUMBER)
    assert number_of_anybody(raw) == "+819012345678", (
        "nothing is sent to a number that was opted out, whatever beside it"
    )


@pytest.mark.parametrize(
    ("raw", "problem", "e164"),
    [
        ("母 03-1234-5678", None, "+81312345678"),
        ("03-1234-5678（職場）内線12", None, "+81312345678"),
        ("妻 090-1234-567", "too_short", None),
        ("本人090-1234-5678 妻080-1111-2222", "two_numbers", None),
        ("妻", "unreadable", None),
        ("妻 解約 090-1234-5678", "unreadable", None),
    ],
)
def test_of_others_numbers_the_rest_is_as_ever(raw: str, problem: str | None, e164: str | None) -> None:
    number = parse_number(raw)

    assert (number.problem, number.e164) == (problem, e164)


def test_the_same_number_twice_is_one_number() -> None:
    assert parse_number("090-1234-5678 / 09012345678").e164 == "+819012345678"


@pytest.mark.parametrize("head", [f"0{third}0{fourth}" for third in "6789" for fourth in "0123456789"])
def test_the_fast_path_agrees_with_phonenumbers_on_every_mobile_head(head: str) -> None:
    for rest in ("0000000", "1234567", "9999999"):
        theirs = phonenumbers.parse(head + rest, "JP")
        is_mobile = phonenumbers.number_type(theirs) == phonenumbers.PhoneNumberType.MOBILE

        assert parse_number(head + rest).can_text == is_mobile


_THEIR_KINDS = {
    phonenumbers.PhoneNumberType.MOBILE: NumberKind.MOBILE,
    phonenumbers.PhoneNumberType.FIXED_LINE: NumberKind.LANDLINE,
    phonenumbers.PhoneNumberType.VOIP: NumberKind.IP_PHONE,
    phonenumbers.PhoneNumberType.UNKNOWN: None,
}


@pytest.mark.parametrize("second", "123456789")
def test_every_prefix_is_of_the_kind_that_phonenumbers_says(second: str) -> None:
    """All of five digits, with as many behind them as a landline and as a mobile have."""
    for rest in (f"{prefix:03d}{tail}" for prefix in range(1000) for tail in ("12345", "123456")):
        raw = f"0{second}{rest}"
        if raw.startswith("010"):  # a call abroad
            continue
        theirs = phonenumbers.parse(raw, "JP")
        kind = phonenumbers.number_type(theirs)
        if kind == phonenumbers.PhoneNumberType.PERSONAL_NUMBER and raw.startswith("060"):
            assert parse_number(raw).problem == "too_short", "a mobile that lost a digit, not an old personal number"
            continue

        ours = parse_number(raw)

        assert ours.kind == _THEIR_KINDS.get(kind, NumberKind.OTHER), raw
        assert not ours.e164 or ours.e164 == phonenumbers.format_number(theirs, phonenumbers.PhoneNumberFormat.E164)


@given(st.integers(10_000_000, 999_999_999).map("0{:09d}".format))
def test_ten_digit_numbers_agree_with_phonenumbers(raw: str) -> None:
    ours = parse_number(raw)
    assume(not raw.startswith(("00", "010")))  # a call abroad: no national number

    theirs = phonenumbers.parse(raw, "JP")

    is_fixed = phonenumbers.number_type(theirs) == phonenumbers.PhoneNumberType.FIXED_LINE
    assert (ours.kind is NumberKind.LANDLINE) == is_fixed
    assert not is_fixed or ours.e164 == phonenumbers.format_number(theirs, phonenumbers.PhoneNumberFormat.E164)


def _write(digits: str, dash: str, wide: bool, before: str, after: str) -> str:
    text = f"{before}{digits[:3]}{dash}{digits[3:7]}{dash}{digits[7:]}{after}"
    return text.translate({ord("0") + n: "０１２３４５６７８９"[n] for n in range(10)}) if wide else text


@given(raw=st.from_regex(r"\A0[0-9()\-]{6,20}\Z"))
def test_the_short_way_of_plain_national_numbers_agrees_with_the_long_one(raw: str) -> None:
    assert parse_number(raw) == parse_number(f" {raw}")


@given(
    head=st.sampled_from(["060", "070", "080", "090"]),
    fourth=st.integers(1, 9),
    rest=st.integers(0, 9_999_999),
    dash=st.sampled_from(["", " ", "　", "\u00a0", *"-‐‑–—―−ー－ｰ.．"]),
    wide=st.booleans(),
    before=st.sampled_from(["", " ", "'", "TEL ", "電話:", "　"]),
    after=st.sampled_from(["", " ", "\t", "(本人)", "\u200b"]),
)
def test_whatever_the_writing_the_meaning_survives(
    head: str, fourth: int, rest: int, dash: str, wide: bool, before: str, after: str
) -> None:
    digits = f"{head}{fourth}{rest:07d}"

    number = parse_number(_write(digits, dash, wide, before, after))

    assert number == ParsedNumber("+81" + digits[1:], NumberKind.MOBILE)


@given(st.text())
def test_no_cell_raises_and_each_is_a_number_or_a_problem(raw: str) -> None:
    number = parse_number(raw)

    assert (number.e164 is None) == (number.kind is None) == (number.problem is not None)


@pytest.mark.parametrize(
    ("e164", "written"),
    [
        ("+819012345678", "090-1234-5678"),
        ("+815035446851", "050-3544-6851"),
        ("+81988612446", "098-861-2446"),
        ("+81312345678", "03-1234-5678"),
        ("+81120123456", "0120-123-456"),
        ("+12125551234", "+1 212-555-1234"),
        ("not a number", "not a number"),
    ],
)
def test_numbers_are_shown_as_people_write_them(e164: str, written: str) -> None:
    assert national_format(e164) == written
