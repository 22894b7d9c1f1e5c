"""Bodies of the PDUs that Todoke and its simulated SMSC exchange (SMPP 3.4 §4), to octets and back."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from carriers.smpp.constants import (
    DATA_SM,
    DELIVER_SM_RESP,
    GENERIC_NACK,
    INTERFACE_VERSION,
    RESPONSE,
    SUBMIT_SM,
    TAG_MESSAGE_PAYLOAD,
)
from carriers.smpp.framing import HEADER, HEADER_SIZE, ProtocolError
from carriers.smpp.tlv import NO_TLVS, parse_tlvs

_EMPTY_ID: Final = struct.Struct(">IIIIB")  # an answer whose message_id is the empty string
MAX_SHORT_MESSAGE: Final = 254  # §5.2.21; longer texts go into message_payload


class MalformedBody(ProtocolError):
    """The header was right and the body was not: only this PDU is lost, the stream goes on."""


@dataclass(frozen=True, slots=True)
class Address:
    """A number with its type and plan (SMPP 3.4 §5.2.5, §5.2.6)."""

    ton: int
    npi: int
    digits: str

    def encode(self) -> bytes:
        return bytes((self.ton, self.npi)) + self.digits.encode("latin-1") + b"\0"


@dataclass(frozen=True, slots=True)
class Bind:
    """What a bind_receiver, bind_transmitter or bind_transceiver says (§4.1)."""

    system_id: str
    password: str
    system_type: str = ""
    interface_version: int = INTERFACE_VERSION
    address_range: str = ""


class ShortMessage(NamedTuple):
    """A submit_sm, deliver_sm or data_sm, read (§4.4.1, §4.6.1, §4.7.1). A NamedTuple because one is made per text.

    ``text`` is the short message, or the message_payload where that is used; it still holds its user data header.
    """

    source_ton: int
    source: str
    destination_ton: int
    destination: str
    esm_class: int
    registered_delivery: int
    data_coding: int
    text: bytes
    tlvs: Mapping[int, bytes]


def encode_header(command: int, sequence: int, *, status: int = 0) -> bytes:
    """A PDU without a body: enquire_link, unbind, generic_nack and the answers to them."""
    return HEADER.pack(HEADER_SIZE, command, status, sequence)


def encode_nack(status: int, sequence: int) -> bytes:
    return HEADER.pack(HEADER_SIZE, GENERIC_NACK, status, sequence)


def encode_bind(command: int, sequence: int, bind: Bind) -> bytes:
    body = b"".join(
        (
            _c_string(bind.system_id),
            _c_string(bind.password),
            _c_string(bind.system_type),
            bytes((bind.interface_version, 0, 0)),
            _c_string(bind.address_range),
        )
    )
    return HEADER.pack(HEADER_SIZE + len(body), command, 0, sequence) + body


def parse_bind(octets: bytes) -> Bind:
    """Raises ``MalformedBody``."""
    try:
        system_id, after = _read(octets, HEADER_SIZE)
        password, after = _read(octets, after)
        system_type, after = _read(octets, after)
        version = octets[after]
        address_range, _end = _read(octets, after + 3)
    except (ValueError, IndexError):
        raise MalformedBody("bind") from None
    return Bind(system_id, password, system_type, version, address_range)


def encode_response(command: int, sequence: int, *, status: int = 0, identifier: str = "") -> bytes:
    """The answer to a bind (``identifier``: the SMSC's name), a submit_sm or a data_sm (the message id).

    A refused one has no body (§4.4.2).
    """
    if status:
        return HEADER.pack(HEADER_SIZE, command, status, sequence)
    body = identifier.encode("latin-1") + b"\0"
    return HEADER.pack(HEADER_SIZE + len(body), command, 0, sequence) + body


def encode_deliver_response(sequence: int, *, status: int = 0, command: int = DELIVER_SM_RESP) -> bytes:
    """The answer to a deliver_sm; its message_id is unused and empty (§4.6.2)."""
    return _EMPTY_ID.pack(HEADER_SIZE + 1, command, status, sequence, 0)


def response_identifier(octets: bytes) -> str:
    """The C-octet string at the head of an answer's body, or "" where the body is left out or broken."""
    end = octets.find(b"\0", HEADER_SIZE)
    return octets[HEADER_SIZE : end if end >= 0 else len(octets)].decode("latin-1")


class MessageEncoder:
    """Makes submit_sm (or deliver_sm) PDUs of one source: only what differs between them is packed anew."""

    __slots__ = ("_command", "_flags", "_head", "_registered")

    def __init__(
        self,
        *,
        source: Address,
        destination_ton: int = 1,
        destination_npi: int = 1,
        service_type: str = "",
        registered_delivery: int = 0,
        command: int = SUBMIT_SM,
    ) -> None:
        self._command = command
        self._head = _c_string(service_type) + source.encode() + bytes((destination_ton, destination_npi))
        self._registered = registered_delivery
        self._flags: dict[tuple[int, int], bytes] = {}

    def encode(
        self, *, sequence: int, destination: bytes, text: bytes, coding: int, esm_class: int = 0, tlvs: bytes = b""
    ) -> bytes:
        """One PDU. ``text`` is at most 254 octets, header of the user data included."""
        flags = self._flags.get((esm_class, coding))
        if flags is None:
            flags = self._make_flags(esm_class, coding)
        head = self._head
        length = 27 + len(head) + len(destination) + len(text) + len(tlvs)
        return b"".join(
            (
                HEADER.pack(length, self._command, 0, sequence),
                head,
                destination,
                flags,
                len(text).to_bytes(1, "big"),
                text,
                tlvs,
            )
        )

    def _make_flags(self, esm_class: int, coding: int) -> bytes:
        """The end of the destination, then esm_class … sm_default_msg_id; no schedule, no validity, no priority."""
        flags = bytes((0, esm_class, 0, 0, 0, 0, self._registered, 0, coding, 0))
        self._flags[esm_class, coding] = flags
        return flags


def parse_short_message(octets: bytes) -> ShortMessage:
    """A submit_sm or deliver_sm PDU. Raises ``MalformedBody``; broken TLVs are left out instead."""
    try:
        end = octets.index(0, HEADER_SIZE)
        source_ton = octets[end + 1]
        start = end + 3
        end = octets.index(0, start)
        source = octets[start:end].decode("latin-1")
        destination_ton = octets[end + 1]
        start = end + 3
        end = octets.index(0, start)
        destination = octets[start:end].decode("latin-1")
        esm_class = octets[end + 1]
        end = octets.index(0, octets.index(0, end + 4) + 1)  # schedule_delivery_time, validity_period
        registered, coding, length = octets[end + 1], octets[end + 3], octets[end + 5]
    except (ValueError, IndexError):
        raise MalformedBody("short message") from None
    start = end + 6
    stop = start + length
    if stop > len(octets):
        raise MalformedBody("sm_length")
    tlvs = parse_tlvs(octets, stop) if stop < len(octets) else NO_TLVS
    text = octets[start:stop] or tlvs.get(TAG_MESSAGE_PAYLOAD, b"")
    return ShortMessage(source_ton, source, destination_ton, destination, esm_class, registered, coding, text, tlvs)


def parse_data_sm(octets: bytes) -> ShortMessage:
    """A data_sm PDU: its text is the message_payload. Raises ``MalformedBody``."""
    try:
        end = octets.index(0, HEADER_SIZE)
        source_ton = octets[end + 1]
        source, after = _read(octets, end + 3)
        destination_ton = octets[after]
        destination, after = _read(octets, after + 2)
        esm_class, registered, coding = octets[after], octets[after + 1], octets[after + 2]
    except (ValueError, IndexError):
        raise MalformedBody("data_sm") from None
    tlvs = parse_tlvs(octets, after + 3)
    text = tlvs.get(TAG_MESSAGE_PAYLOAD, b"")
    return ShortMessage(source_ton, source, destination_ton, destination, esm_class, registered, coding, text, tlvs)


def encode_data_sm(
    *,
    sequence: int,
    source: Address,
    destination: Address,
    esm_class: int = 0,
    registered_delivery: int = 0,
    coding: int = 0,
    tlvs: bytes = b"",
) -> bytes:
    flags = bytes((esm_class, registered_delivery, coding))
    body = b"\0" + source.encode() + destination.encode() + flags + tlvs
    return HEADER.pack(HEADER_SIZE + len(body), DATA_SM, 0, sequence) + body


def is_response(command: int) -> bool:
    return bool(command & RESPONSE)


def _c_string(value: str) -> bytes:
    return value.encode("latin-1") + b"\0"


def _read(octets: bytes, start: int) -> tuple[str, int]:
    end = octets.index(0, start)
    return octets[start:end].decode("latin-1"), end + 1
