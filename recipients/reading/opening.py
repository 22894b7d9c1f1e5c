"""What kind of file it is, by its first bytes."""

from __future__ import annotations

import codecs
from typing import Final

from recipients.reading.delimited import Delimited
from recipients.reading.problems import FileProblem, Limits
from recipients.reading.tables import Table
from recipients.reading.workbooks import Sheet
from tenants.packing import Packed

MEGABYTE: Final = 1024 * 1024
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP: Final = b"PK\x03\x04"
_BYTE_ORDER_MARKS: Final = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_OTHER_KINDS: Final[tuple[tuple[bytes, str], ...]] = (
    (b"%PDF", "PDF"),
    (b"\x89PNG", "画像"),
    (b"\xff\xd8\xff", "画像"),
    (b"GIF8", "画像"),
    (b"BM6", "画像"),
    (b"II*\x00", "画像"),
    (b"MM\x00*", "画像"),
    (b"{\\rtf", "文書（RTF）"),
    (b"<!DOCTYPE", "Webページ"),
    (b"<!doctype", "Webページ"),
    (b"<html", "Webページ"),
    (b"<HTML", "Webページ"),
    (b"<?xml", "XML"),
    (b"7z\xbc\xaf", "圧縮ファイル"),
    (b"Rar!", "圧縮ファイル"),
    (b"\x1f\x8b", "圧縮ファイル"),
    (b"\x7fELF", "プログラム"),
    (b"MZ\x90\x00", "プログラム"),
    (b"SQLite format 3\x00", "データベース"),
)


def open_table(data: bytes | Packed, *, limits: Limits | None = None) -> Table:
    """The table in a file: CSV or TSV in any of our encodings, XLSX, XLS or ODS, whatever its name says.

    Raises `FileProblem` with a sentence for staff. Only the head is read here; `Table.rows` may still find a problem.
    """
    limits = limits or Limits()
    packed = data if isinstance(data, Packed) else Packed.of(data)
    _check_size(packed.size, limits.max_bytes)
    head = packed.read(0, 64)
    if head in _BYTE_ORDER_MARKS or not any(piece.strip(b"\x00 \t\r\n") for piece in packed.pieces()):
        raise FileProblem("empty")
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    for magic, kind in _OTHER_KINDS:
        if start.startswith(magic):
            raise FileProblem("not_a_table", kind=kind)
    if head.startswith((_ZIP, _OLE, b"PK\x05\x06")):
        _check_size(packed.size, limits.max_workbook_bytes)
        return Table(Sheet(packed.read(), limits=limits), limits=limits)
    return Table(Delimited(packed, limits=limits), limits=limits)


def _check_size(size: int, most: int) -> None:
    if size > most:
        raise FileProblem("too_large", megabytes=f"{-(-size // MEGABYTE):,}", limit=f"{most // MEGABYTE:,}")
