"""The SMPP link against peers that hang, lie, cut and babble (RELIABILITY.md rows 5, 7, 8)."""

from __future__ import annotations

import asyncio
import random
import struct
import time
from pathlib import Path

import pytest

from carriers.base import Outcome, ReceiptStatus
from carriers.errors import Misconfigured, Unreachable
from carriers.providers.smpp.carrier import SmppProvider
from carriers.simulator.journal import read_journal
from carriers.smpp.constants import (
    DELIVER_SM,
    DELIVER_SM_RESP,
    ENQUIRE_LINK,
    ENQUIRE_LINK_RESP,
    GENERIC_NACK,
    STATUS_NAMES,
    SUBMIT_SM,
    SUBMIT_SM_RESP,
    TAG_MESSAGE_PAYLOAD,
    UNBIND,
    UNBIND_RESP,
)
from carriers.smpp.framing import HEADER
from carriers.smpp.pdus import Address, MessageEncoder, encode_header, encode_nack, encode_response
from carriers.smpp.tlv import encode_tlv
from tests.carriers.lab import (
    QUICK_CONFIG,
    CuttingProxy,
    RawPeer,
    RawSmsc,
    Recorder,
    bound,
    in_loop,
    one_part_each,
    parts_of,
    running_smsc,
    smpp_config,
)

NUMBER = "+819012345678"
PROVIDER = SmppProvider()
RECEIPT = b"id:7f sub:001 dlvrd:001 submit date:2208151159 done date:2208151200 stat:DELIVRD err:000 text:"


def deliver_sm(sequence: int, text: bytes = RECEIPT, *, esm_class: int = 4, tlvs: bytes = b"") -> bytes:
    encoder = MessageEncoder(source=Address(1, 1, NUMBER[1:]), command=DELIVER_SM)
    return encoder.encode(sequence=sequence, destination=b"Todoke", text=text, coding=0, esm_class=esm_class, tlvs=tlvs)


async def keep_alive(peer: RawPeer) -> None:
    """Answer every enquire_link, and nothing else, until the peer closes."""
    while True:
        try:
            pdu = await peer.receive()
        except EOFError:
            return
        if pdu.command == ENQUIRE_LINK:
            peer.send(encode_header(ENQUIRE_LINK_RESP, pdu.sequence))


class TestOpening:
    @pytest.mark.parametrize("status", [0x0E, 0x0F, 0x53])
    @in_loop
    async def test_credentials_that_are_refused_are_misconfigured(self, status: int) -> None:
        async with RawSmsc(bind_status=status) as smsc:
            link = PROVIDER.link(smpp_config(smsc.port), window=1)

            with pytest.raises(Misconfigured) as caught:
                await link.open(Recorder(link))

            assert caught.value.code == f"0x{status:08X}"
            assert await (await smsc.peer()).until_closed() == []

    @pytest.mark.parametrize("status", [0x04, 0x05, 0x08, 0x0D, 0x14, 0x58, 0x0400])
    @in_loop
    async def test_other_refusals_may_pass(self, status: int) -> None:
        async with RawSmsc(bind_status=status) as smsc:
            link = PROVIDER.link(smpp_config(smsc.port), window=1)

            with pytest.raises(Unreachable) as caught:
                await link.open(Recorder(link))

            assert caught.value.code == f"0x{status:08X}"

    @in_loop
    async def test_a_bind_without_an_answer_is_given_up(self) -> None:
        async with RawSmsc(bind_status=None) as smsc:
            link = PROVIDER.link(smpp_config(smsc.port, connect_timeout_s=0.2), window=1)
            recorder = Recorder(link)

            with pytest.raises(Unreachable):
                await link.open(recorder)

            assert await (await smsc.peer()).until_closed() == []
            assert recorder.closed == []

    @in_loop
    async def test_an_smsc_that_hangs_up_on_the_bind_is_unreachable(self) -> None:
        async with RawSmsc(bind_status=None) as smsc:
            link = PROVIDER.link(smpp_config(smsc.port), window=1)
            opening = asyncio.create_task(link.open(Recorder(link)))
            (await smsc.peer()).close()

            with pytest.raises(Unreachable):
                await opening

    @in_loop
    async def test_nothing_is_taken_before_it_is_open(self) -> None:
        async with RawSmsc() as smsc:
            link = PROVIDER.link(smpp_config(smsc.port), window=1)

            with pytest.raises(Unreachable):
                link.submit(parts_of(link, NUMBER))

    @in_loop
    async def test_a_receipt_in_the_same_breath_as_the_bind_is_heard(self) -> None:
        async with RawSmsc(bind_status=None) as smsc:
            link = PROVIDER.link(smpp_config(smsc.port), window=1)
            recorder = Recorder(link)
            opening = asyncio.create_task(link.open(recorder))
            peer = await smsc.peer()
            peer.send(encode_response(0x80000009, 1, identifier="x") + deliver_sm(5))
            await opening

            acknowledgement = await peer.receive_command(DELIVER_SM_RESP)

            assert (acknowledgement.sequence, acknowledgement.status) == (5, 0)
            assert recorder.receipts[0].carrier_id == "7f"
            await link.close(drain_s=0)


