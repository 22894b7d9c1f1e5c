"""Workbooks: what reads, and what would fill the memory or run something."""

from __future__ import annotations

import resource
from datetime import date, datetime, time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipients.reading import FileProblem, Limits, Table, open_table
from tests.roster_files import HEADER, as_ods, as_xls, as_xlsx, as_zip, people, read_part, with_part

SHEET = "xl/worksheets/sheet1.xml"
CELLS = [("氏名", "電話番号", "備考"), ("山田　花子", "090-1234-5678", "①髙﨑𠮷"), ("田中　誠", "080-1234-5678", "")]
WORKBOOK = as_xlsx(CELLS)
HALF_PAST_NINE = datetime(2022, 8, 15, 9, 30)  # noqa: DTZ001  a workbook knows no time zone


def rows_of(table: Table) -> list[list[str]]:
    return [cells for _row, cells in table.rows()]


def code_of(data: bytes) -> str:
    with pytest.raises(FileProblem) as refused:
        list(open_table(data).rows())
    assert "%(" not in refused.value.user_message
    return refused.value.code


def with_cells(cells: bytes) -> bytes:
    sheet = read_part(WORKBOOK, SHEET)
    return with_part(WORKBOOK, SHEET, sheet.replace(b"</sheetData>", cells + b"</sheetData>"))


class TestWhatReads:
    @pytest.mark.parametrize(("data", "kind"), [(WORKBOOK, "xlsx"), (as_xls(CELLS), "xls"), (as_ods(CELLS), "ods")])
    def test_a_sheet_reads_like_a_csv(self, data: bytes, kind: str) -> None:
        table = open_table(data)

        assert (table.kind, table.header, table.sheet) == (kind, CELLS[0], "名簿")
        assert rows_of(table) == [list(row) for row in CELLS[1:]]

    def test_values_become_what_staff_see(self) -> None:
        values = (9012345678, date(1990, 1, 2), HALF_PAST_NINE, 12340.5, True, time(9, 5), 44901.0)
        header = ("電話番号", "生年月日", "予約日", "金額", "同意", "時刻", "番号")

        row = rows_of(open_table(as_xlsx([header, values])))[0]

        assert row == ["9012345678", "1990/01/02", "2022/08/15 09:30", "12340.5", "TRUE", "09:05", "44901"]

    def test_the_first_visible_sheet_is_taken_and_the_others_named(self) -> None:
        table = open_table(as_xlsx(CELLS, hidden_first=[("氏名", "電話番号"), ("x", "y")], second=[("集計", 1)]))

        assert table.sheet == "名簿"
        assert [(notice.code, notice.params["others"]) for notice in table.notices] == [("other_sheets", "集計")]

    def test_lines_are_counted_as_the_spreadsheet_counts(self) -> None:
        table = open_table(as_xlsx([("名簿",), *CELLS], first_row=3))

        assert table.header_line == 4
        assert len(rows_of(table)) == 2

    def test_macros_are_passed_over_and_told(self) -> None:
        table = open_table(with_part(WORKBOOK, "xl/vbaProject.bin", b"\xd0\xcf\x11\xe0"))

        assert {notice.code for notice in table.notices} == {"macros_ignored"}

    def test_a_cell_that_is_only_formatted_far_away_does_no_harm(self) -> None:
        assert len(rows_of(open_table(with_cells(b'<row r="1048576"><c r="XFD1048576" s="0"/></row>')))) == 2


class TestRefusals:
    def test_a_filled_cell_in_the_last_corner_is_refused_before_it_fills_the_memory(self) -> None:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        assert code_of(with_cells(b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')) == "sheet_too_large"
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000

    def test_a_sheet_that_is_too_large_says_how_far_it_reaches(self) -> None:
        with pytest.raises(FileProblem) as refused:
            open_table(with_cells(b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'))

        assert refused.value.params == {"line": "1,048,576", "column": "XFD"}

    def test_a_row_repeated_a_million_times(self) -> None:
        assert code_of(as_ods(CELLS, rows_repeated=1_000_000)) == "too_many_repeats"

    def test_repeats_are_found_wherever_the_pieces_are_cut(self) -> None:
        for count in (9_000, 9_050, 9_100):
            long = [*CELLS, *[("山田", "090-1234-5678", "x" * 30)] * count]

            assert len(rows_of(open_table(as_ods(long)))) == count + 2
            assert code_of(as_ods([*long, ("末", "", "")], rows_repeated=1_000_000)) == "too_many_repeats"

    def test_an_archive_that_unpacks_to_too_much(self) -> None:
        data = with_part(WORKBOOK, "xl/media/a.bin", b"\0" * 3_000_000)

        with pytest.raises(FileProblem, match="unpacked_too_large"):
            open_table(data, limits=Limits(max_unpacked_bytes=2_000_000))

    def test_an_archive_that_lies_about_its_sizes(self) -> None:
        content = b"\0" * 3_000_000
        data = with_part(WORKBOOK, "xl/media/a.bin", content)
        size = len(content).to_bytes(4, "little")
        assert size in data

        assert code_of(data.replace(size, (1000).to_bytes(4, "little"))) == "broken_workbook"

    @pytest.mark.parametrize(
        "content",
        [
            b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><sst>&b;</sst>',
            '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a [<!ENTITY b "c">]><sst/>'.encode("utf-16"),
        ],
    )
    def test_entities(self, content: bytes) -> None:
        assert code_of(with_part(WORKBOOK, "xl/sharedStrings.xml", content)) == "unsafe_workbook"

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (WORKBOOK[: len(WORKBOOK) // 2], "broken_workbook"),
            (b"PK\x03\x04" + b"x" * 99, "broken_workbook"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000, "broken_workbook"),
            (with_part(WORKBOOK, SHEET, b"<worksheet><sheetData><row><c r="), "broken_workbook"),
            (with_part(WORKBOOK, "xl/workbook.xml", b"not xml"), "broken_workbook"),
            (as_zip({"readme.txt": b"x"}), "not_a_table"),
            (as_zip({"word/document.xml": b"<x/>"}), "not_a_table"),
            (as_xlsx([[]]), "no_sheet"),
            (as_xlsx([HEADER]), "no_rows"),
        ],
    )
    def test_each_has_its_code(self, data: bytes, code: str) -> None:
        assert code_of(data) == code


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(WORKBOOK) - 1), st.binary(min_size=1, max_size=8))
def test_a_damaged_workbook_reads_or_is_refused(at: int, damage: bytes) -> None:
    data = WORKBOOK[:at] + damage + WORKBOOK[at + len(damage) :]
    try:
        outcome = str(len(rows_of(open_table(data))))
    except FileProblem as refused:
        outcome = refused.user_message

    assert outcome


def test_a_roster_of_some_size() -> None:
    crowd = people(3000)

    assert rows_of(open_table(as_xlsx([HEADER, *(person.cells for person in crowd)]))) == [list(p.cells) for p in crowd]
