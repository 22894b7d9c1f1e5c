"""The table in a file: title lines above the header, blank rows, total rows and ragged rows are dealt with here."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, Protocol

from recipients.columns import count_known_headers, first_data_cell
from recipients.reading.problems import FileProblem, Limits, Notice

_HEADER_WITHIN: Final = 30  # records; below that nobody writes a title any more
_SAMPLE: Final = 200
_MOST_LINES_NAMED: Final = 10
_MOST_GAPS: Final = 2_000  # places where lines stand between the rows of people
_TOTAL: Final = re.compile(
    r"[(<【\[]*(?:合計|総計|小計|計|総件数|合計件数|件数|総数|人数|以上|grand ?total|sub ?total|total)[)>】\]]*"
    r"[\s:=]*(?:全|計)?[0-9,.]*\s*(?:件|名|人|円|世帯)?|(?:全|計)?\s*[0-9,]+\s*(?:件|名|人|世帯)",
    re.IGNORECASE,
)
_TOTAL_INITIALS: Final = frozenset("合総小計件人以全TtGgSs(（<【[ＴｔＧＳ")
_COUNTED_IN: Final = frozenset("件名人帯")
_LONG_NUMBER: Final = re.compile(r"(?:[0-9][^0-9,]{0,2}){9,}")


class Source(Protocol):
    """Where records come from: a delimited text or a sheet of a workbook."""

    kind: str
    first_line: int  # the number of the first record in the file, as a spreadsheet counts
    sheet: str | None
    encoding: str | None
    delimiter: str | None

    @property
    def notices(self) -> tuple[Notice, ...]: ...

    def records(self) -> Iterator[list[str]]: ...


class Table:
    """A header and the rows under it. `rows()` may be called again and reads again; it never holds them all.

    `notices` are complete once `rows()` ran out.
    """

    def __init__(self, source: Source, *, limits: Limits) -> None:
        self._source = source
        self._limits = limits
        self.kind = source.kind
        self.encoding = source.encoding
        self.delimiter = source.delimiter
        self.sheet = source.sheet
        head = list(islice(source.records(), _SAMPLE))
        self._header_at = _find_header(head, first_line=source.first_line)
        self.header_line = source.first_line + self._header_at
        below = head[self._header_at + 1 :]
        self.header, self._header_notices = _name_columns(head[self._header_at], below)
        self._counted = _Counted()
        self._check_width(len(self.header), line=self.header_line)
        if next(self.rows(), None) is None:
            raise FileProblem("no_rows", line=self.header_line)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What was noticed and stops nothing."""
        titles = sum(1 for record in islice(self._source.records(), self._header_at) if not _is_blank(record))
        lines = [Notice("title_lines", {"count": titles, "line": self.header_line})] if titles else []
        counted = self._counted
        blank, first = counted.blank_between, counted.first_blank
        if not titles and self._header_at:
            blank, first = blank + self._header_at, self._source.first_line
        if blank:
            lines.append(Notice("blank_rows", {"count": blank, "line": first}))
        lines += counted.total_notices()
        shifts = counted.shifts()
        placed = (Notice(notice.code, {**notice.params, "shifts": shifts}) for notice in lines)
        return (*self._source.notices, *placed, *self._header_notices, *counted.ragged_notices())

    def sample(self, count: int = 50) -> list[list[str]]:
        """The first rows, to guess the columns by and to show."""
        return [cells for _row, cells in islice(self.rows(), count)]

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Each data row with its number from 1, as wide as the header, or wider where it has cells too many.

        Blank rows and total rows are not rows. Raises `FileProblem` where the file turns out broken or too large.
        """
        width, most_rows, most_columns = len(self.header), self._limits.max_rows, self._limits.max_columns
        counted = _Counted()
        row = 0
        line = self.header_line
        for record in islice(self._source.records(), self._header_at + 1, None):
            line += 1
            first = record[0] if record else ""
            if (not first or first.isspace()) and _is_blank(record):
                counted.blank(line)
                continue
            if _may_be_total(first) and _is_total(record):
                counted.total_lines.append(line)
                continue
            row += 1
            if row > most_rows:
                raise FileProblem("too_many_rows", limit=f"{most_rows:,}", line=f"{line:,}")
            if line - row != counted.shift:
                counted.shift_to(line - row, row=row)
            if len(record) != width:
                if len(record) > most_columns:
                    self._check_width(len(record), line=line)
                counted.fit(record, width=width, row=row)
            yield row, record
        self._counted = counted

    def _check_width(self, columns: int, *, line: int) -> None:
        if columns > self._limits.max_columns:
            raise FileProblem("too_many_columns", line=line, columns=columns, limit=self._limits.max_columns)


class _Counted:
    """What `rows` met on its way, up to the row where it stands."""

    def __init__(self) -> None:
        self.total_lines: list[int] = []
        self.shift = 0  # how much higher a row's number is in the sheet than among the people
        self.blank_between = self.first_blank = 0  # blank lines that have a row below them
        self._blank = self._blank_at = 0
        self._shifts: list[tuple[int, int]] = []
        self._short: list[int] = []
        self._extra: list[int] = []

    def fit(self, record: list[str], *, width: int, row: int) -> None:
        """Makes a ragged row as wide as the header; cells beyond it stay where they hold something."""
        if len(record) < width:
            self._short.append(row)
            record.extend([""] * (width - len(record)))
            return
        while len(record) > width and not record[-1].strip():
            record.pop()
        if len(record) > width:
            self._extra.append(row)

    def blank(self, line: int) -> None:
        self._blank_at = self._blank_at or line
        self._blank += 1

    def shift_to(self, shift: int, *, row: int) -> None:
        self.shift, self.blank_between, self.first_blank = shift, self._blank, self._blank_at
        if len(self._shifts) <= _MOST_GAPS:
            self._shifts.append((row, shift))

    def shifts(self) -> str:
        """For ``recipients.sheet_rows``: from which row on which shift; empty where there are too many to keep."""
        return ",".join(f"{row}:{shift}" for row, shift in self._shifts) if len(self._shifts) <= _MOST_GAPS else ""

    def total_notices(self) -> list[Notice]:
        if not self.total_lines:
            return []
        shown = "、".join(map(str, self.total_lines[:_MOST_LINES_NAMED]))
        more = " …" if len(self.total_lines) > _MOST_LINES_NAMED else ""
        return [Notice("total_rows", {"lines": shown + more, "count": len(self.total_lines)})]

    def ragged_notices(self) -> list[Notice]:
        ragged = (("short_rows", self._short), ("extra_cells", self._extra))
        return [Notice(code, {"count": len(rows), "row": rows[0]}) for code, rows in ragged if rows]


def _is_blank(record: Sequence[str]) -> bool:
    return not "".join(record).strip()


def _may_be_total(first: str) -> bool:
    """A quick look at the first cell, for the millions of rows that are none."""
    return not first or first[0] in _TOTAL_INITIALS or first[-1] in _COUNTED_IN or first[0].isspace()


def _is_total(record: Sequence[str]) -> bool:
    """A row of sums: its first filled cell says so, or is nothing but a count, and nobody's number is in it."""
    filled = [cell for cell in record if cell.strip()]
    first = unicodedata.normalize("NFKC", filled[0]).strip()
    if not _TOTAL.fullmatch(first):
        return False
    if first[0].isdecimal() and len(filled) > 1:
        return False
    return not any(_LONG_NUMBER.search(cell) for cell in filled)