class TestSignsOfLife:
    @in_loop
    async def test_answers_enquire_link(self) -> None:
        async with RawSmsc() as smsc, bound(PROVIDER, smpp_config(smsc.port)):
            peer = await smsc.peer()
            peer.send(encode_header(ENQUIRE_LINK, 77))

            assert (await peer.receive_command(ENQUIRE_LINK_RESP)).sequence == 77

    @in_loop
    async def test_lives_while_its_own_are_answered(self) -> None:
        async with RawSmsc() as smsc, bound(PROVIDER, smpp_config(smsc.port, **QUICK_CONFIG)) as recorder:
            peer = await smsc.peer()
            alive = asyncio.create_task(keep_alive(peer))

            with pytest.raises(TimeoutError):
                await recorder.until(lambda: recorder.closed, patience_s=1.2)
            alive.cancel()

    @in_loop
    async def test_an_smsc_that_hangs_is_noticed(self) -> None:
        async with RawSmsc() as smsc, bound(PROVIDER, smpp_config(smsc.port, **QUICK_CONFIG)) as recorder:
            recorder.link.submit(parts_of(recorder.link, NUMBER))

            await recorder.until(lambda: recorder.closed)

            assert recorder.closed == ["enquire_link unanswered"]
            assert recorder.results == []
            assert await (await smsc.peer()).until_closed() != []

    @in_loop
    async def test_an_smsc_that_never_reads_is_noticed(self) -> None:
        async with running_smsc(deaf=True, receipt_delay="0") as smsc:
            config = smpp_config(smsc.port, **QUICK_CONFIG)
            smsc.change({"deaf": False})
            async with bound(PROVIDER, config, window=5000) as recorder:
                smsc.change({"deaf": True})
                flood = [
                    part for key in range(5000) for part in parts_of(recorder.link, NUMBER, "長い文" * 20, key=key)
                ]
                recorder.link.submit(flood)

                await recorder.until(lambda: recorder.closed)

                assert len(recorder.closed) == 1

    def test_the_defaults_notice_within_fifty_seconds(self) -> None:
        link = PROVIDER.link(smpp_config(1), window=1)
        timers = link._configuration.timers

        assert timers.enquire_link_s + timers.enquire_answer_s + 2 * timers.watch_s <= 50
        assert timers.answer_s + timers.watch_s <= 50

    @in_loop
    async def test_our_own_standstill_is_not_blamed_on_the_smsc(self) -> None:
        async with running_smsc() as smsc, bound(PROVIDER, smpp_config(smsc.port, **QUICK_CONFIG)) as recorder:
            await asyncio.sleep(0.25)
            time.sleep(1.0)  # noqa: ASYNC251 - the loop itself must stand still

            with pytest.raises(TimeoutError):
                await recorder.until(lambda: recorder.closed, patience_s=0.5)


