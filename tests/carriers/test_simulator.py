"""The simulated SMSC as its customers see it: over TCP, by the provider or by octets, and by its journal."""

from __future__ import annotations

import asyncio
import random
import struct
from pathlib import Path

import orjson
import pytest

from carriers.base import Outcome, ReceiptStatus
from carriers.providers.smpp.carrier import SmppProvider
from carriers.simulator.control import ControlPort
from carriers.simulator.journal import read_journal, read_lines
from carriers.simulator.scripts import SCRIPTS
from carriers.simulator.smsc import Smsc
from carriers.smpp.constants import (
    BIND_TRANSCEIVER,
    DELIVER_SM,
    ENQUIRE_LINK,
    ENQUIRE_LINK_RESP,
    GENERIC_NACK,
    SUBMIT_SM,
    SUBMIT_SM_RESP,
    UNBIND,
    UNBIND_RESP,
)
from carriers.smpp.framing import HEADER
from carriers.smpp.pdus import Address, Bind, MessageEncoder, encode_bind, encode_header
from tests.carriers.lab import (
    PASSWORD,
    SYSTEM_ID,
    RawPeer,
    bound,
    in_loop,
    one_part_each,
    parts_of,
    raw_client,
    running_smsc,
    sending,
    smpp_config,
)

PROVIDER = SmppProvider()
NUMBER = "+819012345678"
DELIVERED, UNDELIVERED, EXPIRED = ReceiptStatus.DELIVERED, ReceiptStatus.UNDELIVERED, ReceiptStatus.EXPIRED
REJECTED, PENDING = ReceiptStatus.REJECTED, ReceiptStatus.PENDING
LONG_TEXT = "長い文" * 30


def scripted_number(script: str, figure: int = 1) -> str:
    return f"+81601{script}{figure}0001"


async def bind_raw(peer: RawPeer, system_id: str = SYSTEM_ID, password: str = PASSWORD) -> int:
    """The status that a bind as transceiver is answered with."""
    peer.send(encode_bind(BIND_TRANSCEIVER, 1, Bind(system_id, password)))
    return (await peer.receive()).status


