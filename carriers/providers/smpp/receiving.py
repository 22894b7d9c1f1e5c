"""What the SMSC sends us, as values of the contract: answers, receipts and inbound texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import structlog

from carriers import reasons
from carriers.base import Inbound, Outcome, Receipt, ReceiptStatus, SubmitResult
from carriers.providers.smpp.configuration import Configuration
from carriers.providers.smpp.encoding import e164
from carriers.providers.smpp.statuses import (
    COMMAND_STATUSES,
    RECEIPT_CODES,
    RECEIPT_STATES,
    STATE_REASONS,
    UNKNOWN_STATUS,
)
from carriers.smpp.alphabets import decode_text
from carriers.smpp.client import Answer
from carriers.smpp.concatenation import read_part
from carriers.smpp.constants import DATA_SM
from carriers.smpp.framing import Pdu
from carriers.smpp.pdus import MalformedBody, ShortMessage, parse_data_sm, parse_short_message
from carriers.smpp.receipts import ReceiptFields, is_receipt, read_date, read_error, read_receipt

log: Final = structlog.get_logger(__name__)

NO_ANSWER: Final = "no_answer"
MALFORMED: Final = "malformed"
_ENDING: Final = frozenset({ReceiptStatus.REJECTED, ReceiptStatus.UNDELIVERED, ReceiptStatus.EXPIRED})


class Translator:
    """SMPP to our words, as one account's configuration says. Reports each unknown code once."""

    def __init__(self, configuration: Configuration) -> None:
        self._ids = configuration.id_rules
        self._zone = configuration.receipt_time_zone
        self._error_base = configuration.receipt_error_base
        self._codes = {**RECEIPT_CODES, **configuration.receipt_codes}
        self._reported: set[str] = set()

    def results(self, answers: Sequence[Answer]) -> list[SubmitResult]:
        of_answer = self._ids.of_answer
        return [
            SubmitResult(answer.key, Outcome.ACCEPTED, of_answer(answer.identifier))
            if answer.status == 0
            else self._refused(answer)
            for answer in answers
        ]

    def _refused(self, answer: Answer) -> SubmitResult:
        if answer.status is None:
            return SubmitResult(answer.key, Outcome.UNKNOWN, code=NO_ANSWER)
        meaning = COMMAND_STATUSES.get(answer.status)
        code = f"0x{answer.status:08X}"
        if meaning is None:
            self._report("smpp.unknown_status", code)
            meaning = UNKNOWN_STATUS
        return SubmitResult(answer.key, meaning.outcome, code=code, reason=meaning.reason)

    def delivery(self, pdu: Pdu, *, token: object) -> Receipt | Inbound:
        """A deliver_sm or data_sm. One that can't be read comes as a receipt that says nothing, with its octets."""
        try:
            message = parse_data_sm(pdu.octets) if pdu.command == DATA_SM else parse_short_message(pdu.octets)
        except MalformedBody:
            self._report("smpp.malformed_delivery", MALFORMED)
            return Receipt(
                "", ReceiptStatus.PENDING, MALFORMED, reasons.UNKNOWN_CODE, "", None, None, pdu.octets, token
            )
        if is_receipt(message):
            return self._receipt(message, pdu.octets, token)
        return _inbound(message, pdu.octets, token)

    def _receipt(self, message: ShortMessage, octets: bytes, token: object) -> Receipt:
        fields = read_receipt(message)
        status = RECEIPT_STATES.get(fields.state)
        code, reason = "", ""
        if status is None:
            code, reason, status = fields.state, reasons.UNKNOWN_CODE, ReceiptStatus.PENDING
            self._report("smpp.unknown_receipt_state", code)
        elif status in _ENDING:
            code, reason = self._why(fields, status)
        return Receipt(
            carrier_id=self._ids.of_receipt(fields.identifier),
            status=status,
            code=code,
            reason=reason,
            to=e164(message.source_ton, message.source),
            done_at=read_date(fields.done, zone=self._zone),
            reference=fields.reference,
            raw=octets,
            token=token,
        )

    def _why(self, fields: ReceiptFields, status: ReceiptStatus) -> tuple[str, str]:
        """The carrier's code and our reason: the TLV's code first, then the text's, then the state alone."""
        number = fields.network_error or read_error(fields.error, base=self._error_base)
        if not number:
            return fields.state, STATE_REASONS[status]
        code = fields.error if fields.error.strip("0") else str(number)
        reason = self._codes.get(number)
        if reason is None:
            self._report("smpp.unknown_receipt_code", code)
            reason = reasons.UNKNOWN_CODE
        return code, reason

    def _report(self, event: str, code: str) -> None:
        key = f"{event} {code}"
        if key not in self._reported and len(self._reported) < 1_000:
            self._reported.add(key)
            log.warning(event, code=code[:40])


def _inbound(message: ShortMessage, octets: bytes, token: object) -> Inbound:
    piece = read_part(message)
    return Inbound(
        sender=e164(message.source_ton, message.source) or message.source,
        to=e164(message.destination_ton, message.destination) or message.destination,
        text=decode_text(piece.text, coding=message.data_coding),
        raw=octets,
        token=token,
        reference=piece.reference,
        part=piece.number,
        parts=piece.total,
    )
