"""Every code has its words, with nothing left unfilled."""

from __future__ import annotations

import re

import pytest
from django.utils.translation import override

from recipients import labels
from recipients.columns import Field, MappingProblem
from recipients.phone_numbers import NumberKind
from recipients.reading.problems import NOTICES, PROBLEMS
from recipients.routing_rules import Reason, Route, Rule

# Where something is wrong with a file, its sentence says it; these are wrong as a whole.
PLACES = {
    "cut_short": {"line", "column"},
    "unreadable_encoding": {"line", "column"},
    "cell_too_long": {"line", "column"},
    "unbalanced_quote": {"line", "column"},
    "no_header": {"line", "column"},
    "sheet_too_large": {"line", "column"},
    "too_many_columns": {"line", "columns"},
    "line_too_long": {"line", "column"},
    "too_many_rows": {"line"},
    "no_rows": {"line"},
    "too_many_repeats": {"count"},
    **dict.fromkeys(
        [
            "empty",
            "too_large",
            "not_a_table",
            "password",
            "broken_workbook",
            "unpacked_too_large",
            "unsafe_workbook",
            "no_sheet",
        ],
        set(),
    ),
}
_PARAMS = (
    "line lines kind limit megabytes columns count row sheet others column field on known numbers names people "
    "percent ids ids_wrong check characters rows fields"
)
ANY = dict.fromkeys(_PARAMS.split(), "7")


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        (labels.ROUTES, Route),
        (labels.FIELDS, Field),
        (labels.NUMBER_KINDS, NumberKind),
        (labels.RULES, [rule for rule in Rule if rule]),
        (labels.REASONS, Reason),
        (labels.REMEDIES, [reason for reason in Reason if reason]),
    ],
)
def test_every_code_has_words_and_no_words_are_left_over(table: dict[str, str], codes: list[str]) -> None:
    assert set(table) == {str(code.value) for code in codes}  # type: ignore[attr-defined]


@pytest.mark.parametrize("code", [*PROBLEMS, "gave_up", "no_phone_column"])
def test_files(code: str) -> None:
    assert labels.file_sentence(code, ANY).endswith("。")


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("code", PROBLEMS)
def test_a_bad_file_is_told_with_its_place_and_a_remedy(code: str, language: str) -> None:
    params = ANY | {name: f"<{name}>" for name in PLACES[code]}

    with override(language):
        sentence = labels.file_sentence(code, params)

    assert all(f"<{name}>" in sentence for name in PLACES[code])
    assert "%(" not in sentence
    assert re.search("ください。$" if language == "ja" else r"\. [A-Z].*\.$", sentence), "what happened, and what to do"


def test_no_problem_of_a_file_is_without_a_known_place() -> None:
    assert set(PLACES) == set(PROBLEMS)


@pytest.mark.parametrize("code", NOTICES)
def test_notices(code: str) -> None:
    assert "%(" not in labels.notice_sentence(code, ANY)


@pytest.mark.parametrize("problem", MappingProblem)
def test_mapping_problems_and_missing_columns(problem: MappingProblem) -> None:
    tables = (labels.MAPPING_PROBLEMS, labels.ROSTER_PROBLEMS, PROBLEMS)

    assert any(problem.value in table for table in tables)


@pytest.mark.parametrize("code", labels.ROSTER_PROBLEMS)
def test_roster_problems(code: str) -> None:
    assert "%(" not in labels.problem_sentence(code, ANY)


def test_a_reason_says_what_its_detail_adds() -> None:
    assert "指数表示" in labels.reason_sentence("unreadable", "digits_lost")
    assert "「保留」" in labels.reason_sentence("unknown_consent", "保留")
    assert "「氏名」の欄" in labels.reason_sentence("gaiji", "氏名")
    assert labels.reason_sentence("missing") == str(labels.REMEDIES["missing"])


def test_an_age_is_named_with_the_tenants_limit() -> None:
    assert labels.reason_label("age", age_limit=65) == "65歳以上"
    assert labels.reason_label("no_consent") == "SMSの同意なし"