class TestScripts:
    @pytest.mark.parametrize(
        ("script", "status", "reason"),
        [
            ("00", DELIVERED, ""),
            ("10", UNDELIVERED, "out_of_reach"),
            ("11", UNDELIVERED, "refused_by_recipient"),
            ("12", UNDELIVERED, "not_in_use"),
            ("13", UNDELIVERED, "ported"),
            ("14", UNDELIVERED, "carrier_trouble"),
            ("15", UNDELIVERED, "unknown_code"),
            ("16", REJECTED, "carrier_trouble"),
            ("20", EXPIRED, "expired"),
            ("51", DELIVERED, ""),
            ("74", DELIVERED, ""),
            ("75", DELIVERED, ""),
            ("76", DELIVERED, ""),
            ("77", DELIVERED, ""),
            ("78", DELIVERED, ""),
        ],
    )
    @in_loop
    async def test_one_text_one_receipt(self, script: str, status: ReceiptStatus, reason: str) -> None:
        async with sending(receipt_delay="0.01") as (smsc, recorder):
            recorder.link.submit(parts_of(recorder.link, scripted_number(script)))
            await recorder.until(lambda: recorder.results and (recorder.receipts or recorder.closed))
            if recorder.closed:  # the receipt waits for the next bind
                async with bound(PROVIDER, smpp_config(smsc.port)) as later:
                    await later.until(lambda: later.receipts)
                    recorder.receipts = later.receipts

            receipt = recorder.receipts[0]
            assert recorder.results[0].outcome is Outcome.ACCEPTED
            assert (receipt.status, receipt.reason) == (status, reason)
            assert receipt.carrier_id == recorder.results[0].carrier_id
            assert receipt.to == scripted_number(script)

    @pytest.mark.parametrize(
        ("script", "statuses"),
        [
            ("21", [EXPIRED, DELIVERED]),
            ("60", [DELIVERED] * 5),
            ("62", [UNDELIVERED, DELIVERED]),
            ("63", [DELIVERED, UNDELIVERED]),
            ("64", [PENDING, DELIVERED]),
            ("65", [DELIVERED, DELIVERED]),
        ],
    )
    @in_loop
    async def test_one_text_many_receipts(self, script: str, statuses: list[ReceiptStatus]) -> None:
        async with sending() as (smsc, recorder):
            figure = 5 if script == "60" else 1
            recorder.link.submit(parts_of(recorder.link, scripted_number(script, figure)))
            await recorder.until(lambda: len(recorder.receipts) == len(statuses))

            assert [receipt.status for receipt in recorder.receipts] == statuses
            mine = [receipt.carrier_id == recorder.results[0].carrier_id for receipt in recorder.receipts]
            assert mine.count(False) == (1 if script == "65" else 0)

    @pytest.mark.parametrize(
        ("script", "outcome", "reason"),
        [
            ("30", Outcome.FINAL, "invalid_number"),
            ("31", Outcome.FINAL, "carrier_trouble"),
            ("32", Outcome.FINAL, "unknown_code"),
        ],
    )
    @in_loop
    async def test_refusals_at_submit(self, tmp_path: Path, script: str, outcome: Outcome, reason: str) -> None:
        async with sending(tmp_path / "j") as (smsc, recorder):
            recorder.link.submit(parts_of(recorder.link, scripted_number(script)))
            await recorder.until(lambda: recorder.results)

            assert (recorder.results[0].outcome, recorder.results[0].reason) == (outcome, reason)
        assert read_journal(tmp_path / "j").accepted == []

    @pytest.mark.parametrize(
        ("script", "outcome"), [("33", Outcome.THROTTLED), ("34", Outcome.THROTTLED), ("35", Outcome.RETRY)]
    )
    @in_loop
    async def test_a_text_refused_three_times_is_then_accepted(self, script: str, outcome: Outcome) -> None:
        async with sending() as (smsc, recorder):
            outgoing = parts_of(recorder.link, scripted_number(script, 3))
            for attempt in range(1, 5):
                recorder.link.submit(outgoing)
                await recorder.until(lambda count=attempt: len(recorder.results) == count)

            assert [result.outcome for result in recorder.results] == [outcome] * 3 + [Outcome.ACCEPTED]

    @in_loop
    async def test_an_early_receipt_comes_before_the_answer(self) -> None:
        async with sending(receipt_delay="5") as (smsc, recorder):
            recorder.link.submit(parts_of(recorder.link, scripted_number("61")))
            await recorder.until(lambda: recorder.receipts)
            assert recorder.results == []
            await recorder.until(lambda: recorder.results)

            assert recorder.results[0].carrier_id == recorder.receipts[0].carrier_id

    @in_loop
    async def test_a_slow_answer_does_not_hold_up_the_others(self) -> None:
        async with sending() as (smsc, recorder):
            slow = parts_of(recorder.link, scripted_number("40"), key=1)
            recorder.link.submit([*slow, *parts_of(recorder.link, NUMBER, key=2)])
            await recorder.until(lambda: len(recorder.results) == 2)

            assert [result.key for result in recorder.results] == [2, 1]

    @pytest.mark.parametrize(("script", "taken", "receipted"), [("50", 1, True), ("52", 0, False), ("53", 1, False)])
    @in_loop
    async def test_cuts_instead_of_answering(self, tmp_path: Path, script: str, taken: int, receipted: bool) -> None:
        async with running_smsc(tmp_path / "j") as smsc:
            async with bound(PROVIDER, smpp_config(smsc.port)) as recorder:
                first = parts_of(recorder.link, NUMBER, key=1)
                recorder.link.submit([*first, *parts_of(recorder.link, scripted_number(script), key=2)])
                await recorder.until(lambda: recorder.closed)
                assert list(recorder.outcomes()) == [1]
            async with bound(PROVIDER, smpp_config(smsc.port)) as later:
                await later.until(lambda: len(later.receipts) == 1 + receipted)
        accepted = [part.key.to for part in read_journal(tmp_path / "j").accepted]
        assert accepted.count(scripted_number(script)[1:]) == taken

    @pytest.mark.parametrize(
        ("script", "id_form", "settings"),
        [
            ("70", "hex_to_decimal", {}),
            ("71", "decimal_to_hex", {}),
            ("72", "as_is", {"strip_zeros": True}),
            ("73", "as_is", {"lower": True}),
        ],
    )
    @in_loop
    async def test_ids_are_equal_once_the_account_says_how(
        self, script: str, id_form: str, settings: dict[str, bool]
    ) -> None:
        async with running_smsc() as smsc:
            config = smpp_config(smsc.port, id_form=id_form, **settings)
            async with bound(PROVIDER, config) as recorder:
                recorder.link.submit(parts_of(recorder.link, scripted_number(script)))
                await recorder.until(lambda: recorder.results and recorder.receipts)

                assert recorder.results[0].carrier_id == recorder.receipts[0].carrier_id
            async with bound(PROVIDER, smpp_config(smsc.port)) as careless:
                careless.link.submit(parts_of(careless.link, scripted_number(script)))
                await careless.until(lambda: careless.results and careless.receipts)

                assert careless.results[0].carrier_id != careless.receipts[0].carrier_id

    @in_loop
    async def test_long_texts_fail_in_one_part(self) -> None:
        async with sending() as (smsc, recorder):
            for key, script in ((10, "80"), (20, "81"), (30, "82")):
                recorder.link.submit(parts_of(recorder.link, scripted_number(script), LONG_TEXT, key=key))
            await recorder.until(lambda: len(recorder.results) == 6 and len(recorder.receipts) == 4)

            by_id = {receipt.carrier_id: receipt.status for receipt in recorder.receipts}
            states = {result.key: by_id.get(result.carrier_id) for result in recorder.results}
            assert states == {10: DELIVERED, 11: UNDELIVERED, 20: DELIVERED, 21: None, 30: DELIVERED, 31: None}
            assert recorder.result(31).outcome is Outcome.FINAL

    @in_loop
    async def test_the_journal_says_beforehand_what_each_script_reports(self, tmp_path: Path) -> None:
        silent = {"41", "42", "53"}
        untaken = {"30", "31", "32", "33", "34", "35", "52"}
        cutting = {"50", "51", "52", "53"}
        async with running_smsc(tmp_path / "j") as smsc:
            for script in SCRIPTS:
                async with bound(PROVIDER, smpp_config(smsc.port)) as recorder:
                    recorder.link.submit(parts_of(recorder.link, scripted_number(script)))
                    if script in cutting:
                        await recorder.until(lambda heard=recorder: heard.closed)
                    elif script not in {"40", "42", "43", "61"}:
                        await recorder.until(lambda heard=recorder: heard.results)
                    else:
                        await asyncio.sleep(0.02)
        plans = {part.key.to[5:7]: part.planned for part in read_journal(tmp_path / "j").accepted}
        assert set(plans) == set(SCRIPTS) - untaken
        assert {script for script, plan in plans.items() if not plan} == silent


