"""What the SMPP provider makes of our words, and of the SMSC's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carriers import reasons
from carriers.base import Inbound, Outgoing, Receipt, ReceiptStatus
from carriers.providers.smpp.configuration import Configuration
from carriers.providers.smpp.encoding import PartEncoder, PartsDiffer, e164, type_of_sender
from carriers.providers.smpp.receiving import Translator
from carriers.providers.smpp.statuses import COMMAND_STATUSES
from carriers.smpp.alphabets import decode_text
from carriers.smpp.concatenation import Part, read_part
from carriers.smpp.constants import DELIVER_SM, STATE_TEXTS, STATUS_NAMES
from carriers.smpp.framing import Framer, Pdu
from carriers.smpp.pdus import Address, MessageEncoder, ShortMessage, parse_short_message
from carriers.smpp.tlv import encode_byte, encode_tlv, integer

NUMBER = "+819012345678"
LONG = "長い文です。😀" * 20


def configuration(**values: object) -> Configuration:
    return Configuration.read({"host": "smsc.example", "port": 2775, "system_id": "todoke", **values})


def outgoing(text: str = "届け", *, sender: str = "", part: int = 1, parts: int = 1, to: str = NUMBER) -> Outgoing:
    return Outgoing(key=1, to=to, sender=sender, text=text, part=part, parts=parts, reference=0x1234)


def encoded(configured: Configuration, text: str, **values: str) -> list[ShortMessage]:
    encoder = PartEncoder(configured)
    total = encoder.count_parts(text)
    pdus = [
        encoder.encode(outgoing(text, part=number, parts=total, **values), sequence=number)
        for number in range(1, total + 1)
    ]
    return [parse_short_message(pdu) for pdu in pdus]


class TestPartEncoder:
    @pytest.mark.parametrize("long_text", ["udh", "sar"])
    @pytest.mark.parametrize("text", [LONG, "latin € text " * 40])
    def test_cuts_a_long_text_into_parts_that_join_again(self, long_text: str, text: str) -> None:
        messages = encoded(configuration(long_text=long_text), text)
        parts = [read_part(message) for message in messages]

        assert len(parts) > 1
        assert "".join(decode_text(part.text, coding=messages[0].data_coding) for part in parts) == text
        assert [(part.number, part.total) for part in parts] == [(i + 1, len(parts)) for i in range(len(parts))]
        assert {part.reference for part in parts} == {0x34 if long_text == "udh" else 0x1234}
        assert max(len(message.text) for message in messages) <= (140 if messages[0].data_coding else 159)

    def test_sends_a_long_text_whole_as_payload(self) -> None:
        (message,) = encoded(configuration(long_text="payload"), LONG)

        assert decode_text(message.text, coding=8) == LONG
        assert integer(message.tlvs[0x0204]) == 0x1234
        assert read_part(message) == Part(0, 1, 1, message.text)

    @pytest.mark.parametrize("long_text", ["udh", "sar", "payload"])
    def test_sends_a_short_text_plainly(self, long_text: str) -> None:
        (message,) = encoded(configuration(long_text=long_text), "届け")

        assert (message.esm_class, message.data_coding, message.text) == (0, 8, "届け".encode("utf-16-be"))
        assert list(message.tlvs) == [0x0204]

    def test_leaves_out_the_reference_where_the_carrier_refuses_it(self) -> None:
        (message,) = encoded(configuration(user_message_reference=False), "届け")

        assert message.tlvs == {}

    @pytest.mark.parametrize(
        ("settings", "ton", "digits"),
        [
            ({}, 1, "819012345678"),
            ({"destination_form": "national"}, 2, "09012345678"),
            ({"destination_form": "national", "destination_ton": 0}, 0, "09012345678"),
        ],
    )
    def test_writes_the_number_as_the_account_says(self, settings: dict[str, object], ton: int, digits: str) -> None:
        (message,) = encoded(configuration(**settings), "届け")

        assert (message.destination_ton, message.destination) == (ton, digits)

    @pytest.mark.parametrize(
        ("sender", "settings", "ton", "written"),
        [
            ("Office", {}, 5, "Office"),
            ("", {"source_addr": "Todoke"}, 5, "Todoke"),
            ("Office", {"source_addr": "Todoke"}, 5, "Office"),
            ("+81312345678", {}, 1, "81312345678"),
            ("0312345678", {}, 0, "0312345678"),
            ("", {}, 0, ""),
            ("0312345678", {"source_ton": 2, "source_npi": 8}, 2, "0312345678"),
        ],
    )
    def test_writes_the_sender(self, sender: str, settings: dict[str, object], ton: int, written: str) -> None:
        (message,) = encoded(configuration(**settings), "届け", sender=sender)

        assert (message.source_ton, message.source) == (ton, written)

    @pytest.mark.parametrize(("part", "parts"), [(1, 2), (2, 1), (0, 1)])
    def test_refuses_parts_that_it_did_not_count(self, part: int, parts: int) -> None:
        with pytest.raises(PartsDiffer) as caught:
            PartEncoder(configuration()).encode(outgoing("secret", part=part, parts=parts), sequence=1)

        assert "secret" not in str(caught.value)

    @given(st.text(st.characters(exclude_categories=["Cs"]), max_size=600))
    def test_whatever_the_text_each_part_fits_its_pdu(self, text: str) -> None:
        encoder = PartEncoder(configuration())
        total = encoder.count_parts(text)
        for number in range(1, total + 1):
            octets = encoder.encode(outgoing(text, part=number, parts=total), sequence=1)
            assert Framer().feed(octets)[0].octets == octets

    def test_many_senders_do_not_pile_up(self) -> None:
        encoder = PartEncoder(configuration())
        for number in range(2_500):
            encoder.encode(outgoing(sender=f"S{number}"), sequence=1)

        assert len(encoder._senders) <= 1_000


class TestNumbers:
    @pytest.mark.parametrize(
        ("ton", "digits", "expected"),
        [
            (1, "819012345678", NUMBER),
            (1, "+819012345678", NUMBER),
            (0, "819012345678", NUMBER),
            (0, "00819012345678", NUMBER),
            (2, "09012345678", NUMBER),
            (0, "09012345678", NUMBER),
            (1, "447700900123", "+447700900123"),
            (0, "447700900123", ""),
            (5, "Todoke", ""),
            (0, "", ""),
            (1, "٠٩٠", ""),
        ],
    )
    def test_reads_the_smscs_writing_as_e164(self, ton: int, digits: str, expected: str) -> None:
        assert e164(ton, digits) == expected

    @pytest.mark.parametrize(
        ("sender", "expected"), [("Todoke", (5, 0)), ("+813", (1, 1)), ("0570", (0, 1)), ("", (0, 0)), ("届", (5, 0))]
    )
    def test_types_a_sender(self, sender: str, expected: tuple[int, int]) -> None:
        assert type_of_sender(sender) == expected


def delivery(text: str, *, tlvs: bytes = b"", esm_class: int = 4) -> Pdu:
    encoder = MessageEncoder(source=Address(1, 1, NUMBER[1:]), command=DELIVER_SM)
    octets = encoder.encode(
        sequence=1, destination=b"Todoke", text=text.encode(), coding=0, esm_class=esm_class, tlvs=tlvs
    )
    return Framer().feed(octets)[0]


def receipt(text: str, *, tlvs: bytes = b"", settings: Mapping[str, object] | None = None) -> Receipt:
    value = Translator(configuration(**(settings or {}))).delivery(delivery(text, tlvs=tlvs), token=7)
    assert isinstance(value, Receipt)
    return value


class TestTranslator:
    @pytest.mark.parametrize(
        ("text", "tlvs", "status", "code", "reason"),
        [
            ("id:1 stat:DELIVRD err:000", b"", ReceiptStatus.DELIVERED, "", ""),
            ("id:1 stat:DELIVRD err:006", b"", ReceiptStatus.DELIVERED, "", ""),
            ("id:1 stat:ENROUTE err:000", b"", ReceiptStatus.PENDING, "", ""),
            ("id:1 stat:ACCEPTD err:000", b"", ReceiptStatus.PENDING, "", ""),
            ("id:1 stat:UNKNOWN err:000", b"", ReceiptStatus.PENDING, "", ""),
            ("id:1 stat:EXPIRED err:000", b"", ReceiptStatus.EXPIRED, "EXPIRED", reasons.EXPIRED),
            ("id:1 stat:EXPIRED err:006", b"", ReceiptStatus.EXPIRED, "006", reasons.OUT_OF_REACH),
            ("id:1 stat:REJECTD err:000", b"", ReceiptStatus.REJECTED, "REJECTD", reasons.CARRIER_TROUBLE),
            ("id:1 stat:DELETED err:", b"", ReceiptStatus.UNDELIVERED, "DELETED", reasons.CARRIER_TROUBLE),
            ("id:1 stat:UNDELIV err:006", b"", ReceiptStatus.UNDELIVERED, "006", reasons.OUT_OF_REACH),
            ("id:1 stat:UNDELIV err:1B", b"", ReceiptStatus.UNDELIVERED, "1B", reasons.OUT_OF_REACH),
            ("id:1 stat:UNDELIV err:0x0d", b"", ReceiptStatus.UNDELIVERED, "0x0d", reasons.REFUSED_BY_RECIPIENT),
            ("id:1 stat:UNDELIV err:987", b"", ReceiptStatus.UNDELIVERED, "987", reasons.UNKNOWN_CODE),
            ("id:1 stat:WEIRD err:001", b"", ReceiptStatus.PENDING, "WEIRD", reasons.UNKNOWN_CODE),
            ("", b"", ReceiptStatus.PENDING, "", reasons.UNKNOWN_CODE),
            (
                "id:1 stat:DELIVRD err:000",
                encode_byte(0x427, 5),
                ReceiptStatus.UNDELIVERED,
                "UNDELIV",
                "carrier_trouble",
            ),
            ("id:1 stat:UNDELIV err:000", encode_byte(0x427, 2), ReceiptStatus.DELIVERED, "", ""),
            (
                "id:1 stat:UNDELIV err:000",
                encode_tlv(0x423, b"\x03\x00\x01"),
                ReceiptStatus.UNDELIVERED,
                "1",
                reasons.NOT_IN_USE,
            ),
        ],
    )
    def test_says_what_a_receipt_means(
        self, text: str, tlvs: bytes, status: ReceiptStatus, code: str, reason: str
    ) -> None:
        read = receipt(text, tlvs=tlvs)

        assert (read.status, read.code, read.reason) == (status, code, reason)

    def test_keeps_everything_else_too(self) -> None:
        text = "id:0AB sub:001 dlvrd:001 submit date:2208151159 done date:2208151200 stat:DELIVRD err:000 text:"

        read = receipt(text, settings={"lower": True, "strip_zeros": True})

        assert (read.carrier_id, read.to, read.token) == ("ab", NUMBER, 7)
        assert read.done_at == datetime(2022, 8, 15, 3, 0, tzinfo=UTC)
        assert read.raw == delivery(text).octets

    def test_an_account_has_codes_and_a_clock_of_its_own(self) -> None:
        settings = {"receipt_codes": {"0x3db": "ported", "6": "not_in_use"}, "receipt_time_zone": "UTC"}

        assert receipt("id:1 stat:UNDELIV err:987", settings=settings).reason == reasons.PORTED
        assert receipt("id:1 stat:UNDELIV err:006", settings=settings).reason == reasons.NOT_IN_USE
        read = receipt("id:1 stat:DELIVRD done date:2208151200", settings=settings)
        assert read.done_at == datetime(2022, 8, 15, 12, 0, tzinfo=UTC)

    def test_errors_are_hexadecimal_where_the_account_says_so(self) -> None:
        assert receipt("id:1 stat:UNDELIV err:010", settings={}).reason == reasons.REFUSED_BY_RECIPIENT
        assert receipt("id:1 stat:UNDELIV err:010", settings={"receipt_error_base": 16}).reason == reasons.UNKNOWN_CODE
        assert receipt("id:1 stat:UNDELIV err:00D", settings={"receipt_error_base": 16}).reason == (
            reasons.REFUSED_BY_RECIPIENT
        )

    def test_every_state_of_the_specification_is_known(self) -> None:
        for state, word in STATE_TEXTS.items():
            by_text, by_tlv = receipt(f"id:1 stat:{word}"), receipt("id:1", tlvs=encode_byte(0x427, state))
            assert by_text.status is by_tlv.status
            assert by_text.reason != reasons.UNKNOWN_CODE

    def test_a_residents_text_comes_with_both_ends(self) -> None:
        pdu = delivery("OK", esm_class=0)

        read = Translator(configuration()).delivery(pdu, token=7)

        assert read == Inbound(sender=NUMBER, to="Todoke", text="OK", raw=pdu.octets, token=7)

    @given(st.binary(max_size=200))
    def test_never_raises(self, body: bytes) -> None:
        octets = (16 + len(body)).to_bytes(4, "big") + b"\0\0\0\x05" + b"\0" * 8 + body

        value = Translator(configuration()).delivery(Pdu(5, 0, 0, octets), token=None)

        assert value.raw == octets


class TestTables:
    def test_every_status_of_the_specification_has_a_meaning(self) -> None:
        assert set(COMMAND_STATUSES) == set(STATUS_NAMES) - {0}


class TestConfiguration:
    def test_never_shows_its_password(self) -> None:
        assert "s3cr3t" not in repr(configuration(password="s3cr3t-pw"))

    def test_its_page_names_every_key(self) -> None:
        class Noting(dict[str, object]):
            def get(self, key: str, default: object = None) -> object:  # type: ignore[override]  # only used by key
                asked.add(key)
                return super().get(key, default)

        asked: set[str] = set()
        Configuration.read(Noting(host="a", port=1, system_id="b", destination_ton=1))

        documented = Configuration.__doc__ or ""
        assert {key for key in asked if f"``{key}``" not in documented} == set()
