"""Sheets of XLSX, XLS and ODS, by python-calamine, behind guards.

calamine lays a sheet out as a full rectangle from its first to its last cell and unpacks what the archive says, so a
small file could ask for any amount of memory: sizes are measured here, by really unpacking, before it sees the file.
It runs no macro, follows no link and resolves no entity.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Final, NoReturn

import python_calamine as calamine

from recipients.reading.problems import FileProblem, Limits, Notice

_PIECE: Final = 1 << 20
_OVERLAP: Final = 1_024  # bytes of the piece before, so that no cell's reference is cut in two
_MOST_PARTS: Final = 2_000
# Cells that hold something: a self-closing one is only formatted, and calamine passes over it.
_COLUMN_LETTERS: Final = re.compile(rb'<c [^>]{0,200}?r="([A-Z]{1,7})[0-9]+"[^>]{0,200}(?<!/)>')
_FAR_ROW: Final = re.compile(rb'<c [^>]{0,200}?r="[A-Z]{1,7}([0-9]{5,})"[^>]{0,200}(?<!/)>')
_ROW: Final = re.compile(rb'<c [^>]{0,200}?r="[A-Z]{1,7}([0-9]+)"[^>]{0,200}(?<!/)>')
_NEAR_ROWS: Final = 10_000
# A row that holds nothing but empty cells is passed over, however often it is repeated.
_REPEATED: Final = re.compile(
    rb'number-(rows|columns)-repeated="([0-9]+)"[^>]*>(?!\s*(?:<table:table-cell[^>]*/>\s*)*</table:table-row>)'
)
_SPARSE: Final = 2_000_000  # cells that a sheet may lay out, however few are filled
_LAID_OUT_PER_FILLED: Final = 4
_MOST_SHARED_TEXT: Final = 150_000_000  # bytes; calamine holds all of it
_SHEET_PART: Final = re.compile(r"xl/worksheets/[^/]+\.xml")


class Sheet:
    """The records of the first visible sheet that holds something."""

    first_line = 1
    encoding: str | None = None
    delimiter: str | None = None

    def __init__(self, data: bytes, *, limits: Limits) -> None:
        is_archive = data.startswith(b"PK")
        self.kind = _check_archive(data, limits) if is_archive else "xls"
        self._workbook = _open_workbook(data)
        visible = [
            sheet.name
            for sheet in self._workbook.sheets_metadata
            if sheet.typ == calamine.SheetTypeEnum.WorkSheet and sheet.visible == calamine.SheetVisibleEnum.Visible
        ]
        filled = [name for name in visible if self._get_sheet(name).height]
        if not filled:
            raise FileProblem("no_sheet")
        self.sheet: str | None = filled[0]
        self._sheet = self._get_sheet(filled[0])
        self.notices: tuple[Notice, ...] = self._notice(filled, data if is_archive else b"")

    def records(self) -> Iterator[list[str]]:
        """Every row of the sheet as text, as a CSV of it would read."""
        for row in self._sheet.iter_rows():
            yield [cell if isinstance(cell, str) else _write(cell) for cell in row]

    def _get_sheet(self, name: str) -> calamine.CalamineSheet:
        try:
            return self._workbook.get_sheet_by_name(name)
        except BaseException as exc:
            _refuse(exc)

    def _notice(self, filled: list[str], archive: bytes) -> tuple[Notice, ...]:
        notices = []
        if len(filled) > 1:
            notices.append(Notice("other_sheets", {"sheet": filled[0], "others": "、".join(filled[1:6])}))
        if b"vbaProject.bin" in archive:
            notices.append(Notice("macros_ignored"))
        return tuple(notices)


def _open_workbook(data: bytes) -> calamine.CalamineWorkbook:
    try:
        return calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
    except BaseException as exc:
        _refuse(exc)


def _refuse(exc: BaseException) -> NoReturn:
    """calamine's errors, and Rust's panics (which are no `Exception`), are all the same to staff: save it again."""
    if isinstance(exc, calamine.PasswordError):
        raise FileProblem("password") from exc
    if isinstance(exc, Exception) or type(exc).__name__ == "PanicException":
        raise FileProblem("broken_workbook") from exc
    raise exc


def _write(cell: float | bool | date | datetime | time | timedelta) -> str:
    """A cell's value as text: whole numbers without ".0", days as 2022/12/06."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, datetime):
        written = "%Y/%m/%d" if cell.time() == time() else "%Y/%m/%d %H:%M"
        return cell.strftime(written)
    if isinstance(cell, date):
        return cell.strftime("%Y/%m/%d")
    if isinstance(cell, time):
        return cell.strftime("%H:%M")
    return str(cell)


