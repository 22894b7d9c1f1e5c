"""What Excel does to cells that nobody touched, where a CSV is opened, one row is mended and all are saved. Pure."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from recipients.dates import parse_date

_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_AS_EXCEL_WRITES: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:E\+?([0-9]+))?")
_LIKE_A_DAY: Final = re.compile(r"(?:([0-9]{1,2})[-/])?([0-9]{1,2})[-/]([0-9]{1,2})")
_DIGITS_KEPT: Final = 15
_CENTURY_TURNS: Final = 30  # two digits below it are 20xx to Excel


def is_only_rewritten(before: str, after: str) -> bool:
    """Whether ``after`` is ``before`` as Excel may have saved it: 0012 as 12, a long number as 1.23457E+11 or with zeros
    at its end, 2022/08/05 as 2022/8/5, room 1-2 as 1月2日, and any cell without the blanks around it."""
    before, after = before.strip(), after.strip()
    if before == after:
        return True
    if _NUMBER.fullmatch(before):
        return _is_same_number(before, after)
    return _is_same_day(before, after)


def _is_same_number(before: str, after: str) -> bool:
    """Only in this direction: whoever writes 0012 where 12 stood means it."""
    written = _AS_EXCEL_WRITES.fullmatch(after)
    if written is None:
        return False
    exact, shown = Decimal(before), Decimal(after)
    digits = len(shown.as_tuple().digits) if written[1] else _DIGITS_KEPT
    kept = f"{exact:.{digits - 1}E}"
    return exact == shown or Decimal(kept) == shown or _cut(before) == after


def _cut(number: str) -> str:
    """Excel keeps fifteen digits and writes zeros for the rest."""
    plain = number.lstrip("0")
    return plain[:_DIGITS_KEPT] + "0" * (len(plain) - _DIGITS_KEPT)


def _is_same_day(before: str, after: str) -> bool:
    if (day := parse_date(before)) is not None:
        return parse_date(after) == day
    if (parts := _LIKE_A_DAY.fullmatch(before)) is None:
        return False
    year, month, day_number = parts[1], int(parts[2]), int(parts[3])
    if year is None:
        return after == f"{month}月{day_number}日"
    century = 2000 if int(year) < _CENTURY_TURNS else 1900
    return after in {f"{century + int(year)}/{month}/{day_number}", f"{century + int(year)}/{month:02}/{day_number:02}"}