class TestRates:
    @in_loop
    async def test_throttles_the_share_it_is_told(self) -> None:
        async with sending(throttle_rate=0.3) as (_smsc, recorder):
            recorder.link.submit(one_part_each(recorder.link, NUMBER, 1000))
            await recorder.until(lambda: len(recorder.results) == 1000)

            outcomes = list(recorder.outcomes().values())
            assert 240 < outcomes.count(Outcome.THROTTLED) < 360
            assert outcomes.count(Outcome.ACCEPTED) + outcomes.count(Outcome.THROTTLED) == 1000

    @in_loop
    async def test_reports_the_shares_it_is_told(self) -> None:
        knobs = {"undelivered_rate": 0.3, "expired_rate": 0.2, "silent_rate": 0.1, "duplicate_rate": 0.5}
        async with sending(**knobs) as (_smsc, recorder):
            recorder.link.submit(one_part_each(recorder.link, NUMBER, 1000))
            await recorder.until(lambda: len(recorder.receipts) > 1200 and len(recorder.results) == 1000)
            await recorder.link.close(drain_s=1)

            ids = {receipt.carrier_id: receipt.status for receipt in recorder.receipts}
            states = list(ids.values())
            assert abs(states.count(DELIVERED) - 400) < 60
            assert abs(states.count(UNDELIVERED) - 300) < 60
            assert abs(states.count(EXPIRED) - 200) < 60
            assert 850 < len(ids) < 950
            assert 1.35 < len(recorder.receipts) / len(ids) < 1.65

    @in_loop
    async def test_the_same_seed_gives_the_same_day(self) -> None:
        days = []
        for _ in range(2):
            async with sending(throttle_rate=0.5, undelivered_rate=0.5) as (_smsc, recorder):
                recorder.link.submit(one_part_each(recorder.link, NUMBER, 50))
                await recorder.until(lambda heard=recorder: len(heard.results) == 50)
                days.append([recorder.result(key).outcome for key in range(50)])

        assert days[0] == days[1]

    @in_loop
    async def test_keeps_each_bind_below_its_rate(self) -> None:
        async with sending(rate_limit=20) as (smsc, one), bound(PROVIDER, smpp_config(smsc.port)) as two:
            for recorder in (one, two):
                recorder.link.submit(one_part_each(recorder.link, NUMBER, 60))
                await recorder.until(lambda heard=recorder: len(heard.results) == 60)

                accepted = list(recorder.outcomes().values()).count(Outcome.ACCEPTED)
                assert 20 <= accepted < 50

    @in_loop
    async def test_refuses_what_exceeds_its_window(self) -> None:
        async with sending(window_limit=10, answer_delay="0.1") as (_smsc, recorder):
            recorder.link.submit(one_part_each(recorder.link, NUMBER, 25))
            await recorder.until(lambda: len(recorder.results) == 25)

            outcomes = list(recorder.outcomes().values())
            assert (outcomes.count(Outcome.ACCEPTED), outcomes.count(Outcome.THROTTLED)) == (10, 15)


