"""Our SMPP codec against two others: smpplib in both directions, and tshark (where it is installed) reading ours."""

from __future__ import annotations

import asyncio
import json
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from smpplib import consts, gsm, smpp
from smpplib.client import Client, SimpleSequenceGenerator

from carriers.base import Outgoing
from carriers.providers.smpp.configuration import Configuration
from carriers.providers.smpp.encoding import PartEncoder
from carriers.simulator.behaviour import ReceiptForm
from carriers.simulator.journal import read_journal
from carriers.simulator.reports import Handset, ReceiptFacts, encode_receipt
from carriers.smpp.alphabets import encode_text, split_octets
from carriers.smpp.concatenation import read_part
from carriers.smpp.constants import (
    BIND_TRANSCEIVER,
    DATA_SM,
    DELIVER_SM,
    ENQUIRE_LINK,
    STATE_DELIVERED,
    STATE_ENROUTE,
    STATE_TEXTS,
    SUBMIT_SM_RESP,
    TAG_MESSAGE_STATE,
    TAG_RECEIPTED_MESSAGE_ID,
)
from carriers.smpp.framing import HEADER, Framer
from carriers.smpp.pdus import (
    Address,
    Bind,
    encode_bind,
    encode_deliver_response,
    encode_header,
    encode_nack,
    encode_response,
    parse_bind,
    parse_data_sm,
    parse_short_message,
    response_identifier,
)
from carriers.smpp.receipts import is_receipt, read_receipt
from carriers.smpp.tlv import c_string, integer
from tests.carriers.lab import PASSWORD, SYSTEM_ID, in_loop, running_smsc

TEXTS = ["届け", "Hello €[]", "長い文です。😀" * 20, "latin text " * 40, ""]
NUMBER = "+819012345678"


class Sequences:
    """What smpplib asks of a client while it makes a PDU."""

    sequence = 7

    def next_sequence(self) -> int:
        return self.sequence


def theirs(octets: bytes) -> Any:
    return smpp.parse_pdu(octets, client=Sequences(), allow_unknown_opt_params=True)


def make_theirs(command: str, **fields: object) -> bytes:
    return bytes(smpp.make_pdu(command, client=Sequences(), **fields).generate())


def our_submits(text: str, *, sender: str = "Todoke", **settings: object) -> list[bytes]:
    configuration = Configuration.read({"host": "h", "port": 1, "system_id": "s", **settings})
    encoder = PartEncoder(configuration)
    total = encoder.count_parts(text)
    return [
        encoder.encode(Outgoing(1, NUMBER, sender, text, part, total, 0x1234), sequence=part)
        for part in range(1, total + 1)
    ]


def our_receipt(form: ReceiptForm, *, state: int = STATE_DELIVERED) -> bytes:
    command, body = encode_receipt(
        handset=Handset(number=Address(1, 1, NUMBER[1:]), office=Address(5, 0, "Todoke")),
        facts=ReceiptFacts("beef", state, 6, 0x1234, 1_660_530_000.0),
        form=form,
        now=1_660_530_060.0,
    )
    return HEADER.pack(16 + len(body), command, 0, 9) + body


class TestSmpplibReadsOurs:
    @pytest.mark.parametrize("long_text", ["udh", "sar", "payload"])
    @pytest.mark.parametrize("text", TEXTS)
    def test_submit_sm(self, text: str, long_text: str) -> None:
        for number, octets in enumerate(our_submits(text, long_text=long_text), start=1):
            read, mine = theirs(octets), parse_short_message(octets)

            assert (read.command, read.sequence, read.length) == ("submit_sm", number, len(octets))
            assert (read.source_addr_ton, read.source_addr_npi, read.source_addr) == (5, 0, b"Todoke")
            assert (read.dest_addr_ton, read.dest_addr_npi, read.destination_addr) == (1, 1, b"819012345678")
            assert (read.esm_class, read.data_coding, read.registered_delivery) == (mine.esm_class, mine.data_coding, 1)
            assert (read.short_message or read.message_payload or b"") == mine.text
            assert read.user_message_reference == 0x1234
            if long_text == "sar" and 0x020E in mine.tlvs:
                assert (read.sar_msg_ref_num, read.sar_segment_seqnum) == (0x1234, number)

    @pytest.mark.parametrize("state", STATE_TEXTS)
    def test_a_receipt(self, state: int) -> None:
        read = theirs(our_receipt(ReceiptForm.USUAL, state=state))

        assert (read.command, read.source_addr, read.destination_addr) == ("deliver_sm", b"819012345678", b"Todoke")
        assert read.short_message.startswith(b"id:beef sub:001 ")
        assert f"stat:{STATE_TEXTS[state]}".encode() in read.short_message
        assert (read.receipted_message_id, read.message_state, read.user_message_reference) == (b"beef", state, 0x1234)
        assert read.esm_class == (0x20 if state == STATE_ENROUTE else 0x04)

    def test_the_rest(self) -> None:
        bind = theirs(encode_bind(BIND_TRANSCEIVER, 3, Bind("todoke", "secret", "SMPP")))
        assert (bind.system_id, bind.password, bind.system_type, bind.interface_version) == (
            b"todoke",
            b"secret",
            b"SMPP",
            0x34,
        )
        assert theirs(encode_response(SUBMIT_SM_RESP, 4, identifier="beef")).message_id == b"beef"
        assert theirs(encode_response(SUBMIT_SM_RESP, 4, status=0x58)).status == consts.SMPP_ESME_RTHROTTLED
        assert theirs(encode_deliver_response(5, status=0x64)).status == consts.SMPP_ESME_RX_T_APPN
        assert theirs(encode_header(ENQUIRE_LINK, 6)).command == "enquire_link"
        assert theirs(encode_nack(3, 6)).command == "generic_nack"


