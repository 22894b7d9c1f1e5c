"""Questions to the registers."""

from __future__ import annotations

from collections.abc import Callable

from recipients.models import OptOut
from recipients.phone_numbers import parse_number
from tenants.keys import ring


class HashedNumbers:
    """Answers ``number in …`` from keyed hashes, so that no list of numbers is ever unsealed."""

    __slots__ = ("_hash", "_hashes")

    def __init__(self, hashes: frozenset[bytes], keyed_hash: Callable[[str], bytes]) -> None:
        self._hashes = hashes
        self._hash = keyed_hash

    def __contains__(self, number: object) -> bool:
        return bool(self._hashes) and self._hash(str(number)) in self._hashes


def opted_out_hashes() -> frozenset[bytes]:
    """The keyed hashes of all numbers that want no texts."""
    hashes = OptOut.objects.filter(ended_at=None).values_list("phone_hash", flat=True)
    return frozenset(bytes(phone_hash) for phone_hash in hashes.iterator())


def is_opted_out(e164: str) -> bool:
    return bool(OptOut.objects.filter(phone_hash=ring().hash("phone", e164), ended_at=None).exists())


def find_opt_outs(number: str) -> list[OptOut]:
    """Open and ended entries of a number in any writing, newest first; none where it is no number."""
    parsed = parse_number(number)
    if parsed.e164 is None:
        return []
    found = OptOut.objects.filter(phone_hash=ring().hash("phone", parsed.e164))
    return list(found.order_by("-created_at"))
