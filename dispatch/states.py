"""Every state of a message and every move between them. Pure: the diagram in the docs and the tests are made from it."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import Final


class Status(enum.IntEnum):
    """``SENDING`` is never stored in a message's row: a queued message whose part stands in its batch's ``in_flight``
    is being sent (docs/adr/0003-the-pump.md)."""

    QUEUED = 0
    SENDING = 1
    ACCEPTED = 2
    UNKNOWN = 3
    CANCELLED = 4
    FAILED = 5
    EXPIRED = 6
    UNDELIVERED = 7
    REJECTED = 8
    DELIVERED = 9

    @property
    def word(self) -> str:
        """The API's word."""
        return self.name.lower()


S = Status
MOVES: Final[Mapping[Status, frozenset[Status]]] = {
    S.QUEUED: frozenset({S.SENDING, S.CANCELLED, S.FAILED}),
    S.SENDING: frozenset(
        {S.ACCEPTED, S.QUEUED, S.FAILED, S.UNKNOWN, S.DELIVERED, S.REJECTED, S.UNDELIVERED, S.EXPIRED}
    ),
    S.ACCEPTED: frozenset({S.DELIVERED, S.REJECTED, S.UNDELIVERED, S.EXPIRED}),
    S.UNKNOWN: frozenset({S.ACCEPTED, S.QUEUED, S.FAILED, S.DELIVERED, S.REJECTED, S.UNDELIVERED, S.EXPIRED}),
    S.EXPIRED: frozenset({S.UNDELIVERED, S.REJECTED, S.DELIVERED}),
    S.UNDELIVERED: frozenset({S.REJECTED, S.DELIVERED}),
    S.REJECTED: frozenset({S.DELIVERED}),
    S.DELIVERED: frozenset(),
    S.FAILED: frozenset(),
    S.CANCELLED: frozenset(),
}

RECEIPT_ORDER: Final = (S.EXPIRED, S.UNDELIVERED, S.REJECTED, S.DELIVERED)
"""The highest receipt stands, whatever the order of arrival."""

OPEN: Final = frozenset({S.QUEUED, S.SENDING, S.ACCEPTED})
NOT_REACHED: Final = frozenset({S.REJECTED, S.UNDELIVERED, S.EXPIRED, S.FAILED})
FINAL: Final = frozenset({S.DELIVERED, S.CANCELLED}) | NOT_REACHED


class MoveForbidden(Exception):
    """The table has no such move."""


def move(old: Status, new: Status) -> Status:
    """``new``, if the table allows it. Raises ``MoveForbidden``."""
    if new not in MOVES[old]:
        raise MoveForbidden(f"{old.word} → {new.word}")
    return new


def after_receipt(old: Status, receipt: Status) -> Status:
    """The state after a receipt for the whole message: a higher one wins, a lower or equal one changes nothing.

    A receipt settles *unknown* and what is still being sent (an early receipt); what is cancelled or failed by a
    definite no stays, and the receipt is kept beside it as evidence.
    """
    start = S.SENDING if old is S.QUEUED else old
    return receipt if receipt in MOVES[start] else old


def of_parts(parts: Iterable[Status]) -> Status:
    """The state of a text of several parts: delivered when all are, else the worst end that any part met."""
    states = set(parts)
    for ending in (S.REJECTED, S.UNDELIVERED, S.EXPIRED, S.FAILED):
        if ending in states:
            return ending
    for waiting in (S.UNKNOWN, S.QUEUED, S.SENDING, S.ACCEPTED):
        if waiting in states:
            return waiting
    return S.DELIVERED
