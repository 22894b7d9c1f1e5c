"""Keyed hashes: the quick one for loops is the one that is stored."""

from __future__ import annotations

import pytest

from tenants.sealing import HASH_BYTES, KeyRing

RINGS = [KeyRing(owner="1", current=1, keys={1: b"k" * 32}, index=b"i" * length) for length in (16, 32, 64, 100)]


@pytest.mark.parametrize("ring", RINGS, ids=lambda ring: str(len(ring.index)))
@pytest.mark.parametrize("value", ["", "+819012345678", "山田　花子" * 40])
def test_the_hash_for_loops_is_the_same_as_the_single_one(ring: KeyRing, value: str) -> None:
    assert ring.hasher("phone")(value) == ring.hash("phone", value)
    assert len(ring.hash("phone", value)) == HASH_BYTES


def test_another_kind_or_key_gives_another_hash() -> None:
    one, other = RINGS[0], RINGS[1]

    assert len({one.hasher("phone")("1"), one.hasher("id")("1"), other.hasher("phone")("1")}) == 3
