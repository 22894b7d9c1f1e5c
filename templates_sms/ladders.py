"""How carriers bill a long text: one ladder per carrier's profile (DOMAIN.md, "Texts")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from templates_sms.segments import LENGTHS, Encoding, Segments, measure


@dataclass(frozen=True, slots=True)
class Ladder:
    """What one carrier's profile bills.

    `longest` is the most units a text may have (None: `longest_parts` decides). `step` is by how many UTF-16 units
    each further part is billed after the first 70; None bills the parts as they travel, 67 units in each. `is_flat`
    bills one part whatever the length. A Latin-only text is billed as it travels (160, then 153) but where flat.
    """

    name: str
    label: str
    longest: int | None = None
    longest_parts: int = 10
    step: int | None = None
    is_flat: bool = False

    def bill(self, segments: Segments) -> int:
        """Parts billed for a text, whether or not it is too long."""
        if self.is_flat:
            return 1
        if self.step is None or segments.encoding is Encoding.GSM:
            return segments.parts
        first = LENGTHS[Encoding.UCS2][0]
        return 1 + -(-max(0, segments.units - first) // self.step)

    def is_too_long(self, segments: Segments) -> bool:
        """Whether this carrier would not take the text."""
        if self.longest is None:
            return segments.parts > self.longest_parts
        return segments.units > self.longest


@dataclass(frozen=True, slots=True)
class Bill:
    """What a text costs under a profile. `longest` is the most units it may have."""

    segments: Segments
    parts: int
    longest: int
    is_too_long: bool


DEFAULT: Final = "all"
LADDERS: Final[Mapping[str, Ladder]] = {
    ladder.name: ladder
    for ladder in (
        Ladder("gsm", "GSM標準"),
        Ladder("docomo", "ドコモ", longest=660, step=66),
        Ladder("au", "au", longest=670, step=67),
        Ladder("rakuten", "楽天モバイル", longest=670, step=67),
        Ladder("softbank", "ソフトバンク", longest=670, is_flat=True),
    )
}


def bill_text(text: str, *, profile: str = DEFAULT) -> Bill:
    """What a text costs. The default profile is the strictest of all: nobody knows a number's carrier beforehand.

    Raises KeyError for a profile that does not exist.
    """
    return bill_segments(measure(text), profile=profile)


def bill_segments(segments: Segments, *, profile: str = DEFAULT) -> Bill:
    """The same for a text that was measured already."""
    ladders = tuple(LADDERS.values()) if profile == DEFAULT else (LADDERS[profile],)
    return Bill(
        segments=segments,
        parts=max(ladder.bill(segments) for ladder in ladders),
        longest=min(_longest(ladder, segments.encoding) for ladder in ladders),
        is_too_long=any(ladder.is_too_long(segments) for ladder in ladders),
    )


def _longest(ladder: Ladder, encoding: Encoding) -> int:
    return ladder.longest if ladder.longest is not None else ladder.longest_parts * LENGTHS[encoding][1]