class TestWeReadSmpplib:
    @pytest.mark.parametrize("text", [text for text in TEXTS if text])
    def test_submit_sm(self, text: str) -> None:
        parts, coding, esm_class = gsm.make_parts(text)
        numbers = []
        for part in parts:
            octets = make_theirs(
                "submit_sm",
                source_addr_ton=5,
                source_addr_npi=0,
                source_addr="Todoke",
                dest_addr_ton=1,
                dest_addr_npi=1,
                destination_addr="819012345678",
                short_message=part,
                data_coding=coding,
                esm_class=esm_class,
                registered_delivery=1,
                user_message_reference=0x1234,
            )
            message = parse_short_message(octets)
            read = read_part(message)

            assert Framer().feed(octets)[0].sequence == 7
            assert (message.source_ton, message.source) == (5, "Todoke")
            assert (message.destination_ton, message.destination) == (1, "819012345678")
            assert (message.esm_class, message.data_coding, message.registered_delivery) == (esm_class, coding, 1)
            assert integer(message.tlvs[0x0204]) == 0x1234
            numbers.append((read.number, read.total))
        assert numbers == [(number, len(parts)) for number in range(1, len(parts) + 1)]

    @pytest.mark.parametrize("text", ["届け" * 100, "latin text " * 40, "a" * 160, "あ" * 70, "あ" * 71])
    def test_both_cut_a_text_alike(self, text: str) -> None:
        coding, octets = encode_text(text)
        mine = split_octets(octets, coding=coding)

        parts, their_coding, esm_class = gsm.make_parts(text)

        assert their_coding == coding
        assert [part[6:] if esm_class else part for part in parts] == mine

    def test_a_receipt(self) -> None:
        octets = make_theirs(
            "deliver_sm",
            source_addr="819012345678",
            destination_addr="Todoke",
            esm_class=4,
            short_message=b"id:beef stat:UNDELIV err:006",
            receipted_message_id="BEEF",
            message_state=2,
        )

        message = parse_short_message(octets)

        assert is_receipt(message)
        assert c_string(message.tlvs[TAG_RECEIPTED_MESSAGE_ID]) == "BEEF"
        assert integer(message.tlvs[TAG_MESSAGE_STATE]) == STATE_DELIVERED
        assert (read_receipt(message).identifier, read_receipt(message).state) == ("BEEF", "DELIVRD")

    def test_the_rest(self) -> None:
        bind = make_theirs("bind_transceiver", system_id="todoke", password="secret", system_type="SMPP")
        assert parse_bind(bind) == Bind("todoke", "secret", "SMPP")
        assert response_identifier(make_theirs("submit_sm_resp", message_id="beef")) == "beef"
        data_sm = make_theirs("data_sm", source_addr="1", destination_addr="2", esm_class=4, message_payload=b"hi")
        assert (parse_data_sm(data_sm).text, parse_data_sm(data_sm).esm_class) == (b"hi", 4)


class TestSmpplibAsCustomer:
    @in_loop
    async def test_binds_sends_and_hears_of_it(self, tmp_path: Path) -> None:
        async with running_smsc(tmp_path / "j", receipt_delay="0.05") as smsc:
            answers, receipts = await asyncio.to_thread(_send_with_smpplib, smsc.port)

        assert len(answers) == len(receipts) == 4
        assert sorted(answers) == sorted(receipts)
        assert {part.message_id.encode() for part in read_journal(tmp_path / "j").accepted} == set(answers)
        assert len(read_journal(tmp_path / "j").acknowledged) == 4