def _find_header(head: Sequence[Sequence[str]], *, first_line: int) -> int:
    """The line that names most of what we know; else the first that could be a header at all."""
    candidates = [(place, record) for place, record in enumerate(head[:_HEADER_WITHIN]) if not _is_blank(record)]
    if not candidates:
        raise FileProblem("empty")
    known = {place: count_known_headers(record) for place, record in candidates}
    best = max(known, key=lambda place: (known[place], -place))
    if known[best] >= 2 or (known[best] == 1 and _is_first_possible(candidates, best)):
        return best
    place, record = next(((p, r) for p, r in candidates if _count_filled(r) > 1), candidates[0])
    if (column := first_data_cell(record)) is not None:
        raise FileProblem("no_header", line=first_line + place, column=column + 1)
    return place


def _is_first_possible(candidates: Sequence[tuple[int, Sequence[str]]], best: int) -> bool:
    """One known word alone may be data ("電話"); it is a header where only titles stand above it."""
    return all(_count_filled(record) <= 1 for place, record in candidates if place < best)


def _count_filled(record: Sequence[str]) -> int:
    return sum(1 for cell in record if cell.strip())


def _name_columns(record: Sequence[str], below: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], tuple[Notice, ...]]:
    """Headers that differ from one another; columns without one are called 列n, empty ones at the end are left out."""
    headers = [re.sub(r"[\r\n]+", "", cell).strip() for cell in record]
    while (
        headers and not headers[-1] and all(not "".join(row[len(headers) - 1 : len(record)]).strip() for row in below)
    ):
        headers.pop()
    names: list[str] = []
    seen: dict[str, int] = {}
    doubled: list[str] = []
    unnamed: list[str] = []
    for column, header in enumerate(headers, 1):
        name = header or f"列{column}"
        seen[name] = seen.get(name, 0) + 1
        if not header:
            unnamed.append(name)
        if seen[name] > 1:
            doubled.append(header)
            name = f"{name}（{seen[name]}）"
        names.append(name)
    notices = []
    if doubled:
        notices.append(Notice("doubled_headers", {"columns": "、".join(dict.fromkeys(doubled))}))
    if unnamed:
        notices.append(Notice("unnamed_columns", {"columns": "、".join(unnamed[:_MOST_LINES_NAMED])}))
    return tuple(names), tuple(notices)
