"""Rows as they stand in a file, checked whole."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipients.checking import CheckedRow, Known, RowChecker, check_row
from recipients.columns import ColumnMapping, guess_columns
from recipients.routing_rules import Reason, Route, Rules

DATA = Path(__file__).parents[2] / "data"
HEADER = ("管理番号", "氏名", "カナ", "生年月日", "年齢", "電話番号", "同意", "担当")
GOOD = ("R4-1", "山田　花子", "ヤマダ ハナコ", "1990/1/2", "32", "090-1234-5678", "○", "第1班")
RULES = Rules(date(2022, 8, 15), require_consent=True, age_limit=60)


class Book:
    """A register of consents with the word of one person."""

    def __init__(self, word: bool) -> None:
        self._word = word

    def says(self, phone: str, external_id: str) -> bool | None:
        return self._word if (phone, external_id) == ("+819012345678", "R4-1") else None


def check(known: Known | None = None, rules: Rules = RULES, **changes: str) -> CheckedRow:
    cells = [changes.get(header, cell) for header, cell in zip(HEADER, GOOD, strict=True)]
    return check_row(cells, header=HEADER, mapping=guess_columns(HEADER).mapping, rules=rules, known=known or Known())


def test_every_row_of_the_release_roster_is_routed_as_it_should() -> None:
    text = (DATA / "roster-release.csv").read_bytes().decode("cp932")
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    truth = json.loads((DATA / "roster-release.expected.json").read_text())
    rules = Rules(date.fromisoformat(truth["as_of"]), require_consent=True, age_limit=truth["age_limit"])
    checker = RowChecker(header=header, mapping=guess_columns(header, rows[:20]).mapping, rules=rules, known=Known())

    checked = [checker.check(row) for row in rows]

    assert len(checked) == truth["rows"] == 983
    for row, expected in zip(checked, truth["truth"], strict=True):
        texted = row.phone if row.can_text else None
        assert (row.external_id, row.route, row.reason, texted) == (
            expected["id"],
            expected["route"],
            expected["reason"],
            expected["e164"],
        )
    assert {route: sum(row.route == route for row in checked) for route in truth["counts"]} == truth["counts"]


def test_a_good_row_is_understood() -> None:
    row = check()

    assert (row.route, row.reason, row.phone) == (Route.SMS, Reason.NONE, "+819012345678")
    assert (row.external_id, row.name, row.kana) == ("R4-1", "山田　花子", "ヤマダ ハナコ")
    assert (row.birth_on, row.age, row.age_differs) == (date(1990, 1, 2), 32, False)
    assert row.consent is True
    assert row.mended == ()
    assert row.cells == dict(zip(HEADER, GOOD, strict=True))


def test_a_mended_number_is_marked() -> None:
    assert check(電話番号="9012345678").mended == ("zero_restored",)


@pytest.mark.parametrize(
    ("changes", "route", "reason", "detail"),
    [
        ({"同意": "保留"}, Route.ERROR, Reason.UNKNOWN_CONSENT, "保留"),
        ({"同意": ""}, Route.CALL, Reason.NO_CONSENT, ""),
        ({"生年月日": "1990/2/30"}, Route.ERROR, Reason.BAD_DATE, "1990/2/30"),
        ({"生年月日": "2030/1/1"}, Route.ERROR, Reason.BAD_DATE, "2030/1/1"),
        ({"生年月日": "1962/8/15", "年齢": "59"}, Route.CALL, Reason.AGE, ""),
        ({"生年月日": "1962/8/16", "年齢": "60"}, Route.SMS, Reason.NONE, ""),
        ({"生年月日": "", "年齢": "60"}, Route.CALL, Reason.AGE, ""),
        ({"生年月日": "", "年齢": ""}, Route.ERROR, Reason.NO_AGE, ""),
        ({"氏名": "　"}, Route.ERROR, Reason.NO_NAME, ""),
        ({"氏名": "\ue000田"}, Route.ERROR, Reason.GAIJI, "氏名"),
        ({"担当": "\ufffd"}, Route.ERROR, Reason.BROKEN_CHARACTERS, "担当"),
        ({"電話番号": "9.01E+09"}, Route.ERROR, Reason.UNREADABLE, "digits_lost"),
        ({"電話番号": "0120-123-456"}, Route.CALL, Reason.NOT_A_MOBILE, "toll_free"),
    ],
)
def test_one_thing_wrong(changes: dict[str, str], route: Route, reason: Reason, detail: str) -> None:
    row = check(**changes)

    assert (row.route, row.reason, row.detail) == (route, reason, detail)


def test_an_age_column_that_differs_is_told_and_the_birth_date_wins() -> None:
    row = check(年齢="61")

    assert (row.route, row.age, row.age_differs) == (Route.SMS, 32, True)


class TestWhatIsKnown:
    def test_an_opted_out_number_is_called(self) -> None:
        assert check(Known(opted_out={"+819012345678"})).reason is Reason.OPTED_OUT

    def test_the_register_of_consents_stands_in_for_an_empty_cell(self) -> None:
        assert check(Known(consents=Book(True)), 同意="").route is Route.SMS

    def test_the_rosters_no_wins_over_the_register(self) -> None:
        assert check(Known(consents=Book(True)), 同意="×").reason is Reason.NO_CONSENT

    def test_a_consent_that_was_taken_back_counts_more_than_the_roster(self) -> None:
        row = check(Known(consents=Book(False)), 同意="○")

        assert (row.reason, row.detail) == (Reason.NO_CONSENT, "withdrawn")

    def test_the_register_makes_no_yes_of_a_word_that_nobody_knows(self) -> None:
        assert check(Known(consents=Book(True)), 同意="たぶん").reason is Reason.UNKNOWN_CONSENT

    @pytest.mark.parametrize("known", [Known(excluded={"+819012345678"}), Known(excluded_ids={"R4-1"})])
    def test_the_exclusion_list_skips(self, known: Known) -> None:
        row = check(known)

        assert (row.route, row.reason) == (Route.SKIP, Reason.EXCLUDED)


def test_an_exclusion_column_skips_with_its_word() -> None:
    header = (*HEADER, "除外")
    checker = RowChecker(header=header, mapping=guess_columns(header).mapping, rules=RULES, known=Known())

    assert checker.check([*GOOD, ""]).route is Route.SMS
    assert checker.check([*GOOD, "×"]).route is Route.SMS
    assert (checker.check([*GOOD, "転出"]).route, checker.check([*GOOD, "転出"]).detail) == (Route.SKIP, "転出")


def test_a_row_with_more_cells_than_headers_is_not_trusted() -> None:
    checker = RowChecker(header=HEADER, mapping=guess_columns(HEADER).mapping, rules=RULES, known=Known())

    row = checker.check([*GOOD, "余り"])

    assert (row.route, row.reason, row.detail) == (Route.ERROR, Reason.EXTRA_CELLS, "1")


def test_a_short_row_is_filled_up() -> None:
    checker = RowChecker(header=HEADER, mapping=guess_columns(HEADER).mapping, rules=RULES, known=Known())

    assert checker.check(GOOD[:3]).reason is Reason.MISSING


class TestSeveralPhones:
    HEADER = ("氏名", "自宅電話番号", "携帯電話番号")
    MAPPING = ColumnMapping(phones=(2, 1), names=(0,))

    @pytest.mark.parametrize(
        ("home", "mobile", "phone", "route"),
        [
            ("098-861-2446", "090-1234-5678", "+819012345678", Route.SMS),
            ("090-1234-5678", "", "+819012345678", Route.SMS),
            ("098-861-2446", "なし", "+81988612446", Route.CALL),
            ("", "090-1234", None, Route.ERROR),
        ],
    )
    def test_the_first_that_takes_a_text_then_the_first_to_call(
        self, home: str, mobile: str, phone: str | None, route: Route
    ) -> None:
        rules = Rules(date(2022, 8, 15))

        row = check_row(["山田", home, mobile], header=self.HEADER, mapping=self.MAPPING, rules=rules, known=Known())

        assert (row.phone, row.route) == (phone, route)


@given(st.lists(st.text(), max_size=12))
def test_no_row_raises_and_each_has_one_route(cells: list[str]) -> None:
    row = check_row(cells, header=HEADER, mapping=guess_columns(HEADER).mapping, rules=RULES, known=Known())

    assert (row.reason is Reason.NONE) == (row.route is Route.SMS)
    assert row.route is not Route.SMS or row.can_text


class TestIds:
    RULES = Rules(date(2022, 8, 15), id_check="luhn")

    def test_with_a_wrong_check_digit_are_to_be_mended(self) -> None:
        row = check(rules=self.RULES, 管理番号="79927398710")

        assert (row.route, row.reason, row.detail, row.id_is_wrong) == (
            Route.ERROR,
            Reason.BAD_ID,
            "79927398710",
            True,
        )

    @pytest.mark.parametrize("right", ["79927398713", "７９９２７３９８７１３", "7992739871-3", ""])
    def test_with_a_right_one_in_any_writing_get_a_text(self, right: str) -> None:
        assert check(rules=self.RULES, 管理番号=right).route is Route.SMS

    def test_are_no_reason_to_mend_what_is_phoned_anyway(self) -> None:
        row = check(rules=self.RULES, 管理番号="79927398710", 電話番号="03-1234-5678")

        assert (row.reason, row.id_is_wrong) == (Reason.LANDLINE, True)


class TestHazards:
    def test_are_told_once_each(self) -> None:
        assert check(氏名="𠮷田　𠮷子", カナ="ヨシダ①").hazards == "𠮷①"

    def test_diseases_are_told_by_their_column_and_names_are_none(self) -> None:
        assert check(担当="結核").disease_columns == ("担当",)
        assert check(氏名="水痘　花").disease_columns == ()

    def test_of_rows_that_get_no_text_are_nobodys_business(self) -> None:
        row = check(氏名="𠮷田", 同意="×", 担当="結核")

        assert (row.hazards, row.disease_columns) == ("", ())
