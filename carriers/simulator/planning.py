"""Which receipts an accepted part gets, and which are still owed after the SMSC was killed and started again."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from carriers.simulator.acceptance import Submit, Verdict
from carriers.simulator.behaviour import Behaviour
from carriers.simulator.deliveries import Delivery
from carriers.simulator.journal import read_lines
from carriers.simulator.reports import Handset, ReceiptFacts, receipt_delivery
from carriers.simulator.scripts import DEFAULT, scripted
from carriers.smpp.constants import STATE_TEXTS
from carriers.smpp.pdus import Address

UNKNOWN_ID_OFFSET: Final = 10**17
_RESUMED_TAIL: Final = 32 * 1024 * 1024  # octets of the journal that are read at the start
_STATES: Final = {text: state for state, text in STATE_TEXTS.items()}


def planned_deliveries(
    submit: Submit,
    verdict: Verdict,
    *,
    system_id: str,
    behaviour: Behaviour,
    plan: list[tuple[str, int]],
) -> list[tuple[Delivery, float]]:
    """The receipts of a part that has just been accepted, each with what its script adds to the delay in seconds."""
    message, script = submit.message, verdict.script
    handset = Handset(
        number=Address(message.destination_ton, 1, message.destination),
        office=Address(message.source_ton, 1, message.source),
    )
    style = script.receipt_ids or behaviour.receipt_ids
    reference = submit.reference if behaviour.echo_reference else None
    submitted_at = time.time()
    deliveries = []
    for report in script.reports:
        if (STATE_TEXTS[report.state], report.error) not in plan:
            continue  # registered_delivery does not ask for it
        number = verdict.number + UNKNOWN_ID_OFFSET if report.is_unknown_id else verdict.number
        facts = ReceiptFacts(style.write(number), report.state, report.error, reference, submitted_at)
        delivery = receipt_delivery(
            system_id=system_id,
            identifier=facts.identifier if report.is_unknown_id else verdict.identifier,
            handset=handset,
            facts=facts,
            form=script.form or behaviour.receipt_form,
        )
        deliveries.append((delivery, report.after_s))
    return deliveries


def owed_deliveries(path: Path, *, behaviour: Behaviour) -> Iterator[Delivery]:
    """The receipts that a journal's last 32 MiB promise and nobody has acknowledged."""
    acknowledged: Counter[tuple[str, str]] = Counter()
    accepted: list[dict[str, Any]] = []
    for record in read_lines(path, tail=_RESUMED_TAIL):
        if record["kind"] == "submit" and record["plan"]:
            accepted.append(record)
        elif record["kind"] == "receipt_ack" and record["status"] == 0:
            acknowledged[record["id"], record["state"]] += 1
    for record in accepted:
        for state, error in record["plan"]:
            if acknowledged[record["id"], state] > 0:
                acknowledged[record["id"], state] -= 1
            else:
                yield _owed(record, state, error, behaviour)


def _owed(record: Mapping[str, Any], state: str, error: int, behaviour: Behaviour) -> Delivery:
    script = scripted(record["to"], number=record["no"], total=record["total"]) or DEFAULT
    style = script.receipt_ids or behaviour.receipt_ids
    source_ton, destination_ton = record["tons"]
    reference = record["umr"] if behaviour.echo_reference else None
    return receipt_delivery(
        system_id=record["system_id"],
        identifier=record["id"],
        handset=Handset(
            number=Address(destination_ton, 1, record["to"]), office=Address(source_ton, 1, record["from"])
        ),
        facts=ReceiptFacts(style.write(record["number"]), _STATES[state], error, reference, time.time()),
        form=script.form or behaviour.receipt_form,
    )