class TestReceipts:
    @in_loop
    async def test_are_kept_until_somebody_is_bound(self, tmp_path: Path) -> None:
        async with running_smsc(tmp_path / "j", receipt_delay="0.1") as smsc:
            async with bound(PROVIDER, smpp_config(smsc.port)) as recorder:
                recorder.link.submit(one_part_each(recorder.link, NUMBER, 20))
                await recorder.until(lambda: len(recorder.results) == 20)
            stranger = smpp_config(smsc.port, system_id="other", password="other-pw")
            async with bound(PROVIDER, stranger) as other:
                with pytest.raises(TimeoutError):
                    await other.until(lambda: other.receipts, patience_s=0.3)
            async with bound(PROVIDER, smpp_config(smsc.port)) as later:
                await later.until(lambda: len(later.receipts) == 20)
        assert len(read_journal(tmp_path / "j").part_states) == 20

    @in_loop
    async def test_are_shared_between_binds(self) -> None:
        async with running_smsc() as smsc:
            config = smpp_config(smsc.port)
            async with bound(PROVIDER, config) as one, bound(PROVIDER, config) as two:
                one.link.submit(one_part_each(one.link, NUMBER, 100))
                await one.until(lambda: len(one.receipts) >= 50)
                await two.until(lambda: len(one.receipts) + len(two.receipts) == 100)

                assert len(two.receipts) == 50

    @in_loop
    async def test_do_not_go_to_a_transmitter(self) -> None:
        async with (
            sending(account={"mode": "transmitter_receiver"}) as (smsc, recorder),
        ):
            recorder.link.submit(parts_of(recorder.link, NUMBER))
            await recorder.until(lambda: recorder.receipts)

            transmitter, receiver = smsc.sessions
            assert (transmitter.mode, receiver.mode) == ("transmitter", "receiver")
            assert recorder.receipts[0].token[0] is recorder.link._sessions[1]

    @in_loop
    async def test_come_again_when_nobody_answers(self, tmp_path: Path) -> None:
        async with running_smsc(tmp_path / "j", deliver_timeout_s=0.1) as smsc, raw_client(smsc.port) as peer:
            await bind_raw(peer)
            encoder = MessageEncoder(source=Address(5, 0, "Todoke"), registered_delivery=1)
            peer.send(encoder.encode(sequence=2, destination=b"819012345678", text=b"hi", coding=0))
            first = await peer.receive_command(DELIVER_SM)
            second = await peer.receive_command(DELIVER_SM)

            assert first.octets[16:] == second.octets[16:]
            assert first.sequence != second.sequence
        tries = [line["try"] for line in read_lines(tmp_path / "j") if line["kind"] == "receipt"]
        assert tries[:2] == [1, 2]

    @pytest.mark.parametrize(
        ("registered", "number", "expected"),
        [(0, NUMBER, 0), (1, NUMBER, 1), (2, NUMBER, 0), (2, scripted_number("10"), 1)],
    )
    @in_loop
    async def test_come_only_where_they_are_asked_for(self, registered: int, number: str, expected: int) -> None:
        async with sending(account={"registered_delivery": registered}) as (smsc, recorder):
            recorder.link.submit(parts_of(recorder.link, number))
            await recorder.until(lambda: recorder.results)
            await recorder.link.close(drain_s=0)

            assert len(recorder.receipts) == smsc.deliveries.sent == expected

    @in_loop
    async def test_bring_the_reference_back_unless_told_otherwise(self) -> None:
        for echo in (True, False):
            async with sending(echo_reference=echo) as (smsc, recorder):
                outgoing = parts_of(recorder.link, NUMBER)
                recorder.link.submit(outgoing)
                await recorder.until(lambda heard=recorder: heard.receipts)

                assert recorder.receipts[0].reference == (outgoing[0].reference if echo else None)

    @in_loop
    async def test_owed_ones_survive_the_smsc(self, tmp_path: Path) -> None:
        async with sending(tmp_path / "j", receipt_delay="60") as (_smsc, recorder):
            numbers = [NUMBER, scripted_number("12"), scripted_number("70"), scripted_number("41")]
            for key, number in enumerate(numbers):
                recorder.link.submit(parts_of(recorder.link, number, key=key))
            await recorder.until(lambda: len(recorder.results) == 4)
        async with running_smsc(tmp_path / "j") as smsc, bound(PROVIDER, smpp_config(smsc.port)) as later:
            await later.until(lambda: len(later.receipts) == 3)

            states = {receipt.carrier_id: receipt.status for receipt in later.receipts}
            assert states[recorder.result(0).carrier_id] is DELIVERED
            assert states[recorder.result(1).carrier_id] is UNDELIVERED
            assert states[str(int(recorder.result(2).carrier_id, 16))] is DELIVERED
        async with running_smsc(tmp_path / "j") as smsc, bound(PROVIDER, smpp_config(smsc.port)) as last:
            with pytest.raises(TimeoutError):
                await last.until(lambda: last.receipts, patience_s=0.2)


