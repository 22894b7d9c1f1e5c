"""CSV and tab-separated text, streamed: never more than a line of it stands decoded in memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import chain, islice
from typing import Final, NoReturn

from recipients.columns import count_known_headers
from recipients.reading.encodings import TextForm, detect
from recipients.reading.problems import FileProblem, Limits, Notice
from tenants.packing import Packed

# Read after the last line. Where it does not come back as a record of its own, a quote was still open.
_END: Final = "\x1fend of the file\x1f"
_DELIMITERS: Final = ",\t;"


class Delimited:
    """The records of a delimited text. Each call of `records` reads from the beginning."""

    kind = "csv"
    first_line = 1
    sheet: str | None = None

    def __init__(self, data: Packed, *, limits: Limits) -> None:
        self._data = data
        self._limits = limits
        self._check_line_lengths()
        self._form: TextForm = detect(data)
        self.encoding: str | None = self._form.encoding
        self.delimiter: str | None = self._find_delimiter()
        self.notices: tuple[Notice, ...] = (Notice("control_characters"),) if self._form.has_control_characters else ()

    def records(self) -> Iterator[list[str]]:
        """Every record, blank ones too. Raises `FileProblem` for an open quote, or a line beyond the limits."""
        reader = csv.reader(chain(self._text(), (_END,)), delimiter=self.delimiter or ",")
        cleaning = self._form.cleaning
        line = number = 0  # lines of the text, and records, which a spreadsheet calls rows
        try:
            for number, record in enumerate(reader, 1):
                if reader.line_num - line > 1:
                    self._check_quoted_lines(record, number=number)
                elif len(record) == 1 and record[0] == _END:
                    return
                line = reader.line_num
                yield [cell.translate(cleaning) for cell in record] if cleaning else record
        except csv.Error as exc:
            raise FileProblem("cell_too_long", line=number + 1, column=self._long_cell(line)) from exc

    def _long_cell(self, line: int) -> int:
        """Which cell, from 1, of the record that begins after ``line`` lines is longer than the reader takes."""
        delimiter, opened, column, length = self.delimiter or ",", False, 1, 0
        for character in chain.from_iterable(islice(self._text(), line, None)):
            length += 1
            if length > csv.field_size_limit():
                break
            if character == '"':
                opened = not opened
            elif character == delimiter and not opened:
                column, length = column + 1, 0
        return column

    def _text(self) -> io.TextIOWrapper:
        return io.TextIOWrapper(self._data.open(), encoding=self._form.encoding, newline="")

    def _check_quoted_lines(self, record: list[str], *, number: int) -> None:
        """Line breaks within a cell are lawful; rows of the table within a cell are not."""
        delimiter = self.delimiter or ","
        swallowed_from = max(2, len(record) - 1)
        for column, cell in enumerate(record, 1):
            if cell.endswith(_END) or any(
                part.count(delimiter) >= swallowed_from for part in cell.splitlines()[1:] if delimiter in part
            ):
                raise FileProblem("unbalanced_quote", line=number, column=column)

    def _find_delimiter(self) -> str:
        """The one that makes known headers of a line, or else the one that the first lines hold most of."""
        lines = list(islice((line for line in self._text() if line.strip()), 30))
        return max(
            _DELIMITERS,
            key=lambda delimiter: max(
                (
                    (count_known_headers(line.replace('"', "").split(delimiter)), line.count(delimiter))
                    for line in lines
                ),
                default=(0, 0),
            ),
        )

    def _check_line_lengths(self) -> None:
        """Refuses a line without end before anything tries to hold it: in every window there must be a line break."""
        window, lines, since = self._limits.max_line_bytes, 0, 0  # `since`: bytes of the line that is still open
        before = 0  # bytes of the pieces before this one
        for piece in self._data.pieces():
            start = 0
            while since + len(piece) - start > window:
                end = _last_break(piece, start, start + window - since)
                if end < 0:
                    self._refuse_line(lines + piece.count(b"\n", 0, start) + 1, begins_at=before + start - since)
                start, since = end + 1, 0
            end = _last_break(piece, start, len(piece))
            since = since + len(piece) - start if end < 0 else len(piece) - end - 1
            lines += piece.count(b"\n")
            before += len(piece)

    def _refuse_line(self, line: int, *, begins_at: int) -> NoReturn:
        """With the cell in which the line goes beyond the limit: an open quote's, or one far to the right."""
        stream, limit = self._data.open(), self._limits.max_line_bytes
        while begins_at > 0:
            begins_at -= len(stream.read(min(begins_at, limit)))
        outside = b"".join(stream.read(limit).split(b'"')[::2])
        column = max(outside.count(delimiter.encode()) for delimiter in _DELIMITERS) + 1
        raise FileProblem("line_too_long", line=line, column=f"{column:,}", limit=f"{limit:,}")


def _last_break(piece: bytes, start: int, stop: int) -> int:
    return max(piece.rfind(b"\n", start, stop), piece.rfind(b"\r", start, stop))