def _send_with_smpplib(port: int) -> tuple[list[bytes], list[bytes]]:
    answers: list[bytes] = []
    receipts: list[bytes] = []
    client = Client(
        "127.0.0.1", port, sequence_generator=SimpleSequenceGenerator(), allow_unknown_opt_params=True, timeout=5
    )
    client.set_message_sent_handler(lambda pdu: answers.append(pdu.message_id))
    client.set_message_received_handler(lambda pdu: receipts.append(pdu.receipted_message_id) or 0)
    client.connect()
    client.bind_transceiver(system_id=SYSTEM_ID, password=PASSWORD)
    parts, coding, esm_class = gsm.make_parts("長い文です。" * 40)
    for part in parts:
        client.send_message(
            source_addr_ton=5,
            source_addr="Todoke",
            dest_addr_ton=1,
            dest_addr_npi=1,
            destination_addr="819012345678",
            short_message=part,
            data_coding=coding,
            esm_class=esm_class,
            registered_delivery=1,
        )
    while len(answers) < len(parts) or len(receipts) < len(parts):
        client.read_once()
    client.unbind()
    client.disconnect()
    return answers, receipts


TSHARK = shutil.which("tshark")


def _capture(pdus: list[bytes]) -> Iterator[bytes]:
    """A pcap file of one TCP connection, a PDU in each packet."""
    yield struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)  # raw IP
    sequence = 1
    for pdu in pdus:
        tcp = struct.pack(">HHIIBBHHH", 40000, 2775, sequence, 1, 0x50, 0x18, 65535, 0, 0) + pdu
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, b"\x7f\0\0\1", b"\x7f\0\0\1")
        sequence += len(pdu)
        yield struct.pack("<IIII", 0, 0, len(ip + tcp), len(ip + tcp)) + ip + tcp


@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
class TestTsharkReadsOurs:
    def read(self, tmp_path: Path, pdus: list[bytes]) -> list[dict[str, Any]]:
        path = tmp_path / "ours.pcap"
        path.write_bytes(b"".join(_capture(pdus)))
        command = [str(TSHARK), "-r", str(path), "-T", "json", "-d", "tcp.port==2775,smpp", "--no-duplicate-keys"]
        printed = subprocess.run(command, check=True, capture_output=True, timeout=60)
        layers = [packet["_source"]["layers"] for packet in json.loads(printed.stdout)]
        assert not any("_ws.malformed" in layer for layer in layers)
        return [layer["smpp"] for layer in layers]

    def test_submits(self, tmp_path: Path) -> None:
        pdus = [
            pdu
            for text in TEXTS
            for long_text in ("udh", "sar", "payload")
            for pdu in our_submits(text, long_text=long_text)
        ]

        read = self.read(tmp_path, pdus)

        assert len(read) == len(pdus)
        for layer, pdu in zip(read, pdus, strict=True):
            message = parse_short_message(pdu)
            assert int(layer["smpp.command_id"], 16) == 4
            assert int(layer["smpp.command_length"]) == len(pdu)
            assert (layer["smpp.source_addr"], layer["smpp.destination_addr"]) == ("Todoke", "819012345678")
            assert int(layer["smpp.esm.submit.features"], 16) == message.esm_class >> 6
            flat = json.dumps(layer)
            assert '"smpp.user_message_reference": "4660"' in flat or "0x1234" in flat

    def test_the_rest(self, tmp_path: Path) -> None:
        pdus = [
            encode_bind(BIND_TRANSCEIVER, 1, Bind("todoke", "secret", "SMPP")),
            our_receipt(ReceiptForm.USUAL),
            our_receipt(ReceiptForm.DATA_SM),
            encode_response(SUBMIT_SM_RESP, 4, identifier="beef"),
            encode_response(SUBMIT_SM_RESP, 5, status=0x58),
            encode_deliver_response(6, status=0x64),
            encode_header(ENQUIRE_LINK, 7),
            encode_nack(3, 8),
        ]

        read = self.read(tmp_path, pdus)

        commands = [int(layer["smpp.command_id"], 16) for layer in read]
        assert commands == [
            BIND_TRANSCEIVER,
            DELIVER_SM,
            DATA_SM,
            SUBMIT_SM_RESP,
            SUBMIT_SM_RESP,
            0x80000005,
            ENQUIRE_LINK,
            0x80000000,
        ]
        assert (read[0]["smpp.system_id"], read[0]["smpp.password"]) == ("todoke", "secret")
        assert "smpp.receipted_message_id" in json.dumps(read[1])
        assert read[3]["smpp.message_id"] == "beef"
        assert [int(read[index]["smpp.command_status"], 16) for index in (4, 5, 7)] == [0x58, 0x64, 3]