class TestBinds:
    @pytest.mark.parametrize(
        ("system_id", "password", "status"),
        [(SYSTEM_ID, PASSWORD, 0), (SYSTEM_ID, "wrong", 0x0E), ("nobody", PASSWORD, 0x0F), ("other", "other-pw", 0)],
    )
    @in_loop
    async def test_checks_who_binds(self, system_id: str, password: str, status: int) -> None:
        async with running_smsc() as smsc, raw_client(smsc.port) as peer:
            assert await bind_raw(peer, system_id, password) == status

    @in_loop
    async def test_refuses_all_when_told(self) -> None:
        async with running_smsc(refuse_binds=0x0D) as smsc, raw_client(smsc.port) as peer:
            assert await bind_raw(peer) == 0x0D

    @in_loop
    async def test_refuses_a_second_bind_and_a_submit_without_any(self) -> None:
        encoder = MessageEncoder(source=Address(5, 0, "Todoke"))
        submit = encoder.encode(sequence=2, destination=b"819012345678", text=b"hi", coding=0)
        async with running_smsc() as smsc, raw_client(smsc.port) as peer:
            peer.send(submit)
            assert (await peer.receive()).status == 0x04
            assert await bind_raw(peer) == 0
            assert await bind_raw(peer) == 0x05
            peer.send(submit)
            assert (await peer.receive_command(SUBMIT_SM_RESP)).status == 0

    @in_loop
    async def test_lets_its_customers_go(self) -> None:
        async with running_smsc() as smsc, raw_client(smsc.port) as peer:
            await bind_raw(peer)
            peer.send(encode_header(ENQUIRE_LINK, 5) + encode_header(UNBIND, 6))

            assert [(pdu.command, pdu.sequence) for pdu in await peer.until_closed()] == [
                (ENQUIRE_LINK_RESP, 5),
                (UNBIND_RESP, 6),
            ]

    @in_loop
    async def test_hangs_when_told(self) -> None:
        async with running_smsc() as smsc, raw_client(smsc.port) as peer:
            await bind_raw(peer)
            smsc.change({"hang": True})
            peer.send(encode_header(ENQUIRE_LINK, 5))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(peer.receive(), 0.1)
            smsc.change({"hang": False})
            peer.send(encode_header(ENQUIRE_LINK, 6))

            assert (await peer.receive()).sequence == 6


