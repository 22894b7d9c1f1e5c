"""Placeholders to text: ``{{氏名}}`` by the column's header, ``{{氏名|様}}`` with a format.

Replacement is literal and happens once: what stands in a cell is text, also where it looks like a placeholder.
Nothing is added that was not asked for.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Final

from tenants.japanese_dates import format_japanese, parse_date

_PLACEHOLDER: Final = re.compile(r"[{｛]{2}([^{}｛｝]*)[}｝]{2}")
_BAR: Final = re.compile(r"[|｜]")
_LONGEST_AMOUNT: Final = 15  # digits
_AMOUNT: Final = re.compile(r"(-?[0-9]{1,15})(?:\.0+)?")
_HONORIFICS: Final = ("様", "さま", "サマ", "さん", "殿", "どの", "御中", "各位", "先生")
_WEEKDAYS: Final = "月火水木金土日"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One placeholder as written, and where: `position` counts characters of the template's text."""

    name: str
    format: str
    position: int
    length: int


@dataclass(frozen=True, slots=True)
class UnknownName:
    """A placeholder that no column answers to, with the header that is nearest to it, if any."""

    name: str
    nearest: str | None


@dataclass(frozen=True, slots=True)
class ValueProblem:
    """A cell that leaves a hole or does not fit its format: ``empty_value``, ``bad_amount``, ``bad_date``."""

    code: str
    name: str


def _(text: str) -> str:
    """Marks a sentence for translation, as gettext's noop does; `templates_sms.labels` translates it."""
    return text


class TemplateProblem(Exception):
    """A template that cannot be rendered against these columns."""

    code: ClassVar[str]

    @property
    def user_message(self) -> str:
        """What is wrong and what to do, in Japanese."""
        return self.sentence(_)

    def sentence(self, translate: Callable[[str], str]) -> str:
        """The same in the language of `translate`."""
        raise NotImplementedError


class UnknownPlaceholder(TemplateProblem):
    """Placeholders without a column; all of them, not the first only."""

    code = "unknown_placeholder"

    def __init__(self, unknown: Sequence[UnknownName]) -> None:
        super().__init__(", ".join(found.name for found in unknown))
        self.unknown = tuple(unknown)

    def sentence(self, translate: Callable[[str], str]) -> str:
        nearest = translate(_("（もしかして {{%(nearest)s}}）"))
        names = translate(_("、")).join(
            f"{{{{{found.name}}}}}" + (nearest % {"nearest": found.nearest} if found.nearest else "")
            for found in self.unknown
        )
        asked = translate(
            _("名簿にない差し込み項目があります：%(names)s。名簿の見出しに合わせて文面を直してください。")
        )
        return asked % {"names": names}


class UnknownFormat(TemplateProblem):
    """A format after the bar that does not exist."""

    code = "unknown_format"

    def __init__(self, formats: Sequence[str]) -> None:
        super().__init__(", ".join(formats))
        self.formats = tuple(formats)

    def sentence(self, translate: Callable[[str], str]) -> str:
        comma = translate(_("、"))
        said = translate(_("使えない書式があります：%(asked)s。使えるのは %(usable)s です。"))
        return said % {"asked": comma.join(self.formats), "usable": comma.join(FORMATS)}


def _with_honorific(value: str) -> str:
    name = value.strip()
    return value if not name or name.endswith(_HONORIFICS) else name + "様"


def _as_amount(value: str) -> str:
    amount = _read_amount(value)
    return value if amount is None else f"{amount:,}円"


def _read_amount(value: str) -> int | None:
    if value.isascii() and value.isdecimal() and len(value) <= _LONGEST_AMOUNT:
        return int(value)
    plain = unicodedata.normalize("NFKC", value).strip().removesuffix("円").removesuffix("也")
    plain = re.sub(r"[¥\\,\s]", "", plain)
    plain = re.sub("^[-−‐－▲△]", "-", plain)
    match = _AMOUNT.fullmatch(plain)
    return int(match[1]) if match else None


def _as_date(write: Callable[[date], str]) -> Callable[[str], str]:
    def format_value(value: str) -> str:
        day = parse_date(value)
        return value if day is None else write(day)

    return format_value


