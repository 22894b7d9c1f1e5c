"""Bytes of any size in bounded memory: kept in pieces, those beyond the first 32 MiB squeezed.

For files that people upload. Nothing is written to a disk, where a name or a number would stand in clear.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PIECE_BYTES: Final = 1024 * 1024
PLAIN_PIECES: Final = 32  # what a day's roster takes; squeezing it would only cost time
_QUICK: Final = 1  # of zlib's levels: a table in text shrinks to a quarter by it


class Packed:
    """Written once from its start to its end, read any number of times and anywhere."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._last = bytearray()

    @classmethod
    def of(cls, data: bytes) -> Self:
        packed = cls()
        packed.write(data)
        return packed

    @property
    def size(self) -> int:
        return len(self._pieces) * PIECE_BYTES + len(self._last)

    def write(self, data: bytes) -> None:
        with memoryview(data) as view:
            start = 0
            while start < len(view):
                room = PIECE_BYTES - len(self._last)
                self._last += view[start : start + room]
                start += room
                if len(self._last) == PIECE_BYTES:
                    self._keep(bytes(self._last))

    def pieces(self) -> Iterator[bytes]:
        """All of it, a MiB at a time; nothing where it is empty."""
        for number in range(len(self._pieces)):
            yield self._piece(number)
        if self._last:
            yield bytes(self._last)

    def read(self, start: int = 0, stop: int | None = None) -> bytes:
        """A part, as a slice of `bytes` would give it."""
        stop = self.size if stop is None else min(stop, self.size)
        with self.open() as file:
            file.seek(start)
            return file.read(max(0, stop - start))

    def open(self) -> IO[bytes]:
        """A file over it, at its start."""
        return io.BufferedReader(_Reader(self), buffer_size=256 * 1024)

    def _keep(self, piece: bytes) -> None:
        is_plain = len(self._pieces) < PLAIN_PIECES
        self._pieces.append(piece if is_plain else zlib.compress(piece, _QUICK))
        self._last.clear()

    def _piece(self, number: int) -> bytes:
        if number == len(self._pieces):
            return bytes(self._last)
        piece = self._pieces[number]
        return piece if number < PLAIN_PIECES else zlib.decompress(piece)


class _Reader(io.RawIOBase):
    def __init__(self, packed: Packed) -> None:
        self._packed = packed
        self._at = 0
        self._number = -1
        self._piece = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._packed.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        if self._at >= self._packed.size:
            return 0
        number, start = divmod(self._at, PIECE_BYTES)
        if number != self._number:
            self._piece, self._number = self._packed._piece(number), number  # noqa: SLF001 - one of two halves
        with memoryview(buffer).cast("B") as view:
            part = self._piece[start : start + len(view)]
            view[: len(part)] = part
        self._at += len(part)
        return len(part)