class TestGarbage:
    @pytest.mark.parametrize("length", [0, 3, 15, 64 * 1024 + 1, 2**32 - 1])
    @in_loop
    async def test_an_impossible_length_costs_the_connection(self, length: int) -> None:
        async with running_smsc() as smsc:
            async with raw_client(smsc.port) as peer:
                peer.send(struct.pack(">IIII", length, SUBMIT_SM, 0, 1) + b"x" * 50)

                assert [pdu.command for pdu in await peer.until_closed()] == [GENERIC_NACK]
            async with bound(PROVIDER, smpp_config(smsc.port)):
                assert len(smsc.sessions) == 1

    @in_loop
    async def test_a_broken_submit_is_refused_and_no_more(self) -> None:
        encoder = MessageEncoder(source=Address(5, 0, "Todoke"))
        submit = encoder.encode(sequence=2, destination=b"819012345678", text=b"hi", coding=0)
        async with running_smsc() as smsc, raw_client(smsc.port) as peer:
            await bind_raw(peer)
            for length in range(16, len(submit)):
                peer.send(struct.pack(">I", length) + submit[4:length])
                assert (await peer.receive_command(SUBMIT_SM_RESP)).status == 1

            assert smsc.accepted == 0

    @in_loop
    async def test_ten_thousand_random_pdus_do_no_harm(self) -> None:
        dice = random.Random(6)
        commands = [SUBMIT_SM, 0x80000005, ENQUIRE_LINK, GENERIC_NACK, 1, 2, 9, 0x103, 0x80000004]
        async with running_smsc() as smsc:
            async with raw_client(smsc.port) as peer:
                await bind_raw(peer)
                drain = asyncio.create_task(peer.until_closed())
                for _ in range(100):
                    for _pdu in range(100):
                        body = dice.randbytes(dice.randrange(80))
                        command = dice.choice([*commands, dice.getrandbits(32) | 0x10000])
                        peer.send(HEADER.pack(16 + len(body), command, 0, dice.getrandbits(8)) + body)
                    await asyncio.sleep(0)
                peer.send(b"\0" * 16)
                answers = await drain
            async with bound(PROVIDER, smpp_config(smsc.port)) as recorder:
                recorder.link.submit(parts_of(recorder.link, NUMBER))
                await recorder.until(lambda: recorder.results)

            assert len(answers) > 5_000


async def call(port: int, request: bytes) -> tuple[int, dict[str, object]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), orjson.loads(body)


