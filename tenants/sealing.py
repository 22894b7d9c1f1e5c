"""Sealed fields: AES-256-GCM blobs and keyed hashes, with a key per tenant wrapped by a master key.

A blob is ``version (1 byte) | key number (2) | nonce (12) | ciphertext and tag``; the table's name and the tenant are
its associated data, so a blob that is moved elsewhere does not open. Equality and uniqueness use HMAC-SHA-256 cut to 16
bytes: a plain hash of a mobile number is guessed in minutes.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION: Final = b"\x01"
NONCE_BYTES: Final = 12
NONCES_AT_ONCE: Final = 256
HEAD_BYTES: Final = 3
HASH_BYTES: Final = 16
_BLOCK_BYTES: Final = 64  # of SHA-256
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))


class SealBroken(Exception):
    """A blob was altered, moved, or sealed with a key that is not here."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys of one owner. ``current`` seals; every key opens; ``index`` makes the hashes and never changes."""

    owner: str  # the tenant's id, or "service"
    current: int
    keys: Mapping[int, bytes]
    index: bytes
    _ciphers: dict[int, AESGCM] = field(default_factory=dict, repr=False, compare=False)

    def seal(self, table: str, value: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        head = VERSION + self.current.to_bytes(2, "big")
        return head + nonce + self._cipher(self.current).encrypt(nonce, value, self._bound_to(table))

    def sealer(self, table: str) -> Callable[[bytes], bytes]:
        """``seal`` with everything looked up once, for loops over many rows."""
        head, encrypt, bound = (
            VERSION + self.current.to_bytes(2, "big"),
            self._cipher(self.current).encrypt,
            self._bound_to(table),
        )
        next_nonce = _random_nonces().__next__

        def seal(value: bytes) -> bytes:
            nonce = next_nonce()
            return head + nonce + encrypt(nonce, value, bound)

        return seal

    def open(self, table: str, blob: bytes | memoryview) -> bytes:
        """Raises ``SealBroken``."""
        data = bytes(blob)
        number = int.from_bytes(data[1:HEAD_BYTES], "big")
        if data[:1] != VERSION or number not in self.keys:
            raise SealBroken(table)
        nonce, body = data[HEAD_BYTES : HEAD_BYTES + NONCE_BYTES], data[HEAD_BYTES + NONCE_BYTES :]
        try:
            return self._cipher(number).decrypt(nonce, body, self._bound_to(table))
        except InvalidTag as exc:
            raise SealBroken(table) from exc

    def seal_fields(self, table: str, fields: Mapping[str, Any]) -> bytes:
        return self.seal(table, orjson.dumps(fields))

    def open_fields(self, table: str, blob: bytes | memoryview) -> dict[str, Any]:
        opened: dict[str, Any] = orjson.loads(self.open(table, blob))
        return opened

    def hash(self, kind: str, value: str | bytes) -> bytes:
        """A keyed hash of ``value``; equal only within one owner and one ``kind`` ("phone", "file", …)."""
        data = value if isinstance(value, bytes) else value.encode()
        return hmac.digest(self.index, kind.encode() + b"\x00" + data, hashlib.sha256)[:HASH_BYTES]

    def hash_pieces(self, kind: str, pieces: Iterable[bytes]) -> bytes:
        """``hash`` of a value that comes in pieces."""
        mac = hmac.new(self.index, kind.encode() + b"\x00", hashlib.sha256)
        for piece in pieces:
            mac.update(piece)
        return mac.digest()[:HASH_BYTES]

    def hasher(self, kind: str) -> Callable[[str], bytes]:
        """``hash`` for loops over many values."""
        # HMAC by its two halves (RFC 2104): copying a `hmac.HMAC` goes through Python and takes twice as long.
        key = self.index if len(self.index) <= _BLOCK_BYTES else hashlib.sha256(self.index).digest()
        block = key.ljust(_BLOCK_BYTES, b"\x00")
        copy_inner = hashlib.sha256(block.translate(_INNER) + kind.encode() + b"\x00").copy
        copy_outer = hashlib.sha256(block.translate(_OUTER)).copy

        def keyed_hash(value: str) -> bytes:
            inner, outer = copy_inner(), copy_outer()
            inner.update(value.encode())
            outer.update(inner.digest())
            return outer.digest()[:HASH_BYTES]

        return keyed_hash

    def _cipher(self, number: int) -> AESGCM:
        cipher = self._ciphers.get(number)
        if cipher is None:
            cipher = self._ciphers[number] = AESGCM(self.keys[number])
        return cipher

    def _bound_to(self, table: str) -> bytes:
        return f"{table}:{self.owner}".encode()


_forks = 0


def _count_fork() -> None:
    global _forks
    _forks += 1


os.register_at_fork(after_in_child=_count_fork)


def _random_nonces() -> Iterator[bytes]:
    """Nonces drawn hundreds at a time: a call to the kernel takes longer than its bytes, and lets other threads in between.

    A process that was forked off draws its own. Two threads at once are refused (ValueError), never given the same one.
    """
    while True:
        forks, block = _forks, os.urandom(NONCE_BYTES * NONCES_AT_ONCE)
        for place in range(0, len(block), NONCE_BYTES):
            if forks != _forks:
                break
            yield block[place : place + NONCE_BYTES]


def new_key() -> bytes:
    return os.urandom(32)


def wrap(master_keys: Mapping[int, bytes], key: bytes, *, purpose: str) -> bytes:
    """``key`` sealed with the current master key; ``purpose`` binds it to its owner and use."""
    number = max(master_keys)
    nonce = os.urandom(NONCE_BYTES)
    return bytes([number]) + nonce + AESGCM(master_keys[number]).encrypt(nonce, key, purpose.encode())


def unwrap(master_keys: Mapping[int, bytes], wrapped: bytes | memoryview, *, purpose: str) -> bytes:
    """Raises ``SealBroken`` when the master key is missing or the blob belongs elsewhere."""
    data = bytes(wrapped)
    master = master_keys.get(data[0])
    if master is None:
        raise SealBroken(purpose)
    try:
        return AESGCM(master).decrypt(data[1 : 1 + NONCE_BYTES], data[1 + NONCE_BYTES :], purpose.encode())
    except InvalidTag as exc:
        raise SealBroken(purpose) from exc


def service_ring(master_keys: Mapping[int, bytes]) -> KeyRing:
    """The key of what belongs to no tenant yet (stored receipts, carriers' passwords), derived from the master keys."""
    keys = {
        number: hmac.digest(master, b"todoke service seal", hashlib.sha256) for number, master in master_keys.items()
    }
    oldest = master_keys[min(master_keys)]
    return KeyRing(
        owner="service",
        current=max(keys),
        keys=keys,
        index=hmac.digest(oldest, b"todoke service index", hashlib.sha256),
    )
