"""Whatever program wrote a roster and whatever stands around it, every row means what its writer meant."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from recipients.checking import Known, RowChecker
from recipients.columns import guess_columns
from recipients.reading import Table, open_table
from recipients.routing_rules import Rules
from tests.roster_files import AS_OF, HEADER, as_csv, as_ods, as_xls, as_xlsx, people

RULES = Rules(AS_OF, require_consent=True, age_limit=60)
TITLES = ("療養者名簿", "作成日：2022年8月15日", "【取扱注意】")
HEADERS = {
    "電話番号": ("電話番号", "携帯電話番号", "連絡先", "ＴＥＬ", "電話 番号", "電話番号１"),
    "氏名": ("氏名", "患者氏名", "氏　名", "お名前", "宛名"),
    "フリガナ": ("フリガナ", "ふりがな", "カナ氏名", "ﾌﾘｶﾞﾅ"),
    "管理番号": ("管理番号", "整理番号", "HER-SYS ID", "No.管理番号"),
    "SMS同意": ("SMS同意", "同意有無", "承諾", "ＳＭＳ同意"),
    "生年月日": ("生年月日", "生年月日（西暦）", "誕生日"),
}


@dataclass(frozen=True, slots=True)
class Writing:
    """How one office writes its file."""

    seed: int
    encoding: str
    delimiter: str
    line_end: str
    titles: int
    blank_tails: int
    has_total: bool


writings = st.builds(
    Writing,
    seed=st.integers(0, 10_000),
    encoding=st.sampled_from(["cp932", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "euc_jis_2004"]),
    delimiter=st.sampled_from([",", "\t", ";"]),
    line_end=st.sampled_from(["\r\n", "\n", "\r"]),
    titles=st.integers(0, 3),
    blank_tails=st.integers(0, 40),
    has_total=st.booleans(),
)


def meanings(table: Table) -> list[tuple[str | None, str, str]]:
    mapping = guess_columns(table.header, table.sample()).mapping
    checker = RowChecker(header=table.header, mapping=mapping, rules=RULES, known=Known())
    checked = [checker.check(cells) for _row, cells in table.rows()]
    return [(row.phone, row.route.value, row.reason.value) for row in checked]


def shuffled(seed: int, rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """The columns in another order under other words, one of them broken over two lines within its quotes."""
    dice = random.Random(seed)
    order = dice.sample(range(len(HEADER)), len(HEADER))
    header = [dice.choice(HEADERS.get(HEADER[column], (HEADER[column],))) for column in order]
    notes = [[row[column] + ("\r\n二行目" if HEADER[column] == "担当" else "") for column in order] for row in rows]
    return [header, *notes]


@settings(max_examples=40, deadline=None)
@given(writings)
def test_in_text_of_any_kind(writing: Writing) -> None:
    crowd = people(25, seed=writing.seed, characters=writing.encoding)
    table = shuffled(writing.seed, [person.cells for person in crowd])
    blank = writing.delimiter * (len(HEADER) - 1)
    data = as_csv(
        table,
        encoding=writing.encoding,
        delimiter=writing.delimiter,
        line_end=writing.line_end,
        above=[title + blank for title in TITLES[: writing.titles]],
        below=[blank] * writing.blank_tails + (["合計" + blank] if writing.has_total else []),
    )

    assert meanings(open_table(data)) == [(person.e164, person.route, person.reason) for person in crowd]


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([as_xlsx, as_ods, as_xls]))
def test_in_workbooks_of_any_kind(seed: int, write: object) -> None:
    assert callable(write)
    crowd = people(15, seed=seed)

    table = open_table(write(shuffled(seed, [person.cells for person in crowd])))

    assert meanings(table) == [(person.e164, person.route, person.reason) for person in crowd]