class TestAnswers:
    @in_loop
    async def test_one_lost_answer_is_unknown_and_the_link_goes_on(self) -> None:
        async with running_smsc() as smsc, bound(PROVIDER, smpp_config(smsc.port, **QUICK_CONFIG)) as recorder:
            recorder.link.submit(parts_of(recorder.link, "+816014200001", key=1))
            for key in range(10, 20):
                await asyncio.sleep(0.1)
                recorder.link.submit(parts_of(recorder.link, NUMBER, key=key))
            await recorder.until(lambda: len(recorder.results) == 11)

            assert recorder.result(1).outcome is Outcome.UNKNOWN
            assert {recorder.result(key).outcome for key in range(10, 20)} == {Outcome.ACCEPTED}
            assert recorder.closed == []

    @in_loop
    async def test_a_late_answer_still_counts(self) -> None:
        async with RawSmsc() as smsc, bound(PROVIDER, smpp_config(smsc.port, **QUICK_CONFIG)) as recorder:
            peer = await smsc.peer()
            alive = asyncio.create_task(keep_alive(peer))
            recorder.link.submit(parts_of(recorder.link, NUMBER, key=1))  # sequence 2
            for sequence in range(3, 9):
                recorder.link.submit(parts_of(recorder.link, NUMBER, key=sequence))
            peer.send(encode_response(SUBMIT_SM_RESP, 8, identifier="8"))
            await asyncio.sleep(0.2)
            recorder.link.submit(parts_of(recorder.link, NUMBER, key=99))
            await asyncio.sleep(0.1)
            for sequence in (3, 4, 5, 6, 7):
                peer.send(encode_response(SUBMIT_SM_RESP, sequence, identifier=f"{sequence}"))
            await recorder.until(lambda: 1 in recorder.outcomes())
            assert recorder.result(1).outcome is Outcome.UNKNOWN

            peer.send(encode_response(SUBMIT_SM_RESP, 2, identifier="late"))
            await recorder.until(lambda: recorder.result(1).outcome is Outcome.ACCEPTED)

            assert recorder.result(1).carrier_id == "late"
            alive.cancel()

    @in_loop
    async def test_an_smsc_that_answers_no_submit_at_all_is_left(self) -> None:
        async with RawSmsc() as smsc, bound(PROVIDER, smpp_config(smsc.port, **QUICK_CONFIG)) as recorder:
            alive = asyncio.create_task(keep_alive(await smsc.peer()))
            recorder.link.submit(parts_of(recorder.link, NUMBER))

            await recorder.until(lambda: recorder.closed)

            assert recorder.closed == ["submits unanswered"]
            assert recorder.results == []
            await alive

    @pytest.mark.parametrize("status", [0, 3, 0x58])
    @in_loop
    async def test_generic_nack_is_a_no(self, status: int) -> None:
        async with RawSmsc() as smsc, bound(PROVIDER, smpp_config(smsc.port)) as recorder:
            peer = await smsc.peer()
            recorder.link.submit(parts_of(recorder.link, NUMBER))
            submit = await peer.receive_command(SUBMIT_SM)
            peer.send(encode_nack(status, submit.sequence))
            await recorder.until(lambda: recorder.results)

            assert recorder.results[0].outcome in {Outcome.FINAL, Outcome.THROTTLED}
            assert recorder.closed == []

    @pytest.mark.parametrize("status", [*STATUS_NAMES, 0x0400, 0xFFFFFFFF])
    @in_loop
    async def test_every_status_has_an_outcome(self, status: int) -> None:
        async with RawSmsc() as smsc, bound(PROVIDER, smpp_config(smsc.port)) as recorder:
            peer = await smsc.peer()
            recorder.link.submit(parts_of(recorder.link, NUMBER))
            submit = await peer.receive_command(SUBMIT_SM)
            peer.send(HEADER.pack(16, SUBMIT_SM_RESP, status, submit.sequence))
            await recorder.until(lambda: recorder.results)

            result = recorder.results[0]
            assert (result.outcome is Outcome.ACCEPTED) == (status == 0)
            assert result.code == (f"0x{status:08X}" if status else "")
            assert (result.reason == "unknown_code") == (status not in STATUS_NAMES)

    @in_loop
    async def test_answers_to_nothing_are_passed_over(self) -> None:
        async with RawSmsc() as smsc, bound(PROVIDER, smpp_config(smsc.port)) as recorder:
            peer = await smsc.peer()
            recorder.link.submit(parts_of(recorder.link, NUMBER, key=5))
            submit = await peer.receive_command(SUBMIT_SM)
            answer = encode_response(SUBMIT_SM_RESP, submit.sequence, identifier="1")
            peer.send(encode_response(SUBMIT_SM_RESP, 999, identifier="9") + answer + answer)
            peer.send(encode_header(ENQUIRE_LINK, 4))
            await peer.receive_command(ENQUIRE_LINK_RESP)

            assert [(result.key, result.carrier_id) for result in recorder.results] == [(5, "1")]

    @in_loop
    async def test_what_can_not_be_encoded_is_refused_and_the_rest_goes(self) -> None:
        async with running_smsc() as smsc, bound(PROVIDER, smpp_config(smsc.port), window=400) as recorder:
            bad = [
                *parts_of(recorder.link, NUMBER, "壊れた\ud83d", key=1),
                *parts_of(recorder.link, NUMBER, "長" * 67 * 256, key=2),
            ]
            recorder.link.submit([*bad, *parts_of(recorder.link, NUMBER, key=3)])
            await recorder.until(lambda: len(recorder.results) == 3)

            assert recorder.outcomes() == {1: Outcome.FINAL, 2: Outcome.FINAL, 3: Outcome.ACCEPTED}
            assert recorder.result(2).reason == "text_too_long"
            assert smsc.accepted == 1


