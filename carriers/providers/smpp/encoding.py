"""One part of a text to the octets of its submit_sm, as the account wants it."""

from __future__ import annotations

from typing import Final

from carriers.base import LongText, Outgoing
from carriers.providers.smpp.configuration import Configuration
from carriers.smpp.alphabets import GSM_SINGLE, UCS2_SINGLE, TextTooLong, encode_text, split_octets
from carriers.smpp.concatenation import encode_header, encode_sar
from carriers.smpp.constants import CODING_UCS2, ESM_DEFAULT, ESM_UDHI, TAG_MESSAGE_PAYLOAD, TAG_USER_MESSAGE_REFERENCE
from carriers.smpp.pdus import Address, MessageEncoder
from carriers.smpp.tlv import encode_short, encode_tlv

TON_UNKNOWN: Final = 0
TON_INTERNATIONAL: Final = 1
TON_NATIONAL: Final = 2
TON_ALPHANUMERIC: Final = 5
_MAX_SENDERS: Final = 1_000
_COUNTRY: Final = "+81"


class PartsDiffer(ValueError):
    """The caller counted other parts than the account's way of cutting gives."""


class PartEncoder:
    """Keeps what texts of one sender share, and the last long text cut, for its parts come one after another."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._is_national = configuration.destination_form == "national"
        self._senders: dict[str, MessageEncoder] = {}
        self._cut_text: str | None = None
        self._cut: tuple[int, list[bytes]] = (0, [])

    def count_parts(self, text: str) -> int:
        """Raises ``TextTooLong`` or ``TextNotEncodable``."""
        return len(self._pieces(text)[1])

    def encode(self, outgoing: Outgoing, *, sequence: int) -> bytes:
        """Raises ``TextTooLong``, ``TextNotEncodable`` or ``PartsDiffer``; their texts quote nothing."""
        coding, pieces = self._pieces(outgoing.text)
        if len(pieces) != outgoing.parts or not 1 <= outgoing.part <= outgoing.parts:
            raise PartsDiffer(f"{outgoing.part} of {outgoing.parts}, not {len(pieces)}")
        text = pieces[outgoing.part - 1]
        esm_class, tlvs = ESM_DEFAULT, b""
        if self._configuration.user_message_reference:
            tlvs = encode_short(TAG_USER_MESSAGE_REFERENCE, outgoing.reference & 0xFFFF)
        if outgoing.parts > 1:
            esm_class, text, tlvs = self._concatenate(outgoing, text, tlvs)
        elif len(text) > (UCS2_SINGLE if coding == CODING_UCS2 else GSM_SINGLE):
            text, tlvs = b"", tlvs + encode_tlv(TAG_MESSAGE_PAYLOAD, text)
        return self._sender(outgoing.sender).encode(
            sequence=sequence,
            destination=self._destination(outgoing.to),
            text=text,
            coding=coding,
            esm_class=esm_class,
            tlvs=tlvs,
        )

    def _pieces(self, text: str) -> tuple[int, list[bytes]]:
        if text is not self._cut_text:
            coding, octets = encode_text(text, allow_gsm=self._configuration.data_coding == "auto")
            if self._configuration.long_text is not LongText.PAYLOAD:
                self._cut = (coding, split_octets(octets, coding=coding))
            elif len(octets) <= 0xFFFF - 1024:
                self._cut = (coding, [octets])
            else:
                raise TextTooLong(f"{len(octets)} octets")
            self._cut_text = text
        return self._cut

    def _concatenate(self, outgoing: Outgoing, text: bytes, tlvs: bytes) -> tuple[int, bytes, bytes]:
        if self._configuration.long_text is LongText.SAR:
            sar = encode_sar(reference=outgoing.reference, number=outgoing.part, total=outgoing.parts)
            return ESM_DEFAULT, text, tlvs + sar
        header = encode_header(reference=outgoing.reference, number=outgoing.part, total=outgoing.parts)
        return ESM_UDHI, header + text, tlvs

    def _destination(self, to: str) -> bytes:
        if self._is_national and to.startswith(_COUNTRY):
            return b"0" + to[len(_COUNTRY) :].encode("latin-1")
        return to.removeprefix("+").encode("latin-1")

    def _sender(self, sender: str) -> MessageEncoder:
        encoder = self._senders.get(sender)
        if encoder is None:
            if len(self._senders) >= _MAX_SENDERS:
                self._senders.clear()
            encoder = self._senders[sender] = self._make_sender(sender or self._configuration.source_addr)
        return encoder

    def _make_sender(self, sender: str) -> MessageEncoder:
        configuration = self._configuration
        ton, npi = type_of_sender(sender)
        source_ton, source_npi = configuration.source_ton, configuration.source_npi
        destination_ton = TON_NATIONAL if self._is_national else TON_INTERNATIONAL
        return MessageEncoder(
            source=Address(
                ton if source_ton is None else source_ton,
                npi if source_npi is None else source_npi,
                sender.removeprefix("+"),
            ),
            destination_ton=destination_ton if configuration.destination_ton is None else configuration.destination_ton,
            destination_npi=configuration.destination_npi,
            service_type=configuration.service_type,
            registered_delivery=configuration.registered_delivery,
        )


def type_of_sender(sender: str) -> tuple[int, int]:
    """Type of number and numbering plan of a sender: a name, an international number, or other digits."""
    if sender.startswith("+"):
        return TON_INTERNATIONAL, 1
    if sender.isdigit() or not sender:
        return TON_UNKNOWN, 1 if sender else 0
    return TON_ALPHANUMERIC, 0


def e164(ton: int, digits: str) -> str:
    """A number that the SMSC wrote, as E.164; "" where it is none."""
    number = digits.removeprefix("+").removeprefix("00")
    if not number.isascii() or not number.isdigit():
        return ""
    if digits.startswith("0") and not digits.startswith("00"):
        return _COUNTRY + digits[1:]
    if ton == TON_INTERNATIONAL or digits.startswith(("+", "00")) or number.startswith("81"):
        return "+" + number
    return ""
