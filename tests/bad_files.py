"""Files that must be refused with a sentence, whatever they are called (RELIABILITY.md "Bad input").

`python -m tests.bad_files` reads them one after the other in this process and prints, as JSON, what each came to, the
CPU seconds of each, and the most memory that the process ever held.
"""

from __future__ import annotations

import json
import os
import sys
import time
import zipfile
from collections.abc import Callable
from io import BytesIO
from typing import Final

from benchmarks.measuring import peak_mb
from tenants.packing import Packed
from tests.roster_files import as_csv, as_ods, as_xlsx, as_zip, read_part, with_part

ROWS = [("氏名", "電話番号", "備考"), ("山田　花子", "090-1234-5678", ""), ("田中　誠", "080-1234-5678", "")]
SHEET: Final = "xl/worksheets/sheet1.xml"
MEGABYTE: Final = 1024 * 1024
_ENTITY: Final = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><sst>&b;</sst>'
_LAUGHS: Final = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "%s"><!ENTITY c "%s">]><sst>&c;</sst>' % (
    b"ha" * 99, b"&b;" * 99,
)  # fmt: skip


def zip_bomb() -> bytes:
    """640 megabytes of blanks in a sheet, squeezed to less than one."""
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        book = as_xlsx(ROWS)
        with zipfile.ZipFile(BytesIO(book)) as whole:
            for name in whole.namelist():
                if name != SHEET:
                    archive.writestr(name, whole.read(name))
        with archive.open(SHEET, "w", force_zip64=True) as part:
            for _ in range(640):
                part.write(b" " * MEGABYTE)
    return stream.getvalue()


def lying_sizes() -> bytes:
    content = b"\0" * 3_000_000
    data = with_part(as_xlsx(ROWS), "xl/media/a.bin", content)
    return data.replace(len(content).to_bytes(4, "little"), (1000).to_bytes(4, "little"))


def far_cell() -> bytes:
    sheet = read_part(as_xlsx(ROWS), SHEET)
    cell = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    return with_part(as_xlsx(ROWS), SHEET, sheet.replace(b"</sheetData>", cell))


def repeated(line: bytes, size: int) -> Packed:
    """`line` again and again up to `size`, below a header."""
    packed, some = Packed.of(as_csv(ROWS[:1])), line * (MEGABYTE // len(line))
    while packed.size < size:
        packed.write(some)
    return packed


# Name → (the file, the code that it is refused with; "" for one that reads).
BAD_FILES: Final[dict[str, tuple[Callable[[], bytes | Packed], str]]] = {
    "empty": (lambda: b"", "empty"),
    "only_a_mark": (lambda: b"\xef\xbb\xbf", "empty"),
    "only_blanks": (lambda: b" \r\n\r\n,,,\r\n", "empty"),
    "only_nul": (lambda: b"\0" * MEGABYTE, "empty"),
    "header_only": (lambda: as_csv(ROWS[:1]), "no_rows"),
    "no_header": (lambda: as_csv(ROWS[1:]), "no_header"),
    "doubled_headers": (lambda: as_csv([("氏名", "電話番号", "氏名"), *ROWS[1:]]), ""),
    "ragged": (lambda: as_csv(ROWS, below=["佐藤,070-1234-5678", "鈴木,060-1234-5678,a,b,c,d"]), ""),
    "open_quote": (lambda: as_csv(ROWS) + '"佐藤,070,\r\n鈴木,060,\r\n'.encode("cp932"), "unbalanced_quote"),
    "open_quote_to_the_end": (lambda: as_csv(ROWS) + b'"' + b"a,b,c\r\n" * 200_000, "cell_too_long"),
    "control_characters": (lambda: as_csv(ROWS).replace(b"-", b"\0-\x07"), ""),
    "nothing_but_control_characters": (lambda: bytes(range(1, 32)) * 1000, "not_a_table"),
    "endless_line": (lambda: repeated(b"x", 64 * MEGABYTE), "line_too_long"),
    "too_many_bytes": (lambda: repeated("山田,090-1234-5678,\r\n".encode(), 257 * MEGABYTE), "too_large"),
    "million_columns": (lambda: as_csv([("氏名", "電話番号", *["a"] * 1_000_000), *ROWS[1:]]), "line_too_long"),
    "thousand_columns": (lambda: as_csv([("氏名", "電話番号", *["a"] * 1_000), *ROWS[1:]]), "too_many_columns"),
    "pdf_called_csv": (lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "not_a_table"),
    "picture_called_csv": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, "not_a_table"),
    "page_called_xls": (lambda: b"<html><table><tr><td>1</td></tr></table></html>", "not_a_table"),
    "word_called_xlsx": (lambda: as_zip({"word/document.xml": b"<x/>"}), "not_a_table"),
    "archive_called_xlsx": (lambda: as_zip({"meibo.csv": as_csv(ROWS)}), "not_a_table"),
    "workbook_called_csv": (lambda: as_xlsx(ROWS), ""),
    "broken_utf8": (lambda: as_csv(ROWS, encoding="utf-8").replace("田".encode(), b"\xe7\xff"), "unreadable_encoding"),
    "broken_cp932": (lambda: as_csv(ROWS) + b"\x81\xff\xfd,\xfe\xfe\xa0\r\n", "unreadable_encoding"),
    "broken_utf16": (lambda: as_csv(ROWS, encoding="utf-16") + b"\x00\xd8\x41\x00", "unreadable_encoding"),
    "cut_utf8": (lambda: as_csv([*ROWS, ("末",)], encoding="utf-8").rstrip()[:-1], "cut_short"),
    "cut_utf16": (lambda: as_csv(ROWS, encoding="utf-16")[:-1], "cut_short"),
    "half_a_workbook": (lambda: as_xlsx(ROWS)[:3000], "broken_workbook"),
    "zip_bomb": (zip_bomb, "unpacked_too_large"),
    "lying_sizes": (lying_sizes, "broken_workbook"),
    "far_cell": (far_cell, "sheet_too_large"),
    "repeated_rows": (lambda: as_ods(ROWS, rows_repeated=1_000_000), "too_many_repeats"),
    "external_entity": (lambda: with_part(as_xlsx(ROWS), "xl/sharedStrings.xml", _ENTITY), "unsafe_workbook"),
    "many_laughs": (lambda: with_part(as_xlsx(ROWS), "xl/sharedStrings.xml", _LAUGHS), "unsafe_workbook"),
    "macros": (lambda: with_part(as_xlsx(ROWS), "xl/vbaProject.bin", b"\xd0\xcf\x11\xe0"), ""),
    "million_and_one_rows": (
        lambda: Packed.of(as_csv(ROWS[:1]) + "山,09012345678,\r\n".encode("cp932") * 1_000_001),
        "too_many_rows",
    ),
}  # fmt: skip

LARGE: Final = frozenset({"endless_line", "too_many_bytes", "million_and_one_rows", "zip_bomb"})


def read(name: str) -> tuple[str, str, float]:
    """(code or "", sentence, CPU seconds of the reading)."""
    from recipients.reading import FileProblem, open_table

    data, began = BAD_FILES[name][0](), time.process_time()
    try:
        sum(1 for _ in open_table(data).rows())
    except FileProblem as refused:
        return refused.code, refused.user_message, time.process_time() - began
    return "", "", time.process_time() - began


def main() -> int:
    found = {name: read(name) for name in BAD_FILES}
    print(json.dumps({"files": found, "peak_mb": peak_mb(os.getpid())}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
