"""What the SMSC decides about one submit: take it or not, what to answer, what to report later."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from carriers.simulator.behaviour import Behaviour
from carriers.simulator.deliveries import Delivery
from carriers.simulator.reports import Handset, ReceiptFacts, encode_receipt
from carriers.simulator.scripts import (
    DEFAULT,
    EXPIRED,
    SILENT,
    UNDELIVERED,
    Cut,
    ReceiptForm,
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
    STATE_TEXTS,
    TAG_USER_MESSAGE_REFERENCE,
)
from carriers.smpp.pdus import Address, ShortMessage
from carriers.smpp.tlv import integer

_MAX_ATTEMPTS: Final = 100_000
_RECEIPTS_WANTED: Final = 0x03


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


def journal_fields(submit: Submit, *, status: int, identifier: str) -> Mapping[str, object]:
    """What the journal keeps of a part: its number and what tells it from others, and a hash of its text."""
    message, part, reference = submit
    text = decode_text(part.text, coding=message.data_coding)
    return {
        "status": status,
        "id": identifier,
        "from": message.source,
        "to": message.destination,
        "umr": reference,
        "ref": part.reference,
        "no": part.number,
        "total": part.total,
        "sha256": hashlib.sha256(text.encode("utf-8", "replace")).hexdigest(),
    }


def deliveries_of(
    submit: Submit, verdict: Verdict, *, system_id: str, behaviour: Behaviour
) -> list[tuple[Delivery, float]]:
    """The receipts of an accepted part, each with what its script adds to the delay in seconds."""
    message = submit.message
    if message.registered_delivery & _RECEIPTS_WANTED == 0:
        return []
    handset = Handset(
        number=Address(message.destination_ton, 1, message.destination),
        office=Address(message.source_ton, 1, message.source),
    )
    style = verdict.script.receipt_ids or behaviour.receipt_ids
    submitted_at = time.time()
    deliveries = []
    for report in verdict.script.reports:
        if message.registered_delivery & _RECEIPTS_WANTED != REGISTERED_RECEIPT and report.error == 0:
            continue  # 2: receipts of failures only
        number = verdict.number + 10**17 if report.is_unknown_id else verdict.number
        facts = ReceiptFacts(style.write(number), report.state, report.error, submit.reference, submitted_at)
        identifier = facts.identifier if report.is_unknown_id else verdict.identifier
        deliveries.append((_delivery(system_id, identifier, handset, facts, verdict.script.form), report.after_s))
    return deliveries


def _delivery(system_id: str, identifier: str, handset: Handset, facts: ReceiptFacts, form: ReceiptForm) -> Delivery:
    return Delivery(
        system_id=system_id,
        kind="receipt",
        identifier=identifier,
        state=STATE_TEXTS[facts.state],
        encode=lambda now: encode_receipt(handset=handset, facts=facts, form=form, now=now),
    )
