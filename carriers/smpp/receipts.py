"""What a delivery receipt says: its text (SMPP 3.4 appendix B) and its TLVs (§5.3.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Final

from carriers.smpp.alphabets import decode_text
from carriers.smpp.constants import (
    CODING_UCS2,
    ESM_INTERMEDIATE,
    ESM_RECEIPT,
    ESM_TYPE_MASK,
    STATE_TEXTS,
    TAG_MESSAGE_STATE,
    TAG_NETWORK_ERROR_CODE,
    TAG_RECEIPTED_MESSAGE_ID,
    TAG_USER_MESSAGE_REFERENCE,
)
from carriers.smpp.pdus import ShortMessage
from carriers.smpp.tlv import c_string, integer

# The usual order in one go; whatever else carriers write goes through _FIELD.
_USUAL: Final = re.compile(
    rb"id:(\S*) sub:\S* dlvrd:\S* submit date:\d* done date:(\d*) stat:(\w*) err:(\w*)(?= text:|\s*$)", re.IGNORECASE
)
_FIELD: Final = re.compile(rb"(?:^|\s)(id|done[ _]date|stat|err)\s*:\s*(\S*)", re.IGNORECASE)
_TEXT: Final = re.compile(rb"(?:^|\s)text\s*:", re.IGNORECASE)
_UPPER_STATES: Final = {text.encode(): text for text in STATE_TEXTS.values()}


@dataclass(frozen=True, slots=True)
class ReceiptFields:
    """A receipt, read but not judged: what the TLVs say wins over the text, and the text fills the rest.

    ``state`` is one of SMPP's seven-letter words, upper case, or what the carrier wrote instead. ``error`` is as it was
    written ("006", "1B", "0x1B"); ``network_error`` is the TLV's number.
    """

    identifier: str
    state: str
    error: str
    done: str
    network_error: int | None
    reference: int | None


def is_receipt(message: ShortMessage) -> bool:
    """Whether a deliver_sm or data_sm is a receipt or an interim notice, and not a text by a person.

    Only esm_class and the TLV count. A text that merely looks like a receipt is a text: anyone can write one.
    """
    kind = message.esm_class & ESM_TYPE_MASK
    return kind in {ESM_RECEIPT, ESM_INTERMEDIATE} or TAG_RECEIPTED_MESSAGE_ID in message.tlvs


def read_receipt(message: ShortMessage) -> ReceiptFields:
    """Never raises; what can't be found is empty."""
    text = message.text
    if message.data_coding == CODING_UCS2:
        text = decode_text(text, coding=CODING_UCS2).encode("latin-1", "replace")
    usual = _USUAL.match(text)
    identifier, done, state, error = usual.groups() if usual else _read_any_order(text)
    tlvs = message.tlvs
    if tlvs:
        identifier = tlvs.get(TAG_RECEIPTED_MESSAGE_ID) or identifier
        known = STATE_TEXTS.get(integer(tlvs.get(TAG_MESSAGE_STATE)) or 0)
        return ReceiptFields(
            c_string(identifier),
            known or _state(state),
            error.decode("latin-1"),
            done.decode("latin-1"),
            _network_error(tlvs),
            integer(tlvs.get(TAG_USER_MESSAGE_REFERENCE)),
        )
    return ReceiptFields(
        identifier.decode("latin-1"), _state(state), error.decode("latin-1"), done.decode("latin-1"), None, None
    )


def _read_any_order(text: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    # "text:" opens a quotation of the message, where "stat:DELIVRD" would be somebody else's words.
    quoted = _TEXT.search(text)
    found: dict[bytes, bytes] = {}
    for match in _FIELD.finditer(text, 0, quoted.start() if quoted else len(text)):
        found.setdefault(match[1].lower().replace(b"_", b" "), match[2])
    return found.get(b"id", b""), found.get(b"done date", b""), found.get(b"stat", b""), found.get(b"err", b"")


def _state(written: bytes) -> str:
    return _UPPER_STATES.get(written) or written.decode("latin-1").upper()


def _network_error(tlvs: Mapping[int, bytes]) -> int | None:
    """The error code of network_error_code: an octet of network type, then two of the code (§5.3.2.31)."""
    value = tlvs.get(TAG_NETWORK_ERROR_CODE)
    return int.from_bytes(value[1:], "big") if value and len(value) == 3 else None


@lru_cache(maxsize=4096)  # receipts of one minute say the same date
def read_date(written: str, *, zone: tzinfo) -> datetime | None:
    """``YYMMDDhhmm`` or ``YYMMDDhhmmss`` in the carrier's time zone; some write the century too.

    ``None`` where it is none of these.
    """
    digits = written[2:] if len(written) == 14 else written
    if len(digits) not in {10, 12} or not digits.isascii() or not digits.isdigit():
        return None
    seconds = int(digits[10:12]) if len(digits) == 12 else 0
    try:
        return datetime(
            2000 + int(digits[:2]),
            int(digits[2:4]),
            int(digits[4:6]),
            int(digits[6:8]),
            int(digits[8:10]),
            seconds,
            tzinfo=zone,
        )
    except ValueError:
        return None


def read_error(written: str, *, base: int | None = None) -> int | None:
    """The number of an ``err:`` field. Without ``base`` it is decimal unless it holds a letter or ``0x``."""
    digits = written.lower().removeprefix("0x")
    if not digits.isascii() or not digits.isalnum():
        return None
    if base is None:
        base = 10 if digits.isdigit() and digits == written else 16
    try:
        return int(digits, base)
    except ValueError:
        return None
