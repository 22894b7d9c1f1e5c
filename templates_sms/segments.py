"""How a text is coded and into how many parts it falls: GSM 03.38 or UCS-2.

The parts counted here are those that travel; what a carrier bills for them is in `ladders`.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from dataclasses import dataclass
from typing import Final


class Encoding(enum.StrEnum):
    """The two alphabets of a text message."""

    GSM = "gsm"
    UCS2 = "ucs2"


@dataclass(frozen=True, slots=True)
class Segments:
    """`units` are septets of GSM 03.38 (an extended character is two) or UTF-16 units (𠮷 and an emoji are two)."""

    encoding: Encoding
    units: int
    parts: int


# 3GPP TS 23.038 §6.2.1, and the extension table of §6.2.1.1 whose characters take two septets.
_GSM_BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENDED: Final = "^{}[]~\\|€\f"
_GSM_TEXT: Final = re.compile(f"[{re.escape(_GSM_BASIC + GSM_EXTENDED)}]*")
_EXTENDED: Final = re.compile(f"[{re.escape(GSM_EXTENDED)}]")
_ASTRAL: Final = re.compile("[\U00010000-\U0010ffff]")
# NFC would replace these kanji by their everyday forms (隆 U+F9DC, 﨑's neighbours), as NFKC does: a name is a name.
_COMPATIBILITY_KANJI: Final = re.compile("([\uf900-\ufaff\U0002f800-\U0002fa1f]+)")

LENGTHS: Final[dict[Encoding, tuple[int, int]]] = {
    Encoding.GSM: (160, 153),
    Encoding.UCS2: (70, 67),
}


def compose(text: str) -> str:
    """The text in NFC (か + ゙ = が), except that compatibility kanji stay as they were written."""
    if text.isascii() or unicodedata.is_normalized("NFC", text):
        return text
    pieces = _COMPATIBILITY_KANJI.split(text)
    return "".join(piece if place % 2 else unicodedata.normalize("NFC", piece) for place, piece in enumerate(pieces))


def measure(text: str) -> Segments:
    """How the composed text is coded, its length in units, and the parts it travels in. An empty text has one part."""
    composed = compose(text)
    encoding, units, has_pairs = _count(composed)
    single, each = LENGTHS[encoding]
    if units <= single:
        return Segments(encoding, units, 1)
    # A character of two units never stands across two parts, so that a part may stay one unit short.
    parts = len(_cut(composed, encoding)) if has_pairs else -(-units // each)
    return Segments(encoding, units, parts)


def split(text: str) -> tuple[str, ...]:
    """The composed text in its parts, as they travel; no surrogate pair and no GSM escape is cut in two."""
    composed = compose(text)
    encoding, units, _has_pairs = _count(composed)
    return (composed,) if units <= LENGTHS[encoding][0] else tuple(_cut(composed, encoding))


def _count(composed: str) -> tuple[Encoding, int, bool]:
    if _GSM_TEXT.fullmatch(composed):
        extended = len(_EXTENDED.findall(composed))
        return Encoding.GSM, len(composed) + extended, extended > 0
    astral = len(_ASTRAL.findall(composed))
    return Encoding.UCS2, len(composed) + astral, astral > 0


def _cut(composed: str, encoding: Encoding) -> list[str]:
    longest = LENGTHS[encoding][1]
    is_double = GSM_EXTENDED.__contains__ if encoding is Encoding.GSM else (lambda character: character > "\uffff")
    parts: list[str] = []
    start = units = 0
    for place, character in enumerate(composed):
        width = 2 if is_double(character) else 1
        if units + width > longest:
            parts.append(composed[start:place])
            start, units = place, 0
        units += width
    return [*parts, composed[start:]]