async def post(port: int, path: str, values: object) -> tuple[int, dict[str, object]]:
    body = orjson.dumps(values)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    return await call(port, head.encode() + body)


class TestControlPort:
    async def start(self, smsc: Smsc) -> ControlPort:
        control = ControlPort(smsc)
        await control.start(port=0)
        return control

    @in_loop
    async def test_shows_and_turns_the_knobs(self) -> None:
        async with sending() as (smsc, recorder):
            control = await self.start(smsc)
            status, behaviour = await post(control.port, "/set", {"refuse_rate": 1, "receipt_delay": "1:2"})
            assert (status, behaviour["refuse_rate"], behaviour["receipt_delay"]) == (200, 1.0, "1:2")
            recorder.link.submit(parts_of(recorder.link, NUMBER))
            await recorder.until(lambda: recorder.results)

            status, state = await call(control.port, b"GET /state HTTP/1.1\r\nHost: x\r\n\r\n")

            assert status == 200
            assert state["refused"] == {"0x00000045": 1}
            assert state["binds"] == [
                {"bind": 1, "system_id": SYSTEM_ID, "mode": "transceiver", "unanswered": 0, "unacknowledged": 0}
            ]
            await control.close()

    @in_loop
    async def test_sends_texts_of_residents_and_cuts_connections(self, tmp_path: Path) -> None:
        async with sending(tmp_path / "j") as (smsc, recorder):
            control = await self.start(smsc)
            texts = [{"from": NUMBER, "to": "Todoke", "text": text} for text in ("はい😀", "no", "長" * 100)]
            assert await post(control.port, "/inbound", texts) == (200, {"sent": 3})
            await recorder.until(lambda: len(recorder.inbound) == 3)
            assert [message.text for message in recorder.inbound] == ["はい😀", "no", "長" * 100]
            assert {(message.sender, message.to) for message in recorder.inbound} == {(NUMBER, "Todoke")}

            assert await post(control.port, "/disconnect", {"bind": 99}) == (200, {"disconnected": 0})
            assert await post(control.port, "/disconnect", {}) == (200, {"disconnected": 1})
            await recorder.until(lambda: recorder.closed)
            await control.close()

    @pytest.mark.parametrize(
        ("path", "values", "status"),
        [
            ("/set", {"refuse_rate": 2}, 400),
            ("/set", {"colour": "red"}, 400),
            ("/set", [], 400),
            ("/inbound", {"from": NUMBER}, 400),
            ("/inbound", {"from": NUMBER, "to": "x", "text": 5}, 400),
            ("/inbound", {"from": "名前", "to": "x", "text": "a"}, 400),
            ("/inbound", [[]], 400),
            ("/disconnect", {"bind": "x"}, 400),
            ("/state", {}, 404),
            ("/", {}, 404),
        ],
    )
    @in_loop
    async def test_says_what_is_wrong(self, path: str, values: object, status: int) -> None:
        async with running_smsc() as smsc:
            control = await self.start(smsc)
            before = smsc.behaviour

            answer = await post(control.port, path, values)

            assert answer[0] == status
            assert answer[1]["error"]
            assert smsc.behaviour == before
            await control.close()

    @pytest.mark.parametrize(
        "request_",
        [
            b"\r\n\r\n",
            b"GET\r\n\r\n",
            b"POST /set HTTP/1.1\r\nContent-Length: x\r\n\r\n",
            b"POST /set HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
            b"POST /set HTTP/1.1\r\nContent-Length: 1\r\n\r\n{",
            b"GET /state HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        ],
        ids=["empty", "one word", "no length", "too long", "no JSON", "long head"],
    )
    @in_loop
    async def test_survives_requests_that_are_none(self, request_: bytes) -> None:
        async with running_smsc() as smsc:
            control = await self.start(smsc)

            status, answer = await call(control.port, request_)

            assert status == 400
            assert answer["error"]
            assert (await call(control.port, b"GET /state HTTP/1.1\r\n\r\n"))[0] == 200
            await control.close()
