"""The ways a day is written in Japanese offices. Here, below rosters and texts, because both read and write days."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, timedelta
from typing import Final

_PLAIN: Final = re.compile(r"([12][0-9]{3})[/\-.]([0-9]{1,2})[/\-.]([0-9]{1,2})")
_WESTERN: Final = re.compile(r"([12][0-9]{3})[/\-.年]([0-9]{1,2})[/\-.月]([0-9]{1,2})日?")
_COMPACT: Final = re.compile(r"([12][0-9]{3})([0-9]{2})([0-9]{2})")
_JAPANESE: Final = re.compile(
    r"(明治|大正|昭和|平成|令和|[mtshr明大昭平令])[.\-/]?([0-9]{1,2}|元)[.\-/年]([0-9]{1,2})[.\-/月]([0-9]{1,2})日?",
    re.IGNORECASE,
)
_COMPACT_JAPANESE: Final = re.compile(r"([mtshr])([0-9]{2})([0-9]{2})([0-9]{2})", re.IGNORECASE)
_SERIAL: Final = re.compile(r"([0-9]{1,5})(?:\.[0-9]+)?")
_AFTER: Final = re.compile(
    r"[ T]*(?:\(?[月火水木金土日](?:曜日?)?\))?[ T]*(?:[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?"
)
_DASHES: Final = str.maketrans(dict.fromkeys("‐‑‒–—―−ー", "-"))
_EXCEL_DAY_ZERO: Final = date(1899, 12, 30)  # Excel believes in 29 February 1900; right from 1 March 1900 on
_SMALLEST_SERIAL: Final = 61  # 1 March 1900; below it a number is an age or a count, not a day
_LARGEST_SERIAL: Final = 73_415  # 31 December 2100

# Era, and the day it began. A date outside its era ("昭和70年") is read by counting on, as offices do, never refused.
ERAS: Final[tuple[tuple[str, str, date], ...]] = (
    ("令和", "R", date(2019, 5, 1)),
    ("平成", "H", date(1989, 1, 8)),
    ("昭和", "S", date(1926, 12, 25)),
    ("大正", "T", date(1912, 7, 30)),
    ("明治", "M", date(1868, 1, 25)),
)
_FIRST_YEARS: Final = {
    name: began.year for full, letter, began in ERAS for name in (full, full[0], letter, letter.lower())
}


def parse_date(raw: str) -> date | None:
    """The day a cell means, or None where it means none: 2022/12/6, 2022-12-06, R4.12.6, 令和4年12月6日, 44901 …"""
    if match := _PLAIN.fullmatch(raw):
        return _day(int(match[1]), int(match[2]), int(match[3]))
    if len(raw) > 60:
        return None
    text = unicodedata.normalize("NFKC", raw).translate(_DASHES).strip(" '\"=")
    compact = re.sub(r"\s+(?=[0-9月日年./-])|(?<=[年月./-])\s+", "", text) if "年" in text or "月" in text else text
    return _parse_written(compact)


def format_japanese(day: date) -> str:
    """令和4年12月6日; the first year of an era is 元年. Before Meiji the Western year stands."""
    for name, _letter, began in ERAS:
        if day >= began:
            year = day.year - began.year + 1
            return f"{name}{'元' if year == 1 else year}年{day.month}月{day.day}日"
    return f"{day.year}年{day.month}月{day.day}日"


def _parse_written(text: str) -> date | None:
    for pattern in (_WESTERN, _COMPACT):
        if (match := pattern.match(text)) and _AFTER.fullmatch(text, match.end()):
            return _day(int(match[1]), int(match[2]), int(match[3]))
    for pattern in (_JAPANESE, _COMPACT_JAPANESE):
        if (match := pattern.match(text)) and _AFTER.fullmatch(text, match.end()):
            year = 1 if match[2] == "元" else int(match[2])
            return _day(_FIRST_YEARS[match[1]] + year - 1, int(match[3]), int(match[4])) if year else None
    if (match := _SERIAL.fullmatch(text)) and _SMALLEST_SERIAL <= int(match[1]) <= _LARGEST_SERIAL:
        return _EXCEL_DAY_ZERO + timedelta(days=int(match[1]))
    return None


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None  # 31 April: the cell means no day, and the row says so
