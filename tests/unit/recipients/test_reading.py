"""Text files: every encoding, everything around the table, and what must be refused."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipients.checking import Known, RowChecker
from recipients.columns import guess_columns
from recipients.reading import FileProblem, Limits, Table, open_table
from recipients.reading.problems import NOTICES
from recipients.routing_rules import Rules
from tests.roster_files import AS_OF, HEADER, as_csv, people

SMALL = [("氏名", "電話番号", "備考"), ("山田　花子", "090-1234-5678", "①髙﨑"), ("田中　誠", "080-1234-5678", "")]


def rows_of(table: Table) -> list[list[str]]:
    return [cells for _row, cells in table.rows()]


def codes(table: Table) -> set[str]:
    return {notice.code for notice in table.notices}


def problem_of(data: bytes, limits: Limits | None = None) -> FileProblem:
    with pytest.raises(FileProblem) as refused:
        list(open_table(data, limits=limits).rows())
    assert refused.value.user_message
    assert "%(" not in refused.value.user_message
    return refused.value


def read_or_refuse(data: bytes) -> tuple[int, str]:
    """How many rows were read, or the sentence that refused the file."""
    try:
        return len(list(open_table(data).rows())), ""
    except FileProblem as refused:
        return 0, refused.user_message


class TestEncodings:
    @pytest.mark.parametrize("delimiter", [",", "\t"])
    @pytest.mark.parametrize("encoding", ["cp932", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
    def test_each_reads_without_being_asked(self, encoding: str, delimiter: str) -> None:
        table = open_table(as_csv(SMALL, encoding=encoding, delimiter=delimiter))

        assert table.header == SMALL[0]
        assert rows_of(table) == [list(row) for row in SMALL[1:]]
        assert table.delimiter == delimiter

    @pytest.mark.parametrize("encoding", ["euc_jp", "euc_jis_2004"])
    def test_euc_is_not_taken_for_half_width_kana(self, encoding: str) -> None:
        cells = [SMALL[0], ("田中　誠", "080-1234-5678", "①" if encoding == "euc_jis_2004" else "めも")]

        table = open_table(as_csv(cells, encoding=encoding))

        assert table.encoding == encoding
        assert rows_of(table) == [list(cells[1])]

    def test_cp932_full_of_half_width_kana_stays_cp932(self) -> None:
        cells = [("氏名", "ﾌﾘｶﾞﾅ", "電話番号"), *([("山田", "ﾔﾏﾀﾞ ﾊﾅｺ", "09012345678")] * 50)]

        assert open_table(as_csv(cells)).encoding == "cp932"

    def test_astral_characters_in_utf16(self) -> None:
        cells = [SMALL[0], ("𠮷田", "090-1234-5678", "😀")]

        assert rows_of(open_table(as_csv(cells, encoding="utf-16"))) == [list(cells[1])]

    def test_what_cp932_does_not_define_is_marked_broken(self) -> None:
        data = as_csv(SMALL[:1]) + b"\x80,1,\r\nA\xa0B,2,\r\n\xfd,3,\r\n"

        assert [row[0] for row in rows_of(open_table(data))] == ["\ufffd", "A\ufffdB", "\ufffd"]

    def test_user_defined_characters_come_through_for_the_row_to_say(self) -> None:
        data = as_csv(SMALL[:1]) + b"\xf0\x40\x93\x63,090-1234-5678,\r\n"

        assert rows_of(open_table(data))[0][0] == "\ue000田"

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
    def test_a_no_break_space_is_lawful_elsewhere(self, encoding: str) -> None:
        data = as_csv([SMALL[0], ("山\u00a0田", "1", "")], encoding=encoding)

        assert rows_of(open_table(data))[0][0] == "山\u00a0田"

    def test_one_broken_byte_in_utf8_is_not_read_as_something_else(self) -> None:
        data = as_csv(SMALL, encoding="utf-8")
        at = data.index("田中".encode()) + 1

        refused = problem_of(data[:at] + b"\xff" + data[at:])

        assert (refused.code, refused.params) == ("unreadable_encoding", {"line": 3, "column": 1})

    def test_what_cannot_be_read_is_named_by_line_and_column(self) -> None:
        data = as_csv(SMALL) + "佐藤,070-1234-5678,".encode("cp932") + b"\x81\xff\r\n"

        refused = problem_of(data)

        assert refused.params == {"line": 4, "column": 3}
        assert "4行目" in refused.user_message
        assert "3番目の欄" in refused.user_message

    @pytest.mark.parametrize("data", [b"\xff" * 100, b"\x81\xff,\xfe\n" * 9, bytes(range(128, 256)) * 9])
    def test_nonsense_is_refused(self, data: bytes) -> None:
        assert problem_of(data).code in {"unreadable_encoding", "not_a_table", "cut_short"}

    @pytest.mark.parametrize("encoding", ["cp932", "utf-8", "utf-16", "euc_jp"])
    def test_cut_within_a_character_is_said_to_be_cut(self, encoding: str) -> None:
        whole = as_csv([SMALL[0], ("山田", "090", ""), ("田中", "080", "末")], encoding=encoding)
        last = whole.rindex("末".encode(encoding.replace("utf-16", "utf-16-le")))

        assert problem_of(whole[: last + 1]).code == "cut_short"


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["cp932", "utf-8", "utf-8-sig", "utf-16", "euc_jp"]), st.floats(0, 1))
def test_a_file_cut_at_any_byte_reads_or_is_refused(encoding: str, share: float) -> None:
    whole = as_csv([SMALL[0], ("山田", "090", "改\r\n行"), ("田中", "080", "")], encoding=encoding)
    rows, refused = read_or_refuse(whole[: int(len(whole) * share)])

    assert refused or 1 <= rows <= 2


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_raise_anything_but_a_file_problem(data: bytes) -> None:
    rows, refused = read_or_refuse(data)

    assert refused or rows


class TestAroundTheTable:
    @pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
    def test_line_ends(self, line_end: str) -> None:
        assert len(rows_of(open_table(as_csv(SMALL, line_end=line_end)))) == 2

    def test_title_lines_above_the_header(self) -> None:
        table = open_table(as_csv(SMALL, above=["療養者名簿,,", "作成日：2022年8月15日,,", ",,"]))

        assert (table.header, table.header_line) == (SMALL[0], 4)
        assert len(rows_of(table)) == 2
        assert "title_lines" in codes(table)

    def test_rows_of_commas_at_the_end(self) -> None:
        assert len(rows_of(open_table(as_csv(SMALL, below=[",,"] * 500)))) == 2

    @pytest.mark.parametrize(
        "total",
        ["合計,2,", "計,,2", "　計　,,", ",,合計2名", "2件,,", "総件数：2件,,", "以上,,", "（小計）,2,", "Total,2,"],
    )
    def test_total_rows_are_left_out_and_told(self, total: str) -> None:
        table = open_table(as_csv(SMALL, below=[total]))

        assert len(rows_of(table)) == 2
        assert next(notice for notice in table.notices if notice.code == "total_rows").params == {
            "lines": "4",
            "count": 1,
            "shifts": "1:1",
        }

    @pytest.mark.parametrize(
        "person", ["計　太郎,090-1234-5678,", "小計,090-1234-5678,", "12,090-1234-5678,", "合田,1,"]
    )
    def test_people_are_never_taken_for_a_total(self, person: str) -> None:
        assert len(rows_of(open_table(as_csv(SMALL, below=[person])))) == 3

    def test_quoted_line_breaks_stay_within_their_cell(self) -> None:
        cells = [SMALL[0], ("山田", "090-1234-5678", '一行目\r\n二行目、,と"印')]

        assert rows_of(open_table(as_csv(cells))) == [list(cells[1])]

    def test_ragged_rows_are_filled_up_or_left_for_the_row_to_say(self) -> None:
        table = open_table(as_csv(SMALL, below=["佐藤,070", "鈴木,1,2,3", "伊藤,1,2,,,"]))

        assert rows_of(table)[2:] == [["佐藤", "070", ""], ["鈴木", "1", "2", "3"], ["伊藤", "1", "2"]]
        assert codes(table) == {"short_rows", "extra_cells"}

    def test_doubled_and_missing_headers_get_names_of_their_own(self) -> None:
        table = open_table(as_csv([("氏名", "電話番号", "電話番号", "", ""), ("山田", "1", "2", "3", "")]))

        assert table.header == ("氏名", "電話番号", "電話番号（2）", "列4")
        assert codes(table) == {"doubled_headers", "unnamed_columns"}
        assert guess_columns(table.header).mapping.phones == (1, 2)

    def test_a_header_broken_over_two_lines_is_one_word(self) -> None:
        assert open_table(as_csv([("氏名", "電話\n番号"), ("山田", "1")])).header == ("氏名", "電話番号")

    def test_control_characters_are_taken_out_and_told(self) -> None:
        table = open_table(as_csv([SMALL[0], ("山\x00田\x07", "090-1234-5678", "")] * 9))

        assert rows_of(table)[0][0] == "山田"
        assert "control_characters" in codes(table)

    def test_rows_can_be_read_again(self) -> None:
        table = open_table(as_csv(SMALL))

        assert rows_of(table) == rows_of(table)
        assert [row for row, _cells in table.rows()] == [1, 2]

    def test_a_roster_without_any_header_that_we_know_keeps_its_own(self) -> None:
        assert open_table(as_csv([("甲", "乙"), ("丙", "丁")])).header == ("甲", "乙")


class TestLinesWithoutEnd:
    LIMITS = Limits(max_line_bytes=400_000)

    @pytest.mark.parametrize("before", [0, 1_000_000, 1_048_000, 2_097_152])
    @pytest.mark.parametrize("length", [400_001, 1_100_000, 3_000_000])
    def test_are_refused_wherever_they_begin(self, before: int, length: int) -> None:
        lines = as_csv(SMALL) + b"a,1,\r\n" * (before // 6)

        refused = problem_of(lines + b"x" * length + b"\r\n" + lines, self.LIMITS)

        assert refused.code == "line_too_long"
        assert refused.params == {"line": lines.count(b"\n") + 1, "column": "1", "limit": "400,000"}

    @pytest.mark.parametrize(
        ("line", "column"),
        [
            ('佐藤,090-1234-5678,"' + "長い,備考" * 90_000, "3"),
            ("佐藤\t090-1234-5678\t" + "長" * 300_000, "3"),
            ("佐藤,090-1234-5678," * 40_000, "42,106"),  # all line breaks are lost
        ],
        ids=["an open quote", "tabs", "no breaks"],
    )
    def test_are_refused_with_the_cell_that_goes_too_far(self, line: str, column: str) -> None:
        refused = problem_of(as_csv(SMALL) + line.encode("cp932"), self.LIMITS)

        assert (refused.params["line"], refused.params["column"]) == (4, column)

    def test_are_not_seen_where_every_line_has_one(self) -> None:
        rows = [("x" * 100_000, "090-1234-5678", "")] * 20

        assert len(rows_of(open_table(as_csv([SMALL[0], *rows], line_end="\r"), limits=self.LIMITS))) == 20


class TestRefusals:
    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (b"", "empty"),
            (b"\xef\xbb\xbf", "empty"),
            (b" \r\n\r\n", "empty"),
            (b",,,\r\n,,,\r\n", "empty"),
            (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "not_a_table"),
            (b"\x89PNG\r\n\x1a\n", "not_a_table"),
            (b"<html><table><tr><td>1</td></tr></table></html>", "not_a_table"),
            (bytes(range(32)) * 100, "not_a_table"),
            (as_csv(SMALL[:1]), "no_rows"),
            (as_csv(SMALL[1:]), "no_header"),
            (as_csv(SMALL) + '"佐藤,070,\r\n鈴木,060,\r\n'.encode("cp932"), "unbalanced_quote"),
            ('氏名,電話番号,備考\n"山田,090,x\n田中,080,y\n佐藤,070,"z"\n'.encode(), "unbalanced_quote"),
            (as_csv(SMALL) + b'"' + b"x" * 200_000, "cell_too_long"),
            (as_csv(SMALL) + b"x" * 2_000_000, "line_too_long"),
            (as_csv([("氏名", "電話番号", *("a" * 100_000)), ("1",)]), "too_many_columns"),
            (as_csv([*SMALL, ["x"] * 100_000]), "too_many_columns"),
        ],
    )
    def test_each_has_its_code_and_a_sentence(self, data: bytes, code: str) -> None:
        assert problem_of(data).code == code

    def test_too_large(self) -> None:
        assert problem_of(as_csv(SMALL), Limits(max_bytes=10)).code == "too_large"

    def test_a_row_too_many(self) -> None:
        assert problem_of(as_csv(SMALL), Limits(max_rows=1)).code == "too_many_rows"
        assert len(rows_of(open_table(as_csv(SMALL), limits=Limits(max_rows=2)))) == 2

    @pytest.mark.parametrize(
        ("data", "line", "column"),
        [
            (as_csv(SMALL) + '"佐藤,070,\r\n鈴木,060,\r\n'.encode("cp932"), 4, 1),
            (as_csv(SMALL) + '佐藤,"070,\r\n鈴木,060,\r\n'.encode("cp932"), 4, 2),
            (as_csv([*SMALL, ("佐藤", "070", "二\r\n行")]) + '鈴木,"060,\r\n田,090,\r\n'.encode("cp932"), 5, 2),
            (as_csv(SMALL) + '佐藤,"07,0","x'.encode("cp932") + b"a,b,c\r\n" * 50_000, 4, 3),
            ("氏名,電話番号\r\n".encode("cp932") + b"a,b,\x81\xff\r\n", 2, 3),
            ("氏名\t電話番号\r\n上上上\t0".encode("utf-16") + b"\x00\xd8\x41\x00", 2, 2),
            ("氏名,電話番号\r\n山田,0901上".encode("utf-16")[:-1], 2, 2),
            ('氏名,電話番号\r\n"山,田",090田'.encode()[:-1], 2, 2),
            ("山田,〒,090-1234-5678\r\n田中,〒,080-1234-5678\r\n".encode(), 1, 3),
        ],
        ids=["quote", "second", "after_breaks", "endless", "cp932", "utf16", "cut_utf16", "cut_utf8", "no_header"],
    )
    def test_what_is_wrong_is_told_with_its_row_and_cell(self, data: bytes, line: int, column: int) -> None:
        refused = problem_of(data)

        assert (refused.params["line"], refused.params["column"]) == (line, column)

    def test_a_row_too_many_is_told_with_the_line_from_which_to_cut(self) -> None:
        assert problem_of(as_csv(SMALL), Limits(max_rows=1)).params == {"limit": "1", "line": "3"}


def test_every_notice_has_a_sentence() -> None:
    table = open_table(
        as_csv([("氏名", "氏名", ""), ("山\x01田", "1", "2")], above=["題"], below=["計,1", "a,1,2,3", "b"])
    )
    list(table.rows())

    assert codes(table) <= NOTICES.keys()
    assert all("%(" not in notice.user_message for notice in table.notices)


@pytest.mark.parametrize(("encoding", "seed"), [("cp932", 1), ("utf-8-sig", 2), ("utf-16", 3)])
def test_generated_rosters_mean_what_was_meant(encoding: str, seed: int) -> None:
    crowd = people(1500, seed=seed, characters=encoding)
    table = open_table(as_csv([HEADER, *(person.cells for person in crowd)], encoding=encoding, below=["合計,1500"]))
    rules = Rules(AS_OF, require_consent=True, age_limit=60)
    mapping = guess_columns(table.header, table.sample()).mapping
    checker = RowChecker(header=table.header, mapping=mapping, rules=rules, known=Known())

    checked = [checker.check(cells) for _row, cells in table.rows()]

    assert [(row.phone, row.route.value, row.reason.value) for row in checked] == [
        (person.e164, person.route, person.reason) for person in crowd
    ]


def test_a_large_file_streams() -> None:
    one = as_csv([person.cells for person in people(500, characters="cp932")])
    data = as_csv([HEADER]) + one * 100
    tracemalloc.start()
    table = open_table(data)
    rows = sum(1 for _row in table.rows())
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert rows == 50_000
    assert peak < 20_000_000
