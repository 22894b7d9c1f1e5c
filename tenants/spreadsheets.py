"""CSV for and from spreadsheets: cells that can do nothing, in the two encodings that Excel writes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

from django.utils.translation import gettext_lazy as _

from tenants.errors import Invalid

_STARTS: Final = tuple("=+-@\t\r\n＝＋－＠")
ENCODINGS: Final = {"utf-8": "utf-8-sig", "cp932": "cp932"}


class UnreadableCsv(Invalid):
    code = "unreadable_file"
    user_message = _("CSVとして読み取れません。Excelで開き、「CSV UTF-8」で保存し直してください。")


def inert_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula (DOMAIN.md, Files); full-width signs count too."""
    return f"'{text}" if text.lstrip(" \u3000").startswith(_STARTS) else text


def plain_cell(text: str) -> str:
    """What was written before ``inert_cell`` made it harmless."""
    return text[1:] if text.startswith("'") and inert_cell(text[1:]) != text[1:] else text


def write_csv(rows: Iterable[Sequence[str]], *, encoding: str = "utf-8") -> bytes:
    """UTF-8 with BOM, or CP932; what CP932 does not know becomes "〓", as printers set it. Cells are made inert here."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([inert_cell(str(cell)) for cell in row] for row in rows)
    if encoding != "cp932":
        return text.getvalue().encode("utf-8-sig")
    return "".join(_in_cp932(character) for character in text.getvalue()).encode("cp932")


def read_csv(data: bytes) -> list[list[str]]:
    """Rows of cells, the header first, blank rows left out. Raises ``UnreadableCsv``."""
    for encoding in ("utf-8-sig", "cp932"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        break
    else:
        raise UnreadableCsv
    if "\x00" in text:
        raise UnreadableCsv
    try:
        rows = [[plain_cell(cell) for cell in row] for row in csv.reader(io.StringIO(text, newline="")) if any(row)]
    except csv.Error as exc:
        raise UnreadableCsv from exc
    if not rows:
        raise UnreadableCsv
    return rows


def _in_cp932(character: str) -> str:
    try:
        character.encode("cp932")
    except UnicodeEncodeError:
        return "〓"
    return character
