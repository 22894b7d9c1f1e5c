"""The values that the pump moves: a claimed batch and the parts it has still to send. No I/O."""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Final

from carriers.base import Outcome, Outgoing, SubmitResult
from dispatch.models import BatchState
from dispatch.states import Status, of_parts

PARTS_PER_SEQ: Final = 256
CARRIER_ID_LENGTH: Final = 70  # of Message and MessagePart; SMPP 3.4 §5.2.23 allows 64
CODE_LENGTH: Final = 20
REASON_LENGTH: Final = 24
REFERENCES: Final = 65_536

STATE_AFTER: Final = {
    Outcome.ACCEPTED: Status.ACCEPTED,
    Outcome.FINAL: Status.FAILED,
    Outcome.UNKNOWN: Status.UNKNOWN,
}


@dataclass(slots=True, eq=False)
class Text:
    """A message of a claimed batch, with what is known of each of its parts."""

    message_id: int
    seq: int
    parts: int
    to: str
    text: str
    sender: str
    batch: ClaimedBatch
    results: dict[int, tuple[Status, SubmitResult]] = field(default_factory=dict)

    @property
    def is_answered(self) -> bool:
        return len(self.results) == self.parts

    @property
    def state(self) -> Status:
        return of_parts(state for state, _ in self.results.values())


@dataclass(slots=True, eq=False)
class Part:
    """One submission. ``slot`` is its number in the batch's ``in_flight``."""

    text: Text
    part: int

    @property
    def slot(self) -> int:
        return self.text.seq * PARTS_PER_SEQ + self.part

    @property
    def key(self) -> int:
        return self.text.message_id * PARTS_PER_SEQ + self.part

    def outgoing(self) -> Outgoing:
        text = self.text
        return Outgoing(
            key=self.key,
            to=text.to,
            sender=text.sender,
            text=text.text,
            part=self.part,
            parts=text.parts,
            reference=text.message_id % REFERENCES,
        )


@dataclass(slots=True, eq=False)
class ClaimedBatch:
    """A batch that this worker holds. ``intended`` mirrors the committed ``in_flight``."""

    batch_id: int
    tenant_id: int
    campaign_id: int | None
    priority: int
    policy: str
    epoch: int
    waiting: deque[Part] = field(default_factory=deque)
    intended: set[int] = field(default_factory=set)
    # Unknown under "resend", or recovered and not yet answered where a repeat is safe: in flight for the next claim too.
    left_open: set[int] = field(default_factory=set)
    stop: int | None = None
    is_lost: bool = False

    @property
    def may_send(self) -> bool:
        return bool(self.waiting) and self.stop is None and not self.is_lost

    @property
    def state_after(self) -> int:
        """The state to leave it in: as whoever stopped it wanted, done, or ready for the next holder."""
        if self.stop is not None:
            return self.stop
        return BatchState.READY if self.waiting else BatchState.DONE

    def answered(self, slot: int, outcome: Outcome) -> None:
        """The part is no longer in flight. A recovered one that was refused for now is: its first try may have been taken."""
        if slot in self.left_open and outcome in (Outcome.RETRY, Outcome.THROTTLED):
            return
        self.left_open.discard(slot)
        self.intended.discard(slot)

    @property
    def is_spent(self) -> bool:
        """Nothing is left to send and nothing unanswered: it can be released."""
        return self.intended == self.left_open and not self.may_send


def slot_of(seq: int, part: int) -> int:
    return seq * PARTS_PER_SEQ + part


def seq_and_part(slot: int) -> tuple[int, int]:
    return divmod(slot, PARTS_PER_SEQ)


def fitted(result: SubmitResult) -> SubmitResult:
    """As much of an answer as columns take. One that the database refused would end the bind, and with it every answer of its
    window would be lost: what one carrier writes must not make the texts beside it unknown."""
    identifier, code = result.carrier_id, result.code
    if (
        len(identifier) <= CARRIER_ID_LENGTH
        and len(code) <= CODE_LENGTH
        and len(result.reason) <= REASON_LENGTH
        and "\0" not in identifier
        and "\0" not in code
    ):
        return result
    return replace(
        result,
        carrier_id=fitted_id(identifier),
        code=code.replace("\0", "")[:CODE_LENGTH],
        reason=result.reason[:REASON_LENGTH],
    )


def fitted_id(identifier: str) -> str:
    """A carrier's id as its column takes it; answers and receipts that say the same still agree, others still differ."""
    identifier = identifier.replace("\0", "")
    if len(identifier) <= CARRIER_ID_LENGTH:
        return identifier
    digest = hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{identifier[: CARRIER_ID_LENGTH - 33]}~{digest}"
