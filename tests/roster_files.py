"""Files as offices send them: rosters by a seed, written as the programs of the field write them.

`people(count)` makes rows whose truth is known (`Person.meant`); the writers put a table into a file's bytes.
"""

from __future__ import annotations

import csv
import io
import random
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from xml.sax.saxutils import escape

import openpyxl

HEADER: Final = ("管理番号", "氏名", "フリガナ", "生年月日", "年齢", "電話番号", "SMS同意", "療養終了日", "担当")
AS_OF: Final = date(2022, 8, 15)
Rows = Sequence[Sequence[object]]

_FAMILIES: Final = (
    ("山田", "ヤマダ"),
    ("髙橋", "タカハシ"),
    ("比嘉", "ヒガ"),
    ("渡邊", "ワタナベ"),
    ("𠮷田", "ヨシダ"),
    ("﨑山", "サキヤマ"),
)
_GIVEN: Final = (
    ("花子", "ハナコ"),
    ("太郎", "タロウ"),
    ("陽菜", "ヒナ"),
    ("大輔", "ダイスケ"),
    ("美咲", "ミサキ"),
    ("誠", "マコト"),
)
_YES: Final = ("有", "○", "〇", "はい", "同意あり", "済", "1", "YES")
_NO: Final = ("無", "×", "いいえ", "同意なし", "未", "0", "NO", "")
_WIDE: Final = {ord("0") + n: "０１２３４５６７８９"[n] for n in range(10)}


@dataclass(frozen=True, slots=True)
class Person:
    """One row, with what it means: the number, the route and the reason under the health centre's rules."""

    cells: tuple[str, ...]
    e164: str | None
    route: str
    reason: str


def people(count: int, *, seed: int = 0, characters: str = "utf-8") -> list[Person]:
    """Rows of a health centre's roster; `characters` leaves out names that an encoding cannot write."""
    dice = random.Random(seed)
    families = [pair for pair in _FAMILIES if _can_encode(pair[0], characters)]
    return [_person(dice, number, families, characters) for number in range(1, count + 1)]


def write_number(dice: random.Random, digits: str, *, characters: str = "utf-8") -> str:
    """Eleven digits as one of the many people who fill in rosters would write them."""
    dashed = f"{digits[:3]}-{digits[3:7]}-{digits[7:]}"
    dash = dice.choice([dash for dash in "-‐‑–—―−ー－ｰ" if _can_encode(dash, characters)])
    return dice.choice(
        (
            dashed,
            digits,
            digits[1:],
            dashed.replace("-", dash),
            dashed.translate(_WIDE).replace("-", "－"),
            f"({digits[:3]}){dashed[4:]}",
            f"+81 {dashed[1:]}",
            f"81{digits[1:]}",
            f"0081-{dashed[1:]}",
            f"TEL {dashed}",
            dashed.replace("-", "."),
            dashed.replace("-", "\u3000"),
            f"{digits}.0",
            f"'{digits}",
            f'="{digits}"',
            f" {dashed} ",
        )
    )


def as_csv(
    rows: Rows,
    *,
    encoding: str = "cp932",
    delimiter: str = ",",
    line_end: str = "\r\n",
    above: Sequence[str] = (),
    below: Sequence[str] = (),
) -> bytes:
    """A delimited text; `above` and `below` are whole lines (titles, totals, rows of commas)."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter, lineterminator=line_end)
    stream.writelines(line + line_end for line in above)
    writer.writerows(rows)
    stream.writelines(line + line_end for line in below)
    return stream.getvalue().encode(encoding)


def as_xlsx(rows: Rows, *, hidden_first: Rows = (), second: Rows = (), first_row: int = 1) -> bytes:
    """A workbook by openpyxl, with a hidden sheet before the table or another one behind it where wanted."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "名簿"
    for number, row in enumerate(rows, first_row):
        for column, cell in enumerate(row, 1):
            place = sheet.cell(number, column, cell)
            if isinstance(cell, str):
                place.data_type = "s"  # a text that begins with "=" is no formula
    if hidden_first:
        hidden = book.create_sheet("設定", 0)
        hidden.sheet_state = "hidden"
        for row in hidden_first:
            hidden.append(list(row))
    if second:
        other = book.create_sheet("集計")
        for row in second:
            other.append(list(row))
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def as_ods(rows: Rows, *, rows_repeated: int = 1) -> bytes:
    """An OpenDocument spreadsheet by hand; `rows_repeated` claims the last row that many times. The sheet ends in the
    rows without content that LibreOffice writes."""

    def write_row(row: Sequence[object], repeated: int) -> str:
        cells = "".join(
            f'<table:table-cell office:value-type="string"><text:p>{escape(str(cell))}</text:p></table:table-cell>'
            for cell in row
        )
        times = f' table:number-rows-repeated="{repeated}"' if repeated > 1 else ""
        return f"<table:table-row{times}>{cells}</table:table-row>"

    blank = (
        '<table:table-row table:number-rows-repeated="1048000">'
        '<table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
    )
    body = "".join(write_row(row, rows_repeated if row is rows[-1] else 1) for row in rows)
    content = (
        '<?xml version="1.0" encoding="UTF-8"?><office:document-content '
        'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.2">'
        f'<office:body><office:spreadsheet><table:table table:name="名簿">{body}{blank}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/></manifest:manifest>'
    )
    return as_zip(
        {"mimetype": kind.encode(), "content.xml": content.encode(), "META-INF/manifest.xml": manifest.encode()}
    )


