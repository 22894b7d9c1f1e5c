"""Cutting a stream of octets into PDUs (SMPP 3.4 §3.2), with bounded sizes."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

HEADER: Final = struct.Struct(">IIII")  # length, command, status, sequence
HEADER_SIZE: Final = 16
MAX_PDU_SIZE: Final = 64 * 1024
MAX_SEQUENCE: Final = 0x7FFFFFFF  # §5.1.4


class ProtocolError(Exception):
    """The peer sent what is no SMPP. The stream can't be trusted from there on: the connection must go."""


class Pdu(NamedTuple):
    """One PDU: a NamedTuple and not a dataclass, because one is made for every answer and receipt.

    ``octets`` is the whole of it, header included: what is kept as evidence.
    """

    command: int
    status: int
    sequence: int
    octets: bytes


class Framer:
    """Collects what arrives and gives out whole PDUs.

    What stood before garbage is still given out: ``error`` says then that the connection must be closed, and nothing
    more comes from this framer. It keeps at most one unfinished PDU (64 KiB) between calls.
    """

    __slots__ = ("_rest", "error")

    def __init__(self) -> None:
        self._rest = b""
        self.error: ProtocolError | None = None

    def feed(self, data: bytes) -> list[Pdu]:
        """All PDUs that are complete with ``data``."""
        if self.error is not None:
            return []
        if self._rest:
            data = self._rest + data
        pdus: list[Pdu] = []
        position, end = 0, len(data)
        unpack = HEADER.unpack_from
        while end - position >= HEADER_SIZE:
            length, command, status, sequence = unpack(data, position)
            if not HEADER_SIZE <= length <= MAX_PDU_SIZE:
                return self._refuse(pdus, f"a PDU of {length} octets")
            if end - position < length:
                break
            pdus.append(Pdu(command, status, sequence, data[position : position + length]))
            position += length
        self._rest = data[position:]
        return pdus

    def _refuse(self, pdus: list[Pdu], message: str) -> list[Pdu]:
        self.error = ProtocolError(message)
        self._rest = b""
        return pdus
