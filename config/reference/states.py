"""docs/reference/states.md, from dispatch/states.py."""

from __future__ import annotations

from typing import Final

from config.reference.markdown import code, page, table
from dispatch.models import BatchState, CampaignState
from dispatch.states import FINAL, MOVES, NOT_REACHED, OPEN, RECEIPT_ORDER, Status
from reports.state_words import CAMPAIGN, MESSAGE

MEANINGS: Final = {
    Status.QUEUED: "has its batch and waits; nothing has left",
    Status.SENDING: "the intent to send it is committed and its answer is not; never stored, derived from the batch's `in_flight`",
    Status.ACCEPTED: "the carrier took it; its receipt is awaited",
    Status.UNKNOWN: "it may have left and no answer was recorded; nobody can know (ADR 0002)",
    Status.CANCELLED: "stopped by a person before it left",
    Status.FAILED: "a definite no, ours or the carrier's: it never went",
    Status.EXPIRED: "receipt: the handset could not be reached in time and the carrier gave up",
    Status.UNDELIVERED: "receipt: the handset did not take it",
    Status.REJECTED: "receipt: refused, by the carrier or by the recipient's settings",
    Status.DELIVERED: "receipt: the handset took it",
}

BATCH_MEANINGS: Final = {
    BatchState.READY: "may be claimed once it is due",
    BatchState.CLAIMED: "a worker holds it until its lease ends",
    BatchState.DONE: "nothing of it is left to send",
    BatchState.PAUSED: "its campaign is paused",
    BatchState.CANCELLED: "its campaign was cancelled",
    BatchState.STUCK: "set aside after three tries; an operator is told",
}


def states_page() -> str:
    return page(
        "States",
        "A message's states and moves, from `dispatch/states.py`. What causes each move is told in "
        "[how a text is sent](../explanation/sending.md).",
        "## Message",
        _messages(),
        _diagram(),
        f"Receipts are ordered: {' < '.join(status.word for status in RECEIPT_ORDER)}. The highest stands, whatever the order of "
        "arrival.",
        "## Campaign",
        _campaigns(),
        "## Batch",
        _batches(),
    )


def _messages() -> str:
    rows = [
        (
            str(status.value),
            code(status.word),
            str(MESSAGE[status.word].word),
            MEANINGS[status],
            _kind(status),
            ", ".join(target.word for target in sorted(MOVES[status])) or "—",
        )
        for status in Status
    ]
    return table(("stored", "API", "word", "meaning", "kind", "moves to"), rows)


def _kind(status: Status) -> str:
    if status in OPEN:
        return "open"
    if status in NOT_REACHED:
        return "not reached"
    return "final" if status in FINAL else "needs an answer"


def _diagram() -> str:
    moves = [f"    {old.word} --> {new.word}" for old in Status for new in sorted(MOVES[old])]
    ends = [f"    {status.word} --> [*]" for status in Status if not MOVES[status]]
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {Status.QUEUED.word}", *moves, *ends, "```"]
    return "\n".join(lines)


def _campaigns() -> str:
    return table(("API", "word"), [(code(state.value), str(CAMPAIGN[state.value].word)) for state in CampaignState])


def _batches() -> str:
    return table(
        ("stored", "name", "meaning"),
        [(str(state.value), code(state.name.lower()), BATCH_MEANINGS[state]) for state in BatchState],
    )