def as_xls(rows: Rows) -> bytes:
    """An Excel 97 workbook by hand: BIFF8 records ([MS-XLS] 2.4) in a compound file ([MS-CFB]) of one stream."""

    def record(kind: int, body: bytes) -> bytes:
        return struct.pack("<HH", kind, len(body)) + body

    def cell(row: int, column: int, value: object) -> bytes:
        if isinstance(value, int | float):
            return record(0x203, struct.pack("<HHHd", row, column, 0, value))
        text = str(value).encode("utf-16-le")
        return record(0x204, struct.pack("<HHHHB", row, column, 0, len(text) // 2, 1) + text)

    name = "名簿"
    globals_start = record(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 0))
    sheet_at = len(globals_start) + 4 + 8 + len(name) * 2 + 4
    sheet_entry = record(0x85, struct.pack("<IBBBB", sheet_at, 0, 0, len(name), 1) + name.encode("utf-16-le"))
    cells = b"".join(cell(y, x, value) for y, row in enumerate(rows) for x, value in enumerate(row))
    end = record(0x0A, b"")
    sheet = record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0)) + cells + end
    return _as_compound_file("Workbook", globals_start + sheet_entry + end + sheet)


def _as_compound_file(name: str, stream: bytes) -> bytes:
    """Sector 0 is the table of sectors, 1 the directory, the rest the stream (at least 4,096 bytes: no mini stream)."""
    sector, free, end, table = 512, 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
    stream = stream.ljust(4096, b"\0")
    sectors = -(-len(stream) // sector)
    chain = [table, end, *range(3, 2 + sectors), end]
    if len(chain) > sector // 4:
        raise ValueError("a larger stream needs more than one table of sectors")

    def entry(title: str, kind: int, start: int, size: int, child: int) -> bytes:
        coded = title.encode("utf-16-le") + b"\0\0"
        head = coded.ljust(64, b"\0") + struct.pack("<HBBIII", len(coded), kind, 1, free, free, child)
        return head + bytes(36) + struct.pack("<IQ", start, size)

    header = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(10)
    header += struct.pack("<IIIIIIII", 1, 1, 0, 4096, end, 0, end, 0) + struct.pack("<109I", 0, *[free] * 108)
    sector_table = struct.pack("<128I", *chain, *[free] * (128 - len(chain)))
    directory = (entry("Root Entry", 5, end, 0, 1) + entry(name, 2, 2, len(stream), free)).ljust(sector, b"\0")
    return header + sector_table + directory + stream.ljust(sectors * sector, b"\0")


def as_zip(parts: dict[str, bytes]) -> bytes:
    """An archive of parts, each squeezed."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return stream.getvalue()


def with_part(workbook: bytes, name: str, content: bytes) -> bytes:
    """The workbook with one part put in or replaced."""
    with zipfile.ZipFile(io.BytesIO(workbook)) as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    return as_zip({**parts, name: content})


def read_part(workbook: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(workbook)) as archive:
        return archive.read(name)


def _can_encode(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _person(dice: random.Random, number: int, families: Sequence[tuple[str, str]], characters: str) -> Person:
    family, given = dice.choice(families), dice.choice(_GIVEN)
    born_on = AS_OF - timedelta(days=dice.randrange(365 * 90))
    age = AS_OF.year - born_on.year - ((AS_OF.month, AS_OF.day) < (born_on.month, born_on.day))
    consents = dice.random() < 0.7
    phone, e164, route, reason = _phone(dice, characters)
    if not reason:
        reason = "no_consent" if not consents else "age" if age >= 60 else ""
        route = "call" if reason else "sms"
    cells = (
        f"R4-{number:05d}",
        f"{family[0]}\u3000{given[0]}",
        f"{family[1]} {given[1]}",
        born_on.strftime("%Y/%m/%d"),
        str(age),
        phone,
        dice.choice(_YES if consents else _NO),
        (AS_OF + timedelta(days=dice.randrange(10))).strftime("%Y/%m/%d"),
        f"第{dice.randrange(1, 4)}班",
    )
    return Person(cells, e164, route, reason)


def _phone(dice: random.Random, characters: str) -> tuple[str, str | None, str, str]:
    """The cell, the number meant, and the route and reason that the number alone decides."""
    subscriber = f"{dice.randrange(1, 10)}{dice.randrange(10_000_000):07d}"
    mobile = dice.choice(("060", "070", "080", "090")) + subscriber
    kind = dice.random()
    if kind < 0.9:
        return write_number(dice, mobile, characters=characters), "+81" + mobile[1:], "", ""
    if kind < 0.93:
        return f"098-861-{subscriber[:4]}", f"+8198861{subscriber[:4]}", "call", "landline"
    if kind < 0.95:
        return f"050-{subscriber[:4]}-{subscriber[4:]}", f"+8150{subscriber}", "call", "ip_phone"
    if kind < 0.97:
        return f"{mobile[:3]}-{subscriber[:4]}-{subscriber[4:7]}", None, "error", "too_short"
    if kind < 0.98:
        return f"{mobile} / 080-2222-3333", None, "error", "two_numbers"
    return (dice.choice(("", "-", "なし", "不明")), None, "error", "missing") if kind < 0.99 else (
        "9.01E+09", None, "error", "unreadable",
    )  # fmt: skip
