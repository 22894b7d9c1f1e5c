"""The row that a page names is the one that Excel shows at its left edge."""

from __future__ import annotations

import csv
import io

import openpyxl
import pytest

from recipients.reading import open_table
from recipients.reading.tables import Table
from recipients.sheet_rows import SheetRows

HEADER = "氏名,電話番号"


def sheet_rows_of(table: Table) -> SheetRows:
    """As a page has them: from the notices that were stored with the roster."""
    return SheetRows([{"code": notice.code, "params": dict(notice.params)} for notice in table.notices])


class TestSheetRows:
    @pytest.mark.parametrize(
        "lines",
        [
            [HEADER, "山田,1", "佐藤,2"],
            ["本日の名簿", "", HEADER, "山田,1", "佐藤,2"],
            ["", "", HEADER, "山田,1", "佐藤,2", ",", ","],
            [HEADER, ",", "山田,1", ",", ",", "佐藤,2", "鈴木,3", "", ""],
            [HEADER, "山田,1", "小計,", "佐藤,2", "", "小計,", "鈴木,3", "合計,3"],
            [HEADER, '"山\n田",1', "佐藤,2", "", '"鈴\r\n\r\n木",3'],
        ],
        ids=["plain", "title", "blank above", "blank between", "totals", "line breaks in cells"],
    )
    def test_are_where_a_spreadsheet_has_them(self, lines: list[str]) -> None:
        text = "\r\n".join(lines) + "\r\n"
        spreadsheet = list(csv.reader(io.StringIO(text, newline="")))
        table = open_table(text.encode())
        rows = list(table.rows())

        numbers = sheet_rows_of(table)

        assert numbers.are_known
        assert [spreadsheet[numbers.of(row) - 1] for row, _cells in rows] == [cells for _row, cells in rows]

    def test_of_a_workbook_count_the_empty_rows_above_the_table(self) -> None:
        book, content = openpyxl.Workbook(), io.BytesIO()
        for line, cells in {5: ("氏名", "電話番号"), 6: ("山田", "1"), 9: ("佐藤", "2")}.items():
            for column, cell in enumerate(cells, 2):
                book.active.cell(row=line, column=column, value=cell)
        book.save(content)
        table = open_table(content.getvalue())
        rows = [row for row, _cells in table.rows()]

        numbers = sheet_rows_of(table)

        assert [numbers.of(row) for row in rows] == [6, 9]

    def test_say_so_where_nobody_can_keep_count(self) -> None:
        table = open_table((HEADER + "\n" + "山田,1\n\n" * 3_000).encode())
        list(table.rows())

        numbers = sheet_rows_of(table)

        assert not numbers.are_known
        assert numbers.of(7) == 7

    def test_blank_lines_between_people_are_told_and_those_at_the_end_are_not(self) -> None:
        table = open_table(f"{HEADER}\n山田,1\n\n,\n佐藤,2\n\n\n".encode())
        list(table.rows())

        (notice,) = table.notices

        assert notice.user_message == "空の行が2行あります（最初は3行目）。人の行に数えていません。"
