"""What the SMSC decides about one submit: take it or not, what to answer, what to report later."""

from __future__ import annotations

import hashlib
import random
import time
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from carriers.simulator.behaviour import Behaviour
from carriers.simulator.scripts import (
    DEFAULT,
    EXPIRED,
    SILENT,
    UNDELIVERED,
    Cut,
    Script,
    scripted,
)
from carriers.smpp.alphabets import decode_text
from carriers.smpp.concatenation import Part, read_part
from carriers.smpp.constants import (
    ESME_RMSGQFUL,
    ESME_RSUBMITFAIL,
    ESME_RTHROTTLED,
    REGISTERED_RECEIPT,
    STATE_DELIVERED,
    STATE_TEXTS,
    TAG_USER_MESSAGE_REFERENCE,
)
from carriers.smpp.pdus import ShortMessage
from carriers.smpp.tlv import integer

_MAX_ATTEMPTS: Final = 100_000
_RECEIPTS_MASK: Final = 0x03


class Submit(NamedTuple):
    """A part as it came, read once."""

    message: ShortMessage
    part: Part
    reference: int | None  # user_message_reference


def read_submit(message: ShortMessage) -> Submit:
    return Submit(message, read_part(message), integer(message.tlvs.get(TAG_USER_MESSAGE_REFERENCE)))


@dataclass(frozen=True, slots=True)
class Verdict:
    """``number`` is the message's number at the SMSC, 0 when it was not taken."""

    status: int
    number: int
    identifier: str
    script: Script


class Judge:
    """Scripts, rates, ids. Draws from its own seeded generator, so that a run can be repeated."""

    def __init__(self, *, seed: int | None) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a simulation, not a secret
        self._attempts: dict[tuple[str, int | None, int], int] = {}
        # Ids grow from run to run: a restarted SMSC never gives one twice.
        self._number = time.time_ns() // 1_000

    def judge(self, submit: Submit, behaviour: Behaviour) -> Verdict:
        part = submit.part
        script = None
        if behaviour.scripts:
            script = scripted(submit.message.destination, number=part.number, total=part.total)
        if script is None:
            script = self._draw(behaviour)
        if script.status and not self._has_refused_enough(submit, script):
            return Verdict(script.status, 0, "", script)
        self._number += 1
        style = script.answer_ids or behaviour.answer_ids
        return Verdict(0, self._number, style.write(self._number), script)

    def delay_s(self, least: float, most: float) -> float:
        return least if least == most else self._random.uniform(least, most)

    def hits(self, rate: float) -> bool:
        return rate > 0 and self._random.random() < rate

    def _has_refused_enough(self, submit: Submit, script: Script) -> bool:
        if not script.refusals:
            return False
        key = (submit.message.destination, submit.reference, submit.part.number)
        attempts = self._attempts.get(key, 0)
        if attempts >= script.refusals:
            del self._attempts[key]
            return True
        if len(self._attempts) > _MAX_ATTEMPTS:
            self._attempts.clear()
        self._attempts[key] = attempts + 1
        return False

    def _draw(self, behaviour: Behaviour) -> Script:
        """A script by the rates: first how the submit fares, then the text."""
        chosen = self._pick(
            (behaviour.throttle_rate, _THROTTLED),
            (behaviour.queue_full_rate, _QUEUE_FULL),
            (behaviour.refuse_rate, _REFUSED),
            (behaviour.no_answer_rate, _UNANSWERED),
            (behaviour.disconnect_rate, _DISCONNECTED),
        )
        if chosen is not None:
            return chosen
        script = self._pick(
            (behaviour.undelivered_rate, UNDELIVERED),
            (behaviour.expired_rate, EXPIRED),
            (behaviour.silent_rate, SILENT),
        )
        script = script or DEFAULT
        if self.hits(behaviour.duplicate_rate):
            script = replace(script, reports=script.reports * 2)
        if self.hits(behaviour.early_rate):
            script = replace(script, is_immediate=True, answer_after_s=0.5)
        return script

    def _pick(self, *choices: tuple[float, Script]) -> Script | None:
        if not any(rate for rate, _script in choices):
            return None
        drawn = self._random.random()
        for rate, script in choices:
            drawn -= rate
            if drawn < 0:
                return script
        return None


_THROTTLED: Final = Script(status=ESME_RTHROTTLED)
_QUEUE_FULL: Final = Script(status=ESME_RMSGQFUL)
_REFUSED: Final = Script(status=ESME_RSUBMITFAIL)
_UNANSWERED: Final = Script(is_answered=False)
_DISCONNECTED: Final = Script(cut=Cut.BEFORE_ANSWER)


def journal_fields(submit: Submit, verdict: Verdict) -> dict[str, Any]:
    """What the journal keeps of a part: what tells it from others, a hash of its text, and the receipts to come."""
    message, part, reference = submit
    text = decode_text(part.text, coding=message.data_coding)
    return {
        "status": verdict.status,
        "id": verdict.identifier,
        "number": verdict.number,
        "from": message.source,
        "to": message.destination,
        "tons": (message.source_ton, message.destination_ton),
        "umr": reference,
        "ref": part.reference,
        "no": part.number,
        "total": part.total,
        "sha256": hashlib.sha256(text.encode("utf-8", "replace")).hexdigest(),
        "plan": _plan(message.registered_delivery, verdict),
    }


def _plan(registered_delivery: int, verdict: Verdict) -> list[tuple[str, int]]:
    """State and error of each receipt that will follow (registered_delivery, SMPP 3.4 §5.2.17)."""
    wanted = registered_delivery & _RECEIPTS_MASK
    if not wanted or not verdict.number:
        return []
    return [
        (STATE_TEXTS[report.state], report.error)
        for report in verdict.script.reports
        if wanted == REGISTERED_RECEIPT or report.state != STATE_DELIVERED
    ]
