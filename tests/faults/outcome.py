"""What became of every text after a fault, by the SMSC's journal and the database alone.

Neither our counters nor our code is asked: the database is read with plain SQL as its superuser, and the journal is the
simulator's. "Lost", "double" and "unknown" are RELIABILITY's words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psycopg

from carriers.simulator.journal import JournalReport, read_journal
from dispatch.states import Status

REFERENCES: Final = 65_536

BY_CARRIER: Final = frozenset({Status.ACCEPTED, Status.DELIVERED, Status.UNDELIVERED, Status.EXPIRED, Status.REJECTED})
"""States that only the carrier's word can give; the journal must know these texts."""
ENDS: Final = {
    "DELIVRD": Status.DELIVERED,
    "UNDELIV": Status.UNDELIVERED,
    "EXPIRED": Status.EXPIRED,
    "REJECTD": Status.REJECTED,
}
MESSAGES: Final = "SELECT m.id, m.state, b.state FROM dispatch_message m JOIN dispatch_batch b ON b.id = m.batch_id"
UNKNOWN_EVENTS: Final = "SELECT message_id FROM dispatch_messageevent WHERE kind = 'unknown'"
DEADLINES: Final = "SELECT message_id FROM dispatch_followup WHERE kind = 3"
TALLIES: Final = "SELECT state, sum(n) FROM dispatch_tally GROUP BY state HAVING sum(n) <> 0"
RECEIPTS: Final = "SELECT carrier_id, status FROM carriers_storedreceipt"
STATUSES: Final = {"DELIVRD": "delivered", "UNDELIV": "undelivered", "EXPIRED": "expired", "REJECTD": "rejected"}
PAUSED, CANCELLED, STUCK = 3, 4, 5  # dispatch.models.BatchState


@dataclass(frozen=True, slots=True)
class Outcome:
    """The figures of one try. All but ``kills``, ``unknown`` and ``recovered_s`` must be zero, always."""

    kills: int
    lost: int
    """Neither with the carrier nor ended nor flagged, or not there at all."""
    double: int
    """Parts that the carrier took more than once."""
    unknown: int
    """Texts that were unknown at some time; a receipt may have settled them since."""
    unflagged: int
    """Unknown without an event, or without a deadline after which somebody phones."""
    untrue: int
    """Our state contradicts the carrier's: it has the text and we would send it again, or the other way round."""
    receipts_lost: int
    """Acknowledged to the carrier, and not stored."""
    wrong_sums: int
    """States of which the counters say another number than there are messages."""
    recovered_s: float | None = None
    """Seconds from the fault's end until the carrier took a text again."""

    @property
    def faults(self) -> dict[str, int]:
        """What must not be; empty when all is well."""
        names = ("lost", "double", "unflagged", "untrue", "receipts_lost", "wrong_sums")
        return {name: getattr(self, name) for name in names if getattr(self, name)}


def judge(
    *, admin_url: str, journal: Path | Iterable[Path], texts: int, kills: int = 0, recovered_s: float | None = None
) -> Outcome:
    """Compare what there is with what should be: ``texts`` of them, all in messages of this database."""
    paths = [journal] if isinstance(journal, Path) else list(journal)
    reports = [read_journal(path) for path in paths]
    taken = {int(part.key.reference) for report in reports for part in report.accepted}
    keys = Counter(part.key for report in reports for part in report.accepted)
    with psycopg.connect(admin_url) as connection:
        messages = connection.execute(MESSAGES).fetchall()
        events = {message_id for (message_id,) in connection.execute(UNKNOWN_EVENTS)}
        deadlines = {message_id for (message_id,) in connection.execute(DEADLINES)}
        tallies = {int(state): int(n) for state, n in connection.execute(TALLIES)}
        stored = Counter((carrier_id, status) for carrier_id, status in connection.execute(RECEIPTS))
    if taken and any(message_id >= REFERENCES for message_id, _, _ in messages):
        raise ValueError("references repeat: the journal could not tell these messages apart")
    ends = {int(reference): state for report in reports for (_, reference), state in report.message_states.items()}
    return Outcome(
        kills=kills,
        lost=texts - len(messages) + sum(_is_lost(row, taken) for row in messages),
        double=sum(count > 1 for count in keys.values()),
        unknown=len(events),
        unflagged=sum(
            state == Status.UNKNOWN and (message_id not in events or message_id not in deadlines)
            for message_id, state, _ in messages
        ),
        untrue=sum(_is_untrue(message_id, Status(state), taken, ends) for message_id, state, _ in messages),
        receipts_lost=_receipts_lost(reports, stored),
        wrong_sums=_wrong_sums(messages, tallies),
        recovered_s=recovered_s,
    )


def _is_lost(row: tuple[Any, ...], taken: set[int]) -> bool:
    message_id, state, batch_state = row
    return state == Status.QUEUED and message_id not in taken and batch_state not in {PAUSED, CANCELLED, STUCK}


def _is_untrue(message_id: int, state: Status, taken: set[int], ends: dict[int, str]) -> bool:
    if message_id not in taken:
        return state in BY_CARRIER
    if state in {Status.QUEUED, Status.CANCELLED, Status.FAILED}:
        return True
    end = ends.get(message_id, "")
    return bool(end) and ENDS.get(end) is not state


def _receipts_lost(reports: Iterable[JournalReport], stored: Counter[tuple[str, str]]) -> int:
    acknowledged = {
        (identifier, STATUSES.get(state, "")) for report in reports for identifier, state in report.acknowledged
    }
    return sum(1 for receipt in acknowledged if receipt[1] and not stored[receipt])


def _wrong_sums(messages: Iterable[tuple[Any, ...]], tallies: dict[int, int]) -> int:
    found = Counter(int(state) for _, state, _ in messages)
    return sum(found[state] != tallies.get(state, 0) for state in {*found, *tallies})


def first_taken_after(journal: Path, instant: datetime, *, not_binds: Iterable[int] = ()) -> datetime | None:
    """When the SMSC took the first part after ``instant`` over another bind than these."""
    excluded = set(not_binds)
    for part in read_journal(journal).accepted:
        at = datetime.fromisoformat(part.at)
        if at > instant and part.bind not in excluded:
            return at
    return None
