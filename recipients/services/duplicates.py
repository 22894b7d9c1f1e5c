"""The same person twice on one roster, and what a whole file is recognised by."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from recipients.checking import CheckedRow
from recipients.routing_rules import Route

_ROUTED: Final = frozenset({Route.SMS, Route.CALL})
_SUM_BYTES: Final = 16
_MODULUS: Final = 1 << (8 * _SUM_BYTES)


def person_key(checked: CheckedRow) -> bytes | None:
    """Equal for the same person: the same number with the same id, or without an id with the same name and birth date.

    None for a row that reaches nobody as it stands; mending it decides.
    """
    if checked.route not in _ROUTED or checked.phone is None:
        return None
    who = checked.external_id or "\x1f".join(("", *checked.name.split(), str(checked.birth_on or "")))
    return hashlib.blake2b(f"{checked.phone}\x1e{who}".encode("utf-8", "replace"), digest_size=12).digest()


class Persons:
    """Who came already, while a file is read from its first row to its last."""

    def __init__(self) -> None:
        self._rows: dict[bytes, int] = {}

    def earlier_row(self, row: int, checked: CheckedRow) -> int | None:
        """The earlier row of the same person, if there is one; else this row is remembered."""
        key = person_key(checked)
        if key is None:
            return None
        earlier = self._rows.setdefault(key, row)
        return earlier if earlier != row else None


class RowsSum:
    """A sum over rows that is the same in any order of rows and columns: recognises a file that was sorted anew."""

    def __init__(self) -> None:
        self._sum = 0

    def add(self, cells: Sequence[str]) -> None:
        text = "\x1f".join(sorted(cells)).encode("utf-8", "replace")
        self._sum += int.from_bytes(hashlib.blake2b(text, digest_size=_SUM_BYTES).digest(), "big")

    def value(self) -> bytes:
        """To be hashed with the tenant's key before it is stored."""
        return (self._sum % _MODULUS).to_bytes(_SUM_BYTES, "big")
