"""Keyed hashes: the quick one for loops is the one that is stored."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tenants.sealing import HASH_BYTES, HEAD_BYTES, NONCE_BYTES, NONCES_AT_ONCE, KeyRing

RINGS = [KeyRing(owner="1", current=1, keys={1: b"k" * 32}, index=b"i" * length) for length in (16, 32, 64, 100)]


@pytest.mark.parametrize("ring", RINGS, ids=lambda ring: str(len(ring.index)))
@pytest.mark.parametrize("value", ["", "+819012345678", "山田　花子" * 40])
def test_the_hash_for_loops_is_the_same_as_the_single_one(ring: KeyRing, value: str) -> None:
    assert ring.hasher("phone")(value) == ring.hash("phone", value)
    assert len(ring.hash("phone", value)) == HASH_BYTES


def test_another_kind_or_key_gives_another_hash() -> None:
    one, other = RINGS[0], RINGS[1]

    assert len({one.hasher("phone")("1"), one.hasher("id")("1"), other.hasher("phone")("1")}) == 3


class TestNonces:
    def test_are_never_the_same_twice(self) -> None:
        seal = RINGS[0].sealer("table")

        assert len({nonce_of(seal) for _ in range(3 * NONCES_AT_ONCE)}) == 3 * NONCES_AT_ONCE

    def test_are_not_shared_with_a_process_that_was_forked_off(self) -> None:
        seal = RINGS[0].sealer("table")
        nonce_of(seal)
        reading, writing = os.pipe()
        if os.fork() == 0:
            os.write(writing, b"".join(nonce_of(seal) for _ in range(10)))
            os._exit(0)
        os.close(writing)
        with open(reading, "rb") as pipe:
            theirs = pipe.read()
        os.wait()

        assert len(theirs) == 10 * NONCE_BYTES
        mine = {nonce_of(seal) for _ in range(NONCES_AT_ONCE)}
        assert not mine & {theirs[place : place + NONCE_BYTES] for place in range(0, len(theirs), NONCE_BYTES)}


def nonce_of(seal: Callable[[bytes], bytes]) -> bytes:
    return seal(b"")[HEAD_BYTES : HEAD_BYTES + NONCE_BYTES]
