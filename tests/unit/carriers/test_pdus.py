"""Bodies of PDUs, against octets written by hand from SMPP 3.4 §4."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carriers.smpp.constants import (
    BIND_TRANSCEIVER,
    DELIVER_SM,
    SUBMIT_SM_RESP,
    TAG_MESSAGE_PAYLOAD,
    TAG_USER_MESSAGE_REFERENCE,
)
from carriers.smpp.framing import Framer
from carriers.smpp.pdus import (
    Address,
    Bind,
    MalformedBody,
    MessageEncoder,
    encode_bind,
    encode_data_sm,
    encode_deliver_response,
    encode_header,
    encode_nack,
    encode_response,
    parse_bind,
    parse_data_sm,
    parse_short_message,
    response_identifier,
)
from carriers.smpp.tlv import encode_short, encode_tlv

SUBMIT = bytes.fromhex(
    "0000003d 00000004 00000000 00000007"  # length, submit_sm, status, sequence
    "00"  # service_type
    "05 00 546f646f6b6500"  # source: alphanumeric, "Todoke"
    "01 01 38313930313233343536373800"  # destination: international, 819012345678
    "00 00 00 00 00 01 00 08 00"  # esm, protocol, priority, schedule, validity, registered, replace, coding, default
    "04 5c4a 3051"  # sm_length, 届け
    "0204 0002 0309"  # user_message_reference 777
)


class TestMessageEncoder:
    def test_writes_what_the_specification_says(self) -> None:
        encoder = MessageEncoder(source=Address(5, 0, "Todoke"), registered_delivery=1)

        octets = encoder.encode(
            sequence=7,
            destination=b"819012345678",
            text="届け".encode("utf-16-be"),
            coding=8,
            tlvs=encode_short(TAG_USER_MESSAGE_REFERENCE, 777),
        )

        assert octets == SUBMIT

    def test_takes_the_longest_short_message(self) -> None:
        encoder = MessageEncoder(source=Address(0, 0, ""))

        octets = encoder.encode(sequence=1, destination=b"1", text=b"x" * 254, coding=0)

        assert parse_short_message(octets).text == b"x" * 254
        assert Framer().feed(octets)[0].octets == octets

    @given(
        source=st.text("0123456789ABCabc", max_size=20),
        destination=st.text("0123456789", max_size=20),
        text=st.binary(max_size=254),
        esm_class=st.integers(0, 255),
        coding=st.integers(0, 255),
        reference=st.integers(0, 65535),
    )
    def test_comes_back(
        self, source: str, destination: str, text: bytes, esm_class: int, coding: int, reference: int
    ) -> None:
        encoder = MessageEncoder(source=Address(1, 1, source), registered_delivery=1, command=DELIVER_SM)
        octets = encoder.encode(
            sequence=9,
            destination=destination.encode(),
            text=text,
            coding=coding,
            esm_class=esm_class,
            tlvs=encode_short(TAG_USER_MESSAGE_REFERENCE, reference),
        )

        message = parse_short_message(octets)

        assert (message.source, message.destination, message.text) == (source, destination, text)
        assert (message.esm_class, message.data_coding, message.registered_delivery) == (esm_class, coding, 1)
        assert message.tlvs == {TAG_USER_MESSAGE_REFERENCE: reference.to_bytes(2, "big")}


class TestParseShortMessage:
    def test_takes_the_payload_where_there_is_no_short_message(self) -> None:
        encoder = MessageEncoder(source=Address(0, 0, ""))
        octets = encoder.encode(
            sequence=1, destination=b"1", text=b"", coding=0, tlvs=encode_tlv(TAG_MESSAGE_PAYLOAD, b"y" * 300)
        )

        assert parse_short_message(octets).text == b"y" * 300

    def test_reads_dates_that_we_never_send(self) -> None:
        octets = SUBMIT[:16] + b"\0" + b"\x01\x01123\0" + b"\x01\x01456\0" + b"\0\0\0" + b"2212060900000004+\0" * 2
        octets += bytes((1, 0, 0, 0, 2)) + b"hi"

        message = parse_short_message(octets)

        assert (message.source, message.destination, message.text) == ("123", "456", b"hi")

    @pytest.mark.parametrize("length", range(16, len(SUBMIT) - 6))
    def test_refuses_a_body_that_is_cut_short(self, length: int) -> None:
        with pytest.raises(MalformedBody):
            parse_short_message(SUBMIT[:length])

    @pytest.mark.parametrize("length", range(len(SUBMIT) - 6, len(SUBMIT)))
    def test_leaves_out_a_tlv_that_is_cut_short(self, length: int) -> None:
        assert parse_short_message(SUBMIT[:length]).tlvs == {}

    def test_survives_ten_thousand_random_bodies(self) -> None:
        dice = random.Random(7)
        read = 0
        for _ in range(10_000):
            octets = SUBMIT[:16] + dice.randbytes(dice.randrange(120)).replace(b"\x55", b"\0")
            for parse in (parse_short_message, parse_data_sm, parse_bind):
                try:
                    parse(octets)
                    read += 1
                except MalformedBody:
                    pass

        assert read > 0


class TestBind:
    def test_writes_what_the_specification_says(self) -> None:
        octets = encode_bind(BIND_TRANSCEIVER, 1, Bind("todoke", "secret", "SMPP"))

        assert octets == bytes.fromhex(
            "00000027 00000009 00000000 00000001 746f646f6b6500 73656372657400 534d505000 34 00 00 00"
        )
        assert parse_bind(octets) == Bind("todoke", "secret", "SMPP")

    def test_refuses_a_body_that_is_cut_short(self) -> None:
        octets = encode_bind(BIND_TRANSCEIVER, 1, Bind("todoke", "secret", "SMPP"))

        for length in range(16, len(octets)):
            with pytest.raises(MalformedBody):
                parse_bind(octets[:length])


class TestSmallPdus:
    @pytest.mark.parametrize(
        ("octets", "expected"),
        [
            (encode_header(0x15, 2), "00000010 00000015 00000000 00000002"),
            (encode_nack(3, 2), "00000010 80000000 00000003 00000002"),
            (encode_response(SUBMIT_SM_RESP, 2, identifier="1f"), "00000013 80000004 00000000 00000002 316600"),
            (encode_response(SUBMIT_SM_RESP, 2, status=0x58), "00000010 80000004 00000058 00000002"),
            (encode_deliver_response(2), "00000011 80000005 00000000 00000002 00"),
            (encode_deliver_response(2, status=0x64), "00000011 80000005 00000064 00000002 00"),
        ],
    )
    def test_are_written_as_the_specification_says(self, octets: bytes, expected: str) -> None:
        assert octets == bytes.fromhex(expected)

    @pytest.mark.parametrize(
        ("body", "expected"), [(b"1f\0", "1f"), (b"1f", "1f"), (b"", ""), (b"\0", ""), (b"a\0b", "a")]
    )
    def test_an_answers_id_is_read_with_or_without_its_end(self, body: bytes, expected: str) -> None:
        assert response_identifier(b"\0" * 16 + body) == expected


class TestDataSm:
    def test_comes_back(self) -> None:
        octets = encode_data_sm(
            sequence=3,
            source=Address(1, 1, "819012345678"),
            destination=Address(5, 0, "Todoke"),
            esm_class=4,
            registered_delivery=1,
            coding=8,
            tlvs=encode_tlv(TAG_MESSAGE_PAYLOAD, b"\x5c\x4a"),
        )

        message = parse_data_sm(octets)

        assert (message.source, message.destination, message.text) == ("819012345678", "Todoke", b"\x5c\x4a")
        assert (message.esm_class, message.registered_delivery, message.data_coding) == (4, 1, 8)
