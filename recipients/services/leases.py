"""Who reads a roster at a time: a lease by the database's clock, renewed with every chunk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection

LEASE_S: Final = 45
MOST_TRIES: Final = 3
_CLAIM: Final = """
    UPDATE recipients_roster SET lease_until = clock_timestamp() + %s * interval '1 second', tries = tries + 1
    WHERE id = %s AND state = 'reading' AND (lease_until IS NULL OR lease_until < clock_timestamp())
    RETURNING lease_until, tries
"""
_RENEW: Final = """
    UPDATE recipients_roster SET lease_until = clock_timestamp() + %s * interval '1 second', rows_read = %s, tries = %s,
        begun_at = CASE WHEN %s = 0 THEN clock_timestamp() ELSE begun_at END
    WHERE id = %s AND state = 'reading' AND lease_until = %s
    RETURNING lease_until
"""
_RELEASE: Final = "UPDATE recipients_roster SET lease_until = NULL WHERE id = %s AND lease_until = %s"


class LeaseLost(Exception):
    """Another worker reads this roster now; nothing of this transaction may stand."""


@dataclass(slots=True)
class Lease:
    """The right to read a roster; ``until`` is also the fence: whoever holds another value writes nothing."""

    roster_id: int
    until: datetime
    tries: int

    @property
    def is_one_too_many(self) -> bool:
        return self.tries > MOST_TRIES

    def renew(self, *, rows_read: int, got_on: bool) -> None:
        """Within the chunk's transaction. Progress forgives earlier tries. Raises ``LeaseLost``."""
        self.tries = 0 if got_on else self.tries
        with connection.cursor() as cursor:
            cursor.execute(_RENEW, [LEASE_S, rows_read, self.tries, rows_read, self.roster_id, self.until])
            found = cursor.fetchone()
        if found is None:
            raise LeaseLost
        self.until = found[0]

    def release(self) -> None:
        """After a surprise: the sweep may wake the next try at once."""
        with connection.cursor() as cursor:
            cursor.execute(_RELEASE, [self.roster_id, self.until])


def claim_roster(roster_id: int) -> Lease | None:
    """None where the roster is read already, or somebody else reads it."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [LEASE_S, roster_id])
        found = cursor.fetchone()
    return Lease(roster_id, *found) if found else None