def _check_archive(data: bytes, limits: Limits) -> str:
    """Which kind of workbook an archive is. Raises `FileProblem` where it is none, lies or is too large unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            kind = _find_kind(archive)
            parts = archive.infolist()
            if len(parts) > _MOST_PARTS or sum(part.file_size for part in parts) > limits.max_unpacked_bytes:
                raise FileProblem("unpacked_too_large")
            if any(part.filename == "xl/sharedStrings.xml" and part.file_size > _MOST_SHARED_TEXT for part in parts):
                raise FileProblem("unpacked_too_large")
            for part in parts:
                _check_part(archive, part, kind=kind, limits=limits)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as exc:
        raise FileProblem("broken_workbook") from exc
    return kind


def _find_kind(archive: zipfile.ZipFile) -> str:
    names = set(archive.namelist())
    if "xl/workbook.xml" in names:
        return "xlsx"
    if "mimetype" in names and archive.getinfo("mimetype").file_size < 100:
        kind = archive.read("mimetype").decode("ascii", errors="replace")
        if kind.startswith("application/vnd.oasis.opendocument.spreadsheet"):
            return "ods"
    if "word/document.xml" in names:
        raise FileProblem("not_a_table", kind="文書（Word）")
    raise FileProblem("not_a_table", kind="圧縮ファイル")


def _check_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo, *, kind: str, limits: Limits) -> None:
    """Unpacks a part for real (its check sum betrays a lying size) and measures the sheet in it."""
    extent, repeats = _Extent(limits), _Repeats(limits)
    is_sheet = bool(_SHEET_PART.fullmatch(part.filename))
    is_content = kind == "ods" and part.filename == "content.xml"
    before = b""
    with archive.open(part) as stream:
        while piece := stream.read(_PIECE):
            text = before + piece
            if not before and part.filename.endswith((".xml", ".rels")) and _has_doctype(piece):
                raise FileProblem("unsafe_workbook")
            if is_sheet:
                extent.measure(text)
            elif is_content:
                repeats.measure(text, settled=len(text) - _OVERLAP)
            before = text[-_OVERLAP:]
    if is_content:
        repeats.measure(before, settled=len(before))
    extent.check()


def _has_doctype(beginning: bytes) -> bool:
    plain = beginning[:4096].replace(b"\x00", b"")
    return b"<!DOCTYPE" in plain or b"<!ENTITY" in plain


class _Repeats:
    """ODS may say "this row a million times". Of empty ones, at a sheet's end, that is usual; of others it is not."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._rows = 0
        self._cells = 0

    def measure(self, text: bytes, *, settled: int) -> None:
        """Counts what begins before `settled`; the rest comes again with the next piece."""
        for match in _REPEATED.finditer(text, 0):
            if match.start() >= settled:
                return
            if match[0].endswith(b"/>"):
                continue
            times = int(match[2][:9])
            if match[1] == b"rows":
                self._rows += times
            else:
                self._cells += times
                if times > self._limits.max_columns:
                    raise FileProblem("too_many_repeats", count=f"{times:,}")
            if self._rows > _NEAR_ROWS or self._cells > self._limits.max_cells:
                raise FileProblem("too_many_repeats", count=f"{max(self._rows, self._cells):,}")


class _Extent:
    """How large a rectangle the cells of a sheet span, against how many there are."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._letters: set[bytes] = set()
        self._last_row = _NEAR_ROWS
        self._last_text = b""
        self._cells = 0

    def measure(self, text: bytes) -> None:
        letters = _COLUMN_LETTERS.findall(text)
        self._last_text = text if letters else self._last_text
        self._cells += len(letters)
        self._letters.update(letters)
        self._last_row = max(self._last_row, *map(int, _FAR_ROW.findall(text)), 0)

    def check(self) -> None:
        farthest = max(self._letters, key=_column_number, default=b"")
        columns = _column_number(farthest)
        laid_out = max(columns * self._last_row, self._cells)
        if laid_out > self._limits.max_cells or laid_out > max(_SPARSE, _LAID_OUT_PER_FILLED * self._cells):
            last_row = max(map(int, _ROW.findall(self._last_text)), default=0)  # rows stand in their order
            raise FileProblem("sheet_too_large", line=f"{last_row:,}", column=farthest.decode())


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
