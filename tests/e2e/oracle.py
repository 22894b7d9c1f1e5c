"""What the simulator's journal and its scripts say of a roster's texts: the truth that pages are held against."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from carriers.simulator.journal import AcceptedPart, JournalReport
from carriers.simulator.scripts import scripted
from carriers.smpp.constants import STATE_DELIVERED, STATE_EXPIRED, STATE_REJECTED, STATE_UNDELIVERABLE
from tests.e2e.walking import RELEASE_ROSTER

DELIVERED: Final = "受信済み"
REFUSED: Final = "送信できず"
WAITING: Final = "受信確認待ち"
OF_JOURNAL: Final[Mapping[str, str]] = {
    "DELIVRD": DELIVERED,
    "UNDELIV": "不達",
    "EXPIRED": "期限切れ",
    "REJECTD": "拒否",
}
"""How pages call the states of receipts."""
OF_SCRIPT: Final = {
    STATE_DELIVERED: DELIVERED,
    STATE_REJECTED: "拒否",
    STATE_UNDELIVERABLE: "不達",
    STATE_EXPIRED: "期限切れ",
}
"""The same, best first (DESIGN.md §3): the highest receipt stands."""


def release_numbers() -> list[str]:
    """The numbers of the release roster that are to get a text, one per person, as they stand on the wire."""
    truth = json.loads(RELEASE_ROSTER.with_suffix(".expected.json").read_text())["truth"]
    return [row["e164"].removeprefix("+") for row in truth if row["route"] == "sms"]


def journal_says(journal: JournalReport, taken: Iterable[AcceptedPart]) -> Counter[str]:
    """Those of its texts that ``taken`` are parts of, by the word of their state."""
    states = journal.message_states
    messages = {(part.key.to, part.key.reference) for part in taken}
    return Counter(OF_JOURNAL.get(states[message], WAITING) for message in messages)


def scripts_say(numbers: Iterable[str]) -> Counter[str]:
    """Texts of one part by the word of the state that their number's script leads to."""
    return Counter(end_by_script(number) for number in numbers)


def end_by_script(number: str) -> str:
    """The word of the state that a text of one part to this number ends in."""
    script = scripted(number, number=1, total=1)
    if script is None:
        return DELIVERED
    if script.status and not script.refusals:
        return REFUSED
    return next(word for state, word in OF_SCRIPT.items() if state in {report.state for report in script.reports})
