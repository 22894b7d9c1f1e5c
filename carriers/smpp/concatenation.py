"""Texts of several parts: a user data header (3GPP TS 23.040 §9.2.3.24.1) or SAR TLVs (SMPP 3.4 §5.3.2.22-24)."""

from __future__ import annotations

from typing import Final, NamedTuple

from carriers.smpp.constants import (
    ESM_UDHI,
    TAG_SAR_MSG_REF_NUM,
    TAG_SAR_SEGMENT_SEQNUM,
    TAG_SAR_TOTAL_SEGMENTS,
)
from carriers.smpp.pdus import ShortMessage
from carriers.smpp.tlv import encode_byte, encode_short, integer

_CONCATENATED_8: Final = 0x00
_CONCATENATED_16: Final = 0x08


class Part(NamedTuple):
    """Which piece of which text this is; ``text`` is free of its header. A text sent whole is part 1 of 1."""

    reference: int
    number: int
    total: int
    text: bytes


def encode_header(*, reference: int, number: int, total: int) -> bytes:
    """The 6-octet user data header with an 8-bit reference."""
    return bytes((5, _CONCATENATED_8, 3, reference & 0xFF, total, number))


def encode_sar(*, reference: int, number: int, total: int) -> bytes:
    return (
        encode_short(TAG_SAR_MSG_REF_NUM, reference & 0xFFFF)
        + encode_byte(TAG_SAR_TOTAL_SEGMENTS, total)
        + encode_byte(TAG_SAR_SEGMENT_SEQNUM, number)
    )


def read_part(message: ShortMessage) -> Part:
    """Never raises: a header that can't be read is taken for text."""
    if message.esm_class & ESM_UDHI and message.text:
        return _read_header(message.text)
    tlvs = message.tlvs
    if TAG_SAR_TOTAL_SEGMENTS in tlvs:
        total = integer(tlvs[TAG_SAR_TOTAL_SEGMENTS]) or 1
        number = integer(tlvs.get(TAG_SAR_SEGMENT_SEQNUM)) or 1
        return Part(integer(tlvs.get(TAG_SAR_MSG_REF_NUM)) or 0, number, total, message.text)
    return Part(0, 1, 1, message.text)


def _read_header(octets: bytes) -> Part:
    end = 1 + octets[0]
    position = 1
    while position + 2 <= end <= len(octets):
        element, length = octets[position], octets[position + 1]
        value = octets[position + 2 : position + 2 + length]
        if element == _CONCATENATED_8 and len(value) == 3:
            return Part(value[0], value[2], value[1], octets[end:])
        if element == _CONCATENATED_16 and len(value) == 4:
            return Part(value[0] << 8 | value[1], value[3], value[2], octets[end:])
        position += 2 + length
    return Part(0, 1, 1, octets[end:] if end <= len(octets) else octets)