class TestLeaving:
    @in_loop
    async def test_unbinds_when_closed(self) -> None:
        async with RawSmsc() as smsc, bound(PROVIDER, smpp_config(smsc.port)) as recorder:
            peer = await smsc.peer()
            closing = asyncio.create_task(recorder.link.close(drain_s=1))
            unbind = await peer.receive_command(UNBIND)
            peer.send(encode_header(UNBIND_RESP, unbind.sequence))
            await closing

            assert recorder.closed == ["closed"]
            assert await peer.until_closed() == []

    @in_loop
    async def test_closes_though_unbind_is_not_answered(self) -> None:
        async with RawSmsc() as smsc, bound(PROVIDER, smpp_config(smsc.port)) as recorder:
            await smsc.peer()
            recorder.link.submit(parts_of(recorder.link, NUMBER))

            await recorder.link.close(drain_s=0.1)

            assert recorder.closed == ["closed"]

    @in_loop
    async def test_lets_the_smsc_go_after_its_last_answers(self) -> None:
        async with RawSmsc() as smsc, bound(PROVIDER, smpp_config(smsc.port)) as recorder:
            peer = await smsc.peer()
            recorder.link.submit(parts_of(recorder.link, NUMBER))
            submit = await peer.receive_command(SUBMIT_SM)
            peer.send(encode_header(UNBIND, 50))
            assert (await peer.receive_command(UNBIND_RESP)).sequence == 50
            with pytest.raises(Unreachable):
                recorder.link.submit(parts_of(recorder.link, NUMBER))
            peer.send(encode_response(SUBMIT_SM_RESP, submit.sequence, identifier="1"))
            await recorder.until(lambda: recorder.closed)

            assert recorder.results[0].outcome is Outcome.ACCEPTED
            assert len(recorder.closed) == 1

    @in_loop
    async def test_half_of_a_pair_is_no_carrier(self) -> None:
        async with RawSmsc() as smsc:
            config = smpp_config(smsc.port, mode="transmitter_receiver")
            async with bound(PROVIDER, config) as recorder:
                transmitter, receiver = await smsc.peer(), await smsc.peer()
                recorder.link.submit(parts_of(recorder.link, NUMBER))
                submit = await transmitter.receive_command(SUBMIT_SM)
                receiver.close()
                await asyncio.sleep(0.05)
                with pytest.raises(Unreachable):
                    recorder.link.submit(parts_of(recorder.link, NUMBER))
                transmitter.send(encode_response(SUBMIT_SM_RESP, submit.sequence, identifier="1"))
                await transmitter.receive_command(UNBIND)
                transmitter.close()
                await recorder.until(lambda: recorder.closed)

                assert recorder.results[0].outcome is Outcome.ACCEPTED
                assert len(recorder.closed) == 1

    @in_loop
    async def test_a_pair_binds_one_of_each(self) -> None:
        async with running_smsc() as smsc, bound(PROVIDER, smpp_config(smsc.port, mode="transmitter_receiver")):
            assert [session.mode for session in smsc.sessions] == ["transmitter", "receiver"]

    @pytest.mark.parametrize("length", [*range(1, 20), 25, 40])
    @in_loop
    async def test_a_cut_in_the_middle_of_an_answer_leaves_no_result(self, length: int) -> None:
        async with RawSmsc() as smsc, bound(PROVIDER, smpp_config(smsc.port)) as recorder:
            peer = await smsc.peer()
            recorder.link.submit([*parts_of(recorder.link, NUMBER, key=1), *parts_of(recorder.link, NUMBER, key=2)])
            first, second = await peer.receive(), await peer.receive()
            answers = encode_response(SUBMIT_SM_RESP, first.sequence, identifier="abc")
            whole = len(answers)
            answers += encode_response(SUBMIT_SM_RESP, second.sequence, identifier="def")
            peer.send(answers[:length])
            peer.close()
            await recorder.until(lambda: recorder.closed)

            assert len(recorder.results) == length // whole
            assert len(recorder.closed) == 1


