"""Columns are found by what their headers mean."""

from __future__ import annotations

import pytest

from recipients.columns import (
    BadMapping,
    ColumnMapping,
    Field,
    MappingProblem,
    count_known_headers,
    first_data_cell,
    guess_columns,
    mapping_from_headers,
    missing_for_rules,
    normalise_header,
)


@pytest.mark.parametrize(
    ("header", "field"),
    [
        *[
            (text, "phone")
            for text in (
                "電話番号",
                "携帯番号",
                "携帯電話番号",
                "連絡先",
                "TEL",
                "電話番号1",
                "ＴＥＬ",
                "電 話 番 号",
                "携帯(本人)",
            )
        ],
        *[
            (text, "phone")
            for text in ("患者様の携帯電話", "連絡先電話番号１", "Phone Number", "電話番号（必須）", "℡")
        ],
        *[
            (text, "name")
            for text in ("氏名", "患者氏名", "宛名", "お名前", "氏　名", "対象者氏名", "ご利用者氏名", "Name")
        ],
        *[
            (text, "kana")
            for text in ("フリガナ", "カナ氏名", "ふりがな", "ﾌﾘｶﾞﾅ", "氏名（カナ）", "氏名カナ", "よみがな")
        ],
        *[
            (text, "external_id")
            for text in (
                "管理番号",
                "整理番号",
                "宛名番号",
                "HER-SYS ID",
                "ＨＥＲ－ＳＹＳ　ＩＤ",
                "予約番号",
                "ID",
                "管理No.",
            )
        ],
        *[(text, "birth_on") for text in ("生年月日", "誕生日", "生年月日（西暦）")],
        *[(text, "age") for text in ("年齢", "年齢（歳）", "満年齢")],
        *[(text, "consent") for text in ("SMS同意", "同意有無", "承諾", "ＳＭＳ同意", "SMS 同意の有無", "SMS送信可否")],
        *[(text, "excluded") for text in ("除外", "送信対象外")],
    ],
)
def test_a_header_is_understood(header: str, field: str) -> None:
    assert field in guess_columns([header]).confidence


@pytest.mark.parametrize(
    "header",
    [
        "担当",
        "担当者氏名",
        "担当者電話番号",
        "保健師名",
        "医療機関名",
        "緊急連絡先",
        "FAX番号",
        "メールアドレス",
        "療養終了日",
        "予約日",
        "納期限",
        "未納額",
        "備考",
        "住所",
        "",
    ],
)
def test_other_columns_stay_placeholders(header: str) -> None:
    assert guess_columns([header]).confidence == {}


def test_a_real_header_in_any_order() -> None:
    header = ["SMS同意", "療養終了日", "電話番号", "フリガナ", "担当", "管理番号", "年齢", "氏名", "生年月日"]

    guess = guess_columns(header)

    assert guess.mapping == ColumnMapping((2,), (7,), (3,), external_id=5, birth_on=8, age=6, consent=0)
    assert set(guess.confidence.values()) == {1.0}
    assert guess.problems == ()


def test_mobiles_come_before_the_telephone_at_home() -> None:
    header = ["自宅電話番号", "電話番号2", "電話番号1", "携帯電話番号", "FAX番号"]

    assert guess_columns(header).mapping.phones == (3, 2, 1, 0)


def test_family_and_given_name_in_two_columns() -> None:
    guess = guess_columns(["姓", "名", "セイ", "メイ", "携帯番号"])

    assert (guess.mapping.names, guess.mapping.kanas) == ((0, 1), (2, 3))


def test_of_two_that_mean_the_same_the_plainer_wins() -> None:
    assert guess_columns(["世帯の氏名", "氏名", "電話"]).mapping.names == (1,)


class TestContent:
    def test_a_column_of_mobiles_without_a_telling_header_is_offered(self) -> None:
        guess = guess_columns(["氏名", "列2"], [["山田", "090-1234-5678"], ["田中", "080-1234-5678"], ["佐藤", ""]])

        assert guess.mapping.phones == (1,)
        assert guess.confidence["phone"] == 0.5

    def test_a_header_that_its_cells_belie_is_doubted(self) -> None:
        guess = guess_columns(["連絡先", "携帯"], [["港区1丁目", "090-1234-5678"], ["南区2丁目", "090-1234-5679"]])

        assert guess.mapping.phones == (1,)

    def test_without_any_telephone_the_problem_is_named(self) -> None:
        guess = guess_columns(["氏名", "住所"], [["山田", "港区1-2-3"]])

        assert guess.mapping.phones == ()
        assert guess.problems == (MappingProblem.NO_PHONE_COLUMN,)


class TestChosenByAPerson:
    HEADER = ("氏名", "電話番号", "連絡先２", "備考")

    def test_headers_need_not_agree_in_width(self) -> None:
        mapping = mapping_from_headers(self.HEADER, {"phone": "連絡先2", "phone2": "電話番号", "name": "氏 名"})

        assert mapping == ColumnMapping((2, 1), (0,))

    def test_what_is_shown_can_be_given_back(self) -> None:
        mapping = ColumnMapping((2, 1), (0,), consent=3)

        assert mapping_from_headers(self.HEADER, mapping.as_headers(self.HEADER)) == mapping

    @pytest.mark.parametrize(
        ("wanted", "code"),
        [
            ({"phone": "ない列"}, MappingProblem.UNKNOWN_COLUMN),
            ({"phone": "電話番号", "shoe_size": "備考"}, MappingProblem.UNKNOWN_FIELD),
            ({"phone": "電話番号", "age2": "備考"}, MappingProblem.UNKNOWN_FIELD),
            ({"name": "氏名"}, MappingProblem.NO_PHONE_COLUMN),
        ],
    )
    def test_refusals_have_a_code(self, wanted: dict[str, str], code: MappingProblem) -> None:
        with pytest.raises(BadMapping) as refused:
            mapping_from_headers(self.HEADER, wanted)

        assert refused.value.code is code


def test_rules_that_find_no_column_are_told() -> None:
    mapping = ColumnMapping((0,))

    assert missing_for_rules(mapping, require_consent=True, age_limit=60) == [
        MappingProblem.NO_CONSENT_COLUMN,
        MappingProblem.NO_AGE_COLUMN,
    ]
    assert missing_for_rules(mapping, require_consent=False, age_limit=None) == []


def test_header_lines_are_told_from_titles_and_data() -> None:
    assert count_known_headers(["管理番号", "氏名", "備考"]) == 2
    assert count_known_headers(["療養者名簿（12月6日）", "", ""]) == 0
    assert first_data_cell(["R4-00001", "山田", "090-1234-5678"]) == 2
    assert first_data_cell(["管理番号", "氏名", "電話番号"]) is None


def test_every_synonym_means_one_field_only() -> None:
    assert normalise_header("ＨＥＲ－ＳＹＳ　ＩＤ") == "hersysid"
    assert {str(field) for field in Field} == {
        "phone", "name", "kana", "external_id", "birth_on", "age", "consent", "excluded",
    }  # fmt: skip
