"""Optional parameters of a PDU: tag, length, value (SMPP 3.4 §3.2.4)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

_HEAD: Final = struct.Struct(">HH")
_BYTE: Final = struct.Struct(">HHB")
_SHORT: Final = struct.Struct(">HHH")

NO_TLVS: Final[Mapping[int, bytes]] = {}


def encode_tlv(tag: int, value: bytes) -> bytes:
    return _HEAD.pack(tag, len(value)) + value


def encode_byte(tag: int, value: int) -> bytes:
    return _BYTE.pack(tag, 1, value)


def encode_short(tag: int, value: int) -> bytes:
    return _SHORT.pack(tag, 2, value)


def parse_tlvs(octets: bytes, position: int) -> Mapping[int, bytes]:
    """The TLVs from ``position`` on. Of a tag that stands twice the first counts; a broken tail is left out.

    Carriers do send TLVs whose length runs past the PDU. Refusing such a receipt would lose it, so what is whole is
    read and the rest is ignored; the octets are kept as evidence anyway.
    """
    end = len(octets)
    if end - position < 4:
        return NO_TLVS
    found: dict[int, bytes] = {}
    while end - position >= 4:
        tag, length = _HEAD.unpack_from(octets, position)
        position += 4
        if position + length > end:
            break
        if tag not in found:
            found[tag] = octets[position : position + length]
        position += length
    return found


def integer(value: bytes | None) -> int | None:
    """The number in a TLV, whatever its width (carriers differ); ``None`` where there is none or it is no number."""
    if not value or len(value) > 4:
        return None
    return int.from_bytes(value, "big")


def c_string(value: bytes | None) -> str:
    """The text in a TLV, with or without its closing NUL."""
    if not value:
        return ""
    return value.split(b"\0", 1)[0].decode("latin-1")