class TestCuts:
    """A cut after any octet, in either direction: what was answered was taken, and nothing is answered twice."""

    @pytest.mark.parametrize("direction", ["up", "down"])
    @in_loop
    async def test_leave_results_and_journal_in_agreement(self, tmp_path: Path, direction: str) -> None:
        opened = 0
        for octets in range(0, 1400, 23):
            journal = tmp_path / f"{octets}"
            async with running_smsc(journal) as smsc, CuttingProxy(smsc.port, **{direction: octets}) as proxy:
                link = PROVIDER.link(smpp_config(proxy.port, connect_timeout_s=2), window=10)
                recorder = Recorder(link)
                try:
                    await link.open(recorder)
                except Unreachable:
                    assert recorder.closed == []
                    continue
                opened += 1
                link.submit(one_part_each(link, NUMBER, 10))
                await recorder.until(lambda heard=recorder: heard.closed or len(heard.receipts) == 10)
                await link.close(drain_s=0)

            answered = [result.carrier_id for result in recorder.results]
            report = read_journal(journal)
            accepted = {part.message_id for part in report.accepted}
            assert len(set(answered)) == len(answered)
            assert set(answered) <= accepted
            assert {receipt.carrier_id for receipt in recorder.receipts} <= accepted
            assert len(accepted) <= 10
            assert report.doubles == []
            assert len(recorder.closed) == 1
        assert opened > 30


class TestReceiving:
    @in_loop
    async def test_a_delivery_that_can_not_be_read_is_kept(self) -> None:
        async with RawSmsc() as smsc, bound(PROVIDER, smpp_config(smsc.port)) as recorder:
            peer = await smsc.peer()
            octets = HEADER.pack(20, DELIVER_SM, 0, 6) + b"\xff\xff\xff\xff"
            peer.send(octets)

            acknowledgement = await peer.receive_command(DELIVER_SM_RESP)

            assert acknowledgement.sequence == 6
            assert (recorder.receipts[0].status, recorder.receipts[0].raw) == (ReceiptStatus.PENDING, octets)

    @in_loop
    async def test_a_persons_text_that_looks_like_a_receipt_is_a_text(self) -> None:
        async with RawSmsc() as smsc, bound(PROVIDER, smpp_config(smsc.port)) as recorder:
            peer = await smsc.peer()
            peer.send(deliver_sm(6, esm_class=0))
            await peer.receive_command(DELIVER_SM_RESP)

            assert recorder.receipts == []
            assert recorder.inbound[0].sender == NUMBER

    @in_loop
    async def test_more_than_can_be_stored_goes_back_to_the_smsc(self) -> None:
        async with RawSmsc() as smsc, bound(PROVIDER, smpp_config(smsc.port), stored=None) as recorder:
            peer = await smsc.peer()
            peer.send(b"".join(deliver_sm(sequence) for sequence in range(1, 10_101)))

            refused = [await peer.receive_command(DELIVER_SM_RESP) for _ in range(100)]

            assert {pdu.status for pdu in refused} == {0x64}
            assert len(recorder.receipts) == 10_000
            recorder.link.acknowledge([receipt.token for receipt in recorder.receipts], stored=True)
            assert {(await peer.receive_command(DELIVER_SM_RESP)).status for _ in range(10_000)} == {0}
            peer.send(deliver_sm(20_000))
            await recorder.until(lambda: len(recorder.receipts) == 10_001)

    @in_loop
    async def test_what_waits_to_be_stored_is_bounded_in_octets_too(self) -> None:
        huge = encode_tlv(TAG_MESSAGE_PAYLOAD, b"x" * 60_000)
        async with RawSmsc() as smsc, bound(PROVIDER, smpp_config(smsc.port), stored=None) as recorder:
            peer = await smsc.peer()
            for sequence in range(1, 401):
                peer.send(deliver_sm(sequence, b"", tlvs=huge))
                await peer.writer.drain()

            refused = await peer.receive_command(DELIVER_SM_RESP)

            assert refused.status == 0x64
            assert 16 * 1024**2 <= sum(len(receipt.raw) for receipt in recorder.receipts) < 17 * 1024**2
            recorder.link.acknowledge([receipt.token for receipt in recorder.receipts], stored=True)
            peer.send(deliver_sm(500))
            await recorder.until(lambda: recorder.receipts[-1].carrier_id == "7f")