FORMATS: Final[Mapping[str, Callable[[str], str]]] = {
    "様": _with_honorific,
    "円": _as_amount,
    "和暦": _as_date(format_japanese),
    "西暦": _as_date(lambda day: f"{day.year}年{day.month}月{day.day}日"),
    "月日": _as_date(lambda day: f"{day.month}月{day.day}日"),
    "月日曜": _as_date(lambda day: f"{day.month}月{day.day}日({_WEEKDAYS[day.weekday()]})"),
}
_DATE_FORMATS: Final = frozenset({"和暦", "西暦", "月日", "月日曜"})


def find_placeholders(text: str) -> tuple[Placeholder, ...]:
    """Every placeholder in its order, with where it stands."""
    return tuple(_read_placeholder(match) for match in _PLACEHOLDER.finditer(text))


class Renderer:
    """A template bound to the columns of a roster, to render row after row."""

    __slots__ = ("_literals", "_slots", "placeholders")

    def __init__(self, text: str, *, headers: Iterable[str]) -> None:
        """Raises `UnknownPlaceholder` or `UnknownFormat`."""
        known = _index_headers(headers)
        self.placeholders = find_placeholders(text)
        self._literals: list[str] = []
        self._slots: list[tuple[str, Callable[[str], str] | None, str]] = []
        unknown: list[UnknownName] = []
        bad_formats: list[str] = []
        end = 0
        for placeholder in self.placeholders:
            header = known.get(_normalise(placeholder.name))
            if header is None:
                unknown.append(UnknownName(placeholder.name, _find_nearest(placeholder.name, known)))
            if placeholder.format and placeholder.format not in FORMATS:
                bad_formats.append(placeholder.format)
            self._literals.append(text[end : placeholder.position])
            self._slots.append((header or "", FORMATS.get(placeholder.format), placeholder.format))
            end = placeholder.position + placeholder.length
        self._literals.append(text[end:])
        if unknown:
            raise UnknownPlaceholder(list(dict.fromkeys(unknown)))
        if bad_formats:
            raise UnknownFormat(list(dict.fromkeys(bad_formats)))

    @property
    def headers(self) -> tuple[str, ...]:
        """The columns that the text quotes, each once."""
        return tuple(dict.fromkeys(header for header, _format, _name in self._slots))

    def render(self, cells: Mapping[str, str]) -> str:
        """The text for one row. A value that does not fit its format stands as it was written (see `check`)."""
        literals = self._literals
        pieces = [literals[0]]
        for (header, format_value, _name), literal in zip(self._slots, literals[1:], strict=True):
            value = cells[header]
            pieces.append(value if format_value is None else format_value(value))
            pieces.append(literal)
        return "".join(pieces)

    def check(self, cells: Mapping[str, str]) -> tuple[ValueProblem, ...]:
        """What is wrong with this row's values for this text: a hole, an amount or a day that cannot be read."""
        problems = []
        for header, _format, name in self._slots:
            value = cells[header].strip()
            if not value:
                problems.append(ValueProblem("empty_value", header))
            elif name == "円" and _read_amount(value) is None:
                problems.append(ValueProblem("bad_amount", header))
            elif name in _DATE_FORMATS and parse_date(value) is None:
                problems.append(ValueProblem("bad_date", header))
        return tuple(problems)


def render(text: str, cells: Mapping[str, str]) -> str:
    """One text for one row. Raises `UnknownPlaceholder` or `UnknownFormat`. For many rows keep a `Renderer`."""
    return Renderer(text, headers=cells).render(cells)


def _read_placeholder(match: re.Match[str]) -> Placeholder:
    name, *formats = _BAR.split(match[1])
    format_name = unicodedata.normalize("NFKC", formats[-1]).strip() if formats else ""
    return Placeholder(name.strip(), format_name, match.start(), len(match[0]))


def _normalise(name: str) -> str:
    """Headers agree where only width, case or spaces differ."""
    return "".join(unicodedata.normalize("NFKC", name).split()).casefold()


def _index_headers(headers: Iterable[str]) -> dict[str, str]:
    known: dict[str, str] = {}
    for header in headers:
        known.setdefault(_normalise(header), header)
    return known


def _find_nearest(name: str, known: Mapping[str, str]) -> str | None:
    normal = _normalise(name)
    found = difflib.get_close_matches(normal, known, n=1, cutoff=0.5)
    found = found or [header for header in known if header and normal and (header in normal or normal in header)]
    return known[found[0]] if found else None
