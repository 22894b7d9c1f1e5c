"""Texts to octets and back: GSM 03.38 (3GPP TS 23.038 §6.2.1) and UCS-2."""

from __future__ import annotations

import codecs
import re
from typing import Final

from carriers.smpp.constants import CODING_DEFAULT, CODING_IA5, CODING_LATIN1, CODING_UCS2

ESCAPE: Final = 0x1B
_NOTHING: Final = "\ufffd"  # stands where the alphabet has its escape

_BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ" + _NOTHING + "ÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
_EXTENSION: Final = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
_ENCODING: Final = {ord(character): code for code, character in enumerate(_BASIC) if character != _NOTHING}
_EXTENDED: Final = re.compile("[" + re.escape("".join(_EXTENSION)) + "]")
_FROM_EXTENSION: Final = {code: character for character, code in _EXTENSION.items()}

GSM_SINGLE: Final = 160
GSM_PART: Final = 153
UCS2_SINGLE: Final = 140  # octets: 70 UTF-16 units
UCS2_PART: Final = 134  # octets: 67 UTF-16 units
MAX_PARTS: Final = 255


class TextTooLong(ValueError):
    """The text takes more than 255 parts."""


class TextNotEncodable(ValueError):
    """The text holds what no text message can carry (a lone surrogate)."""


def encode_gsm(text: str) -> bytes | None:
    """One octet per septet, extension characters as two; ``None`` where a character is not of the alphabet."""
    try:
        return codecs.charmap_encode(text, "strict", _ENCODING)[0]
    except UnicodeEncodeError:
        return _encode_extended(text) if _EXTENDED.search(text) else None


def _encode_extended(text: str) -> bytes | None:
    octets = bytearray()
    try:
        for character in text:
            extended = _EXTENSION.get(character)
            if extended is None:
                octets += codecs.charmap_encode(character, "strict", _ENCODING)[0]
            else:
                octets += bytes((ESCAPE, extended))
    except UnicodeEncodeError:
        return None
    return bytes(octets)


def decode_gsm(octets: bytes) -> str:
    """The text of unpacked septets.

    What is not of the alphabet becomes U+FFFD; an unknown extension its basic character, as 3GPP TS 23.038 wants.
    """
    if ESCAPE not in octets and octets.isascii():
        return "".join(map(_BASIC.__getitem__, octets))
    characters: list[str] = []
    escaped = False
    for octet in octets:
        if escaped and octet in _FROM_EXTENSION:
            characters.append(_FROM_EXTENSION[octet])
        elif octet != ESCAPE:
            characters.append(_BASIC[octet] if octet < 0x80 else "\ufffd")
        escaped = octet == ESCAPE and not escaped
    return "".join(characters)


def encode_ucs2(text: str) -> bytes:
    """UTF-16 big-endian without a mark. Raises ``TextNotEncodable``."""
    try:
        return text.encode("utf-16-be")
    except UnicodeEncodeError as exc:
        # The cause quotes the text; an exception of ours never does.
        raise TextNotEncodable(f"a lone surrogate at {exc.start}") from None


def decode_text(octets: bytes, *, coding: int) -> str:
    """What a short message says, as far as its data_coding is one of texts; never raises."""
    if coding == CODING_UCS2:
        return octets.decode("utf-16-be", "replace")
    if coding == CODING_DEFAULT:
        return decode_gsm(octets)
    if coding in {CODING_IA5, CODING_LATIN1}:
        return octets.decode("latin-1")
    return octets.decode("utf-8", "replace")


def encode_text(text: str, *, allow_gsm: bool = True) -> tuple[int, bytes]:
    """The data_coding and the octets of a text: GSM 03.38 where that suffices, else UCS-2.

    Raises ``TextNotEncodable``.
    """
    if allow_gsm:
        octets = encode_gsm(text)
        if octets is not None:
            return CODING_DEFAULT, octets
    return CODING_UCS2, encode_ucs2(text)


def split_octets(octets: bytes, *, coding: int) -> list[bytes]:
    """Cut an encoded text into parts as GSM counts them (70/67 units, 160/153 septets). Raises ``TextTooLong``.

    Neither a surrogate pair nor an escape sequence is ever torn: such a part is one unit shorter.
    """
    ucs2 = coding == CODING_UCS2
    if len(octets) <= (UCS2_SINGLE if ucs2 else GSM_SINGLE):
        return [octets]
    size = UCS2_PART if ucs2 else GSM_PART
    parts: list[bytes] = []
    position = 0
    while position < len(octets):
        stop = position + size
        if stop < len(octets):
            stop = _step_back(octets, stop, ucs2=ucs2)
        parts.append(octets[position:stop])
        position = stop
    if len(parts) > MAX_PARTS:
        raise TextTooLong(f"{len(parts)} parts")
    return parts


def _step_back(octets: bytes, stop: int, *, ucs2: bool) -> int:
    if ucs2:
        is_high_surrogate = 0xD8 <= octets[stop - 2] <= 0xDB
        return stop - 2 if is_high_surrogate else stop
    return stop - 1 if octets[stop - 1] == ESCAPE else stop