class TestGarbage:
    @pytest.mark.parametrize("length", [0, 3, 15, 64 * 1024 + 1, 2**32 - 1])
    @in_loop
    async def test_an_impossible_length_costs_the_connection(self, length: int) -> None:
        async with RawSmsc() as smsc, bound(PROVIDER, smpp_config(smsc.port)) as recorder:
            peer = await smsc.peer()
            peer.send(deliver_sm(5) + struct.pack(">IIII", length, DELIVER_SM, 0, 9) + b"x" * 100)
            await recorder.until(lambda: recorder.closed)

            commands = [pdu.command for pdu in await peer.until_closed()]
            assert commands == [DELIVER_SM_RESP, GENERIC_NACK]
            assert len(recorder.receipts) == len(recorder.closed) == 1
        async with running_smsc() as good, bound(PROVIDER, smpp_config(good.port)):
            pass

    @pytest.mark.parametrize("command", [0, 3, 7, 8, 0x0B, 0x21, 0x1234, 0x00010203, 0x7FFFFFFF])
    @in_loop
    async def test_an_unknown_command_is_nacked_and_no_more(self, command: int) -> None:
        async with RawSmsc() as smsc, bound(PROVIDER, smpp_config(smsc.port)) as recorder:
            peer = await smsc.peer()
            peer.send(HEADER.pack(20, command, 0, 9) + b"what")

            nack = await peer.receive_command(GENERIC_NACK)

            assert (nack.status, nack.sequence) == (3, 9)
            assert recorder.closed == []

    @pytest.mark.parametrize("command", [0x102, 0x80000003, 0x80000021, 0x800000FF, UNBIND_RESP, 0x80000009])
    @in_loop
    async def test_what_takes_no_answer_gets_none(self, command: int) -> None:
        async with RawSmsc() as smsc, bound(PROVIDER, smpp_config(smsc.port)) as recorder:
            peer = await smsc.peer()
            peer.send(HEADER.pack(16, command, 0, 9) + encode_header(ENQUIRE_LINK, 10))

            assert (await peer.receive()).command == ENQUIRE_LINK_RESP
            assert recorder.closed == []

    @in_loop
    async def test_ten_thousand_random_pdus_do_no_harm(self) -> None:
        dice = random.Random(5)
        commands = [DELIVER_SM, 0x103, SUBMIT_SM_RESP, ENQUIRE_LINK, GENERIC_NACK, 0x102, 0x80000009]
        async with RawSmsc() as smsc, bound(PROVIDER, smpp_config(smsc.port)) as recorder:
            peer = await smsc.peer()
            recorder.link.submit(one_part_each(recorder.link, NUMBER, 100))
            drain = asyncio.create_task(peer.until_closed())
            for _ in range(100):
                for _pdu in range(100):
                    body = dice.randbytes(dice.randrange(80))
                    command = dice.choice([*commands, dice.getrandbits(32) | 0x10000])
                    sequence = dice.randrange(200)
                    peer.send(HEADER.pack(16 + len(body), command, dice.getrandbits(3), sequence) + body)
                await asyncio.sleep(0)
            peer.send(b"\0" * 16)
            await recorder.until(lambda: recorder.closed)
            await drain

            assert len(recorder.closed) == 1
            assert recorder.receipts
