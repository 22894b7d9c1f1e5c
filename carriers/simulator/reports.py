"""Receipts and residents' texts as the SMSC writes them: the body of a deliver_sm or data_sm."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from carriers.simulator.behaviour import ReceiptForm
from carriers.simulator.deliveries import Delivery
from carriers.smpp.alphabets import encode_text
from carriers.smpp.constants import (
    DATA_SM,
    DELIVER_SM,
    ESM_INTERMEDIATE,
    ESM_RECEIPT,
    STATE_DELIVERED,
    STATE_ENROUTE,
    STATE_TEXTS,
    STATE_UNDELIVERABLE,
    TAG_MESSAGE_PAYLOAD,
    TAG_MESSAGE_STATE,
    TAG_NETWORK_ERROR_CODE,
    TAG_RECEIPTED_MESSAGE_ID,
    TAG_USER_MESSAGE_REFERENCE,
)
from carriers.smpp.framing import HEADER_SIZE
from carriers.smpp.pdus import Address, MessageEncoder, encode_data_sm
from carriers.smpp.tlv import encode_byte, encode_short, encode_tlv

TOKYO: Final = ZoneInfo("Asia/Tokyo")
_GSM_NETWORK: Final = 3


@dataclass(frozen=True, slots=True)
class Handset:
    """The two ends of a text as its submit_sm wrote them; the receipt turns them round."""

    number: Address
    office: Address


@dataclass(frozen=True, slots=True)
class ReceiptFacts:
    """What a receipt is to say, whatever its form."""

    identifier: str
    state: int
    error: int
    reference: int | None
    submitted_at: float  # seconds since 1970


def receipt_delivery(
    *, system_id: str, identifier: str, handset: Handset, facts: ReceiptFacts, form: ReceiptForm
) -> Delivery:
    """A receipt to be delivered. ``identifier`` is the message id as answered, which the journal knows it by."""
    return Delivery(
        system_id=system_id,
        kind="receipt",
        identifier=identifier,
        state=STATE_TEXTS[facts.state],
        encode=lambda now: encode_receipt(handset=handset, facts=facts, form=form, now=now),
    )


def encode_receipt(*, handset: Handset, facts: ReceiptFacts, form: ReceiptForm, now: float) -> tuple[int, bytes]:
    """The command and the body of a receipt that leaves at ``now``."""
    text = b"" if form is ReceiptForm.TLV_ONLY else _receipt_text(facts, form, now)
    tlvs = b"" if form in {ReceiptForm.TEXT_ONLY, ReceiptForm.ODD} else _receipt_tlvs(facts)
    esm_class = ESM_INTERMEDIATE if facts.state == STATE_ENROUTE else ESM_RECEIPT
    if form is ReceiptForm.DATA_SM:
        pdu = encode_data_sm(
            sequence=0,
            source=handset.number,
            destination=handset.office,
            esm_class=esm_class,
            tlvs=encode_tlv(TAG_MESSAGE_PAYLOAD, text) + tlvs,
        )
        return DATA_SM, pdu[HEADER_SIZE:]
    return DELIVER_SM, _deliver_body(handset, text=text, coding=0, esm_class=esm_class, tlvs=tlvs)


def encode_inbound(*, sender: Address, to: Address, text: str) -> tuple[int, bytes]:
    """A resident's text. Raises ``TextNotEncodable`` or, beyond 254 octets, sends it as message_payload."""
    coding, octets = encode_text(text)
    tlvs = b""
    if len(octets) > 140:
        octets, tlvs = b"", encode_tlv(TAG_MESSAGE_PAYLOAD, octets)
    return DELIVER_SM, _deliver_body(
        Handset(number=sender, office=to), text=octets, coding=coding, esm_class=0, tlvs=tlvs
    )


def _deliver_body(handset: Handset, *, text: bytes, coding: int, esm_class: int, tlvs: bytes) -> bytes:
    encoder = MessageEncoder(
        source=handset.number,
        destination_ton=handset.office.ton,
        destination_npi=handset.office.npi,
        command=DELIVER_SM,
    )
    destination = handset.office.digits.encode("latin-1")
    pdu = encoder.encode(sequence=0, destination=destination, text=text, coding=coding, esm_class=esm_class, tlvs=tlvs)
    return pdu[HEADER_SIZE:]


def _receipt_tlvs(facts: ReceiptFacts) -> bytes:
    tlvs = encode_tlv(TAG_RECEIPTED_MESSAGE_ID, facts.identifier.encode("latin-1") + b"\0")
    tlvs += encode_byte(TAG_MESSAGE_STATE, facts.state)
    if facts.error:
        tlvs += encode_tlv(TAG_NETWORK_ERROR_CODE, bytes((_GSM_NETWORK,)) + facts.error.to_bytes(2, "big"))
    if facts.reference is not None:
        tlvs += encode_short(TAG_USER_MESSAGE_REFERENCE, facts.reference)
    return tlvs


def _receipt_text(facts: ReceiptFacts, form: ReceiptForm, now: float) -> bytes:
    state = facts.state
    if form is ReceiptForm.TLV_DISAGREES:
        state = STATE_UNDELIVERABLE if state == STATE_DELIVERED else STATE_DELIVERED
    word = STATE_TEXTS[state]
    submitted, done = _date(facts.submitted_at), _date(now)
    if form is ReceiptForm.ODD:
        return (
            f"id:{facts.identifier} stat:{word.lower()} err:0x{facts.error:02x} sub:001 dlvrd:001 "
            f"Submit Date:{submitted} Done Date:{done} Text:stat:UNDELIV"
        ).encode("latin-1")
    delivered = 1 if state == STATE_DELIVERED else 0
    return (
        f"id:{facts.identifier} sub:001 dlvrd:{delivered:03d} submit date:{submitted[:10]} done date:{done[:10]} "
        f"stat:{word} err:{facts.error:03d} text:"
    ).encode("latin-1")


_dates: dict[int, str] = {}


def _date(at: float) -> str:
    """``YYMMDDhhmmss`` in Tokyo. Remembered for a second, for thousands of receipts share one."""
    second = int(at)
    written = _dates.get(second)
    if written is None:
        if len(_dates) > 1_000:
            _dates.clear()
        written = _dates[second] = datetime.fromtimestamp(second, tz=TOKYO).strftime("%y%m%d%H%M%S")
    return written
