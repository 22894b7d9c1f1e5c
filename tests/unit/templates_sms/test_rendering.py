"""Placeholders are replaced once, literally, and only as asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates_sms.rendering import (
    FORMATS,
    Placeholder,
    Renderer,
    UnknownFormat,
    UnknownName,
    UnknownPlaceholder,
    ValueProblem,
    find_placeholders,
    render,
)

CELLS = {"氏名": "山田　花子", "療養終了日": "2022/08/17", "未納額": "12340", "TEL": "090", "空": ""}


class TestReplacement:
    @pytest.mark.parametrize(
        ("text", "rendered"),
        [
            ("", ""),
            ("そのまま", "そのまま"),
            ("{{氏名}}", "山田　花子"),
            ("{{ 氏　名 }}へ", "山田　花子へ"),
            ("｛｛氏名｝｝へ", "山田　花子へ"),
            ("{{ｔｅｌ}}", "090"),
            ("{{氏名}}{{氏名}}", "山田　花子山田　花子"),
            ("[{{空}}]", "[]"),
            ("{{氏名} {未納額}", "{{氏名} {未納額}"),
            ("100% %(x)s {0} $name", "100% %(x)s {0} $name"),
        ],
    )
    def test_by_header(self, text: str, rendered: str) -> None:
        assert render(text, CELLS) == rendered

    def test_a_value_that_looks_like_a_placeholder_is_text(self) -> None:
        assert render("{{a}}{{b}}", {"a": "{{b}}", "b": "{{a|様}}"}) == "{{b}}{{a|様}}"

    @given(st.text(), st.text("{}a|様"), st.text())
    def test_values_stand_as_they_are(self, before: str, value: str, after: str) -> None:
        around = (before + after).translate({ord(brace): None for brace in "{}｛｝"})

        assert render(around + "{{a}}", {"a": value}) == around + value


class TestFormats:
    @pytest.mark.parametrize(
        ("name", "written", "rendered"),
        [
            ("様", "山田　花子", "山田　花子様"),
            ("様", "山田花子 ", "山田花子様"),
            ("様", "山田花子様", "山田花子様"),
            ("様", "山田花子 様", "山田花子 様"),
            ("様", "みなと商店御中", "みなと商店御中"),
            ("様", "山田殿", "山田殿"),
            ("様", "", ""),
            ("円", "12340", "12,340円"),
            ("円", "１２，３４０", "12,340円"),
            ("円", "¥12,340", "12,340円"),
            ("円", "12,340円", "12,340円"),
            ("円", "12340.0", "12,340円"),
            ("円", "▲500", "-500円"),
            ("円", "0", "0円"),
            ("円", "未定", "未定"),
            ("和暦", "2022/12/6", "令和4年12月6日"),
            ("和暦", "2019-05-01", "令和元年5月1日"),
            ("和暦", "44901", "令和4年12月6日"),
            ("西暦", "R4.12.6", "2022年12月6日"),
            ("月日", "2022/12/06", "12月6日"),
            ("月日曜", "2022/12/06", "12月6日(火)"),
            ("月日", "未定", "未定"),
        ],
    )
    def test_each(self, name: str, written: str, rendered: str) -> None:
        assert render(f"{{{{値|{name}}}}}", {"値": written}) == rendered

    def test_a_full_width_bar(self) -> None:
        assert render("{{未納額｜円}}", CELLS) == "12,340円"

    def test_nothing_is_added_that_is_not_asked_for(self) -> None:
        assert render("{{氏名}}{{未納額}}", CELLS) == "山田　花子12340"


class TestRefusals:
    def test_all_unknown_placeholders_are_named_with_the_nearest_header(self) -> None:
        with pytest.raises(UnknownPlaceholder) as refused:
            render("{{患者氏名}}{{療養終了}}{{ない}}{{療養終了}}", CELLS)

        assert refused.value.unknown == (
            UnknownName("患者氏名", "氏名"),
            UnknownName("療養終了", "療養終了日"),
            UnknownName("ない", None),
        )
        assert "{{ない}}" in refused.value.user_message
        assert "もしかして {{療養終了日}}" in refused.value.user_message

    def test_an_unknown_format_is_named_with_those_there_are(self) -> None:
        with pytest.raises(UnknownFormat) as refused:
            render("{{氏名|殿}}", CELLS)

        assert refused.value.formats == ("殿",)
        assert all(name in refused.value.user_message for name in FORMATS)


def test_values_that_leave_a_hole_or_do_not_fit_are_told() -> None:
    renderer = Renderer("{{空}}{{氏名|円}}{{氏名|和暦}}{{未納額|円}}{{療養終了日|月日}}", headers=CELLS)

    assert renderer.check(CELLS) == (
        ValueProblem("empty_value", "空"),
        ValueProblem("bad_amount", "氏名"),
        ValueProblem("bad_date", "氏名"),
    )


def test_placeholders_say_where_they_stand() -> None:
    assert find_placeholders("あ{{氏名|様}}い") == (Placeholder("氏名", "様", 1, 8),)
