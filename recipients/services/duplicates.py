"""The same person twice on one roster, and what a whole file is recognised by."""

from __future__ import annotations

import hashlib
import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from recipients.checking import CheckedRow
from recipients.routing_rules import RULE_OF, Reason, Route, Rule
from tenants.sealing import KeyRing

_ROUTED: Final = frozenset({Route.SMS, Route.CALL})
_KEY: Final = struct.Struct("<QI")
_SUM_BYTES: Final = 16
_MODULUS: Final = 1 << (8 * _SUM_BYTES)


def person_key(checked: CheckedRow) -> bytes | None:
    """Equal for the same person: the same number with the same id, or without an id with the same name and birth date.

    None for a row that reaches nobody as it stands; mending it decides.
    """
    if checked.route not in _ROUTED or checked.phone is None:
        return None
    who = checked.external_id or "\x1f".join(("", *checked.name.split(), str(checked.birth_on or "")))
    return hashlib.sha256(f"{checked.phone}\x1e{who}".encode("utf-8", "replace")).digest()[: _KEY.size]


@dataclass(frozen=True, slots=True)
class SameAs:
    """The earlier row that stands for this one too, and why."""

    row: int
    reason: Reason  # DUPLICATE: the same person; SHARED_NUMBER: another one, of whose text the office said that it is enough

    @property
    def rule(self) -> Rule:
        return RULE_OF[self.reason]


class Persons:
    """Who came already, while a file is read from its first row to its last.

    A table with open addressing in three arrays, the key's 96 bits in two of them: a million people take 40 MB
    and not the 130 MB of a dictionary.
    """

    def __init__(self, *, expected: int, one_text_per_number: bool = False) -> None:
        size = 1 << max(4, (2 * expected).bit_length())  # at most half full
        self._mask = size - 1
        self._heads = array("Q", bytes(8 * size))
        self._tails = array("I", bytes(4 * size))
        self._rows = array("I", bytes(4 * size))

        self._numbers: dict[str, int] | None = {} if one_text_per_number else None

    def earlier_row(self, row: int, checked: CheckedRow) -> SameAs | None:
        """The earlier row that stands for this one too, if there is one; else this row (from 1) is remembered."""
        key = person_key(checked)
        if key is None:
            return None
        if (earlier := self._earlier_person(row, key)) is not None:
            return SameAs(earlier, Reason.DUPLICATE)
        if self._numbers is not None and checked.route is Route.SMS and checked.phone:
            first = self._numbers.setdefault(checked.phone, row)
            if first != row:
                return SameAs(first, Reason.SHARED_NUMBER)
        return None

    def _earlier_person(self, row: int, key: bytes) -> int | None:
        head, tail = _KEY.unpack(key)
        place, rows = head & self._mask, self._rows
        while found := rows[place]:
            if self._heads[place] == head and self._tails[place] == tail:
                return found if found != row else None
            place = (place + 1) & self._mask
        self._heads[place], self._tails[place], rows[place] = head, tail, row
        return None


class RowsSum:
    """A sum over rows that is the same in any order of rows and columns: recognises a file that was sorted anew."""

    def __init__(self, keys: KeyRing) -> None:
        self._keyed = hashlib.sha256(keys.hash("rows", b"digest")).copy
        self._sum = 0

    def add(self, cells: Sequence[str]) -> bytes:
        """What stands for this row: a keyed hash (SHA-256), the same in any order of columns."""
        keyed = self._keyed()
        keyed.update("\x1f".join(sorted(cells)).encode("utf-8", "replace"))
        digest = keyed.digest()
        self._sum += int.from_bytes(digest[:_SUM_BYTES], "big")
        return digest

    def value(self) -> bytes:
        """To be hashed with the tenant's key before it is stored."""
        return (self._sum % _MODULUS).to_bytes(_SUM_BYTES, "big")
