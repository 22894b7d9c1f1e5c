"""The pump against the real simulator over TCP; its journal is the judge."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from carriers.models import CarrierAccount
from dispatch.models import Batch, BatchState, EventKind, FollowUp, FollowUpKind, Message, MessageEvent
from dispatch.services.sending import pump
from dispatch.services.sending.worker import CarrierWorker
from dispatch.states import Status
from tests.conftest import Cast
from tests.smsc import Simulator, make_account, make_batch, simulator, states, tallied

pytestmark = pytest.mark.usefixtures("committed")


def numbers(count: int, head: str = "+8190") -> list[str]:
    return [f"{head}{10_000_000 + n:08d}" for n in range(count)]


def send(
    folder: Path,
    arrange: Callable[[int], Any],
    is_over: Callable[[], bool],
    *,
    meanwhile: Callable[[Simulator], Any] | None = None,
    timeout_s: float = 20,
    workers: int = 1,
    **knobs: Any,
) -> Simulator:
    """Start a simulator, arrange for its port, run carrier workers until ``is_over`` says so, stop them in good order."""

    async def run() -> Simulator:
        async with simulator(folder, **knobs) as smsc:
            await sync_to_async(arrange)(smsc.port)
            running = [CarrierWorker() for _ in range(workers)]
            tasks = [asyncio.create_task(worker.run()) for worker in running]
            deadline = time.monotonic() + timeout_s
            while not await sync_to_async(is_over)() and time.monotonic() < deadline:
                if meanwhile is not None:
                    await sync_to_async(meanwhile)(smsc)
                await asyncio.sleep(0.05)
            for worker in running:
                worker.stop()
            await asyncio.wait_for(asyncio.gather(*tasks), 35)
            return smsc

    return asyncio.run(run())


def wait_for(cast: Cast, **expected: int) -> Callable[[], bool]:
    wanted = {Status[name.upper()]: count for name, count in expected.items()}
    return lambda: states(cast) == wanted


class TestSending:
    def test_ends_each_text_as_the_carrier_says(self, acme: Cast, globex: Cast, tmp_path: Path) -> None:
        delivered = numbers(40)
        others = ["+816011000001", "+816011600001", "+816012000001", "+816013000001"]

        def arrange(port: int) -> None:
            make_batch(acme, make_account(port), [*delivered, *others])

        smsc = send(tmp_path, arrange, wait_for(acme, delivered=40, undelivered=1, rejected=1, expired=1, failed=1))

        assert states(acme) == {
            Status.DELIVERED: 40,
            Status.UNDELIVERED: 1,
            Status.REJECTED: 1,
            Status.EXPIRED: 1,
            Status.FAILED: 1,
        }
        assert tallied(acme) == states(acme)
        assert len(smsc.journal().accepted) == 43
        assert smsc.journal().doubles == []
        with acme.scope():
            assert FollowUp.objects.filter(kind=FollowUpKind.NOT_REACHED).count() == 4
            assert [(batch.state, batch.in_flight) for batch in Batch.objects.all()] == [(BatchState.DONE, [])]

    def test_keeps_one_tenants_texts_from_another(self, acme: Cast, globex: Cast, tmp_path: Path) -> None:
        def arrange(port: int) -> None:
            account = make_account(port)
            make_batch(acme, account, numbers(5))
            make_batch(globex, account, numbers(7))

        send(
            tmp_path, arrange, lambda: states(acme) == {Status.DELIVERED: 5} and states(globex) == {Status.DELIVERED: 7}
        )

        assert states(acme) == {Status.DELIVERED: 5}
        assert states(globex) == {Status.DELIVERED: 7}

    def test_goes_from_one_batch_to_the_next_without_a_rest(
        self, acme: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nobody wakes it, and it looked for something more urgent in between, of which there was none."""
        monkeypatch.setattr(pump, "LOOK_S", 60.0)
        monkeypatch.setattr(pump, "URGENT_LOOK_S", 0.0)

        def arrange(port: int) -> None:
            account = make_account(port)
            for head in range(3):
                make_batch(acme, account, numbers(30, f"+819{head}"))

        send(tmp_path, arrange, wait_for(acme, delivered=90), answer_delay=0.02)

        assert states(acme) == {Status.DELIVERED: 90}

    def test_delivers_a_long_text_when_all_its_parts_are(self, acme: Cast, tmp_path: Path) -> None:
        def arrange(port: int) -> None:
            make_batch(acme, make_account(port), numbers(3), text="長い文です。" * 20, parts=2)

        smsc = send(tmp_path, arrange, wait_for(acme, delivered=3))

        assert states(acme) == {Status.DELIVERED: 3}
        assert len(smsc.journal().accepted) == 6
        assert tallied(acme) == {Status.DELIVERED: 3}

    def test_never_delivers_a_long_text_of_which_a_part_failed(self, acme: Cast, tmp_path: Path) -> None:
        def arrange(port: int) -> None:
            make_batch(acme, make_account(port), ["+816018000001"], text="長い文です。" * 20, parts=2)

        send(tmp_path, arrange, wait_for(acme, undelivered=1))

        assert states(acme) == {Status.UNDELIVERED: 1}

    def test_takes_ids_of_any_length(self, acme: Cast, tmp_path: Path) -> None:
        def arrange(port: int) -> None:
            make_batch(acme, make_account(port), numbers(20))

        smsc = send(tmp_path, arrange, wait_for(acme, delivered=20), answer_ids="endless", receipt_ids="endless")

        assert states(acme) == {Status.DELIVERED: 20}
        assert len(smsc.journal().accepted) == 20
        with acme.scope():
            assert len(set(Message.objects.values_list("carrier_id", flat=True))) == 20

    def test_fails_no_text_for_throttling(self, acme: Cast, tmp_path: Path) -> None:
        def arrange(port: int) -> None:
            make_batch(acme, make_account(port), numbers(60))

        smsc = send(tmp_path, arrange, wait_for(acme, delivered=60), throttle_rate=0.3)

        assert states(acme) == {Status.DELIVERED: 60}
        assert smsc.journal().doubles == []
        assert sum(smsc.journal().refused.values()) > 0


class TestUnknown:
    def test_is_what_was_in_flight_when_the_connection_was_cut(self, acme: Cast, tmp_path: Path) -> None:
        cut = ["+816015300001"]  # taken, and cut before the answer; no receipt will come

        def arrange(port: int) -> None:
            make_batch(acme, make_account(port), [*numbers(30), *cut, *numbers(30, "+8180")])

        smsc = send(
            tmp_path, arrange, lambda: Status.QUEUED not in states(acme) and Status.ACCEPTED not in states(acme)
        )

        found = states(acme)
        journal = smsc.journal()
        assert journal.doubles == []
        assert 1 <= found[Status.UNKNOWN] <= 20
        assert found[Status.DELIVERED] + found[Status.UNKNOWN] == 61
        assert tallied(acme) == found
        with acme.scope():
            assert MessageEvent.objects.filter(kind=EventKind.UNKNOWN).exists()

    def test_is_settled_by_a_receipt_that_names_its_reference(self, acme: Cast, tmp_path: Path) -> None:
        def arrange(port: int) -> None:
            make_batch(acme, make_account(port), ["+816015000001"])  # taken, cut, and the receipt comes after the bind

        smsc = send(tmp_path, arrange, wait_for(acme, delivered=1))

        assert states(acme) == {Status.DELIVERED: 1}
        assert len(smsc.journal().accepted) == 1
        with acme.scope():
            assert MessageEvent.objects.filter(kind=EventKind.UNKNOWN).count() == 1


class TestReceipts:
    @pytest.mark.parametrize(
        ("number", "state"),
        [
            ("+816016000001", Status.DELIVERED),  # twice
            ("+816016100001", Status.DELIVERED),  # before the answer
            ("+816016200001", Status.DELIVERED),  # undelivered, then delivered
            ("+816016300001", Status.DELIVERED),  # delivered, then undelivered
            ("+816016500001", Status.DELIVERED),  # and one for an unknown id
            ("+816017400001", Status.DELIVERED),  # by TLV alone
            ("+816017500001", Status.DELIVERED),  # by text alone
            ("+816017800001", Status.DELIVERED),  # by data_sm
        ],
    )
    def test_end_the_text_whatever_their_order_and_form(
        self, acme: Cast, tmp_path: Path, number: str, state: Status
    ) -> None:
        def arrange(port: int) -> None:
            make_batch(acme, make_account(port), [number])

        send(tmp_path, arrange, wait_for(acme, **{state.word: 1}))

        assert states(acme) == {state: 1}
        assert tallied(acme) == {state: 1}


class TestStopping:
    def test_gives_back_what_it_has_not_sent(self, acme: Cast, tmp_path: Path) -> None:
        def arrange(port: int) -> None:
            make_batch(acme, make_account(port), numbers(300))

        smsc = send(tmp_path, arrange, lambda: states(acme).get(Status.DELIVERED, 0) > 20, answer_delay="0.05")

        found = states(acme)
        journal = smsc.journal()
        assert found.get(Status.QUEUED, 0) > 0
        assert found.get(Status.UNKNOWN, 0) == 0
        assert len(journal.accepted) == 300 - found[Status.QUEUED]
        with acme.scope():
            assert [(batch.state, batch.in_flight) for batch in Batch.objects.all()] == [(BatchState.READY, [])]

    def test_ends_a_cancelled_batch_within_two_windows(self, acme: Cast, tmp_path: Path) -> None:
        def arrange(port: int) -> None:
            make_batch(acme, make_account(port), numbers(400))

        def cancel(smsc: Simulator) -> None:
            if states(acme).get(Status.ACCEPTED, 0) + states(acme).get(Status.DELIVERED, 0) > 20:
                with acme.scope():
                    Batch.objects.filter(state=BatchState.CLAIMED).update(stop=BatchState.CANCELLED)

        smsc = send(tmp_path, arrange, lambda: Status.CANCELLED in states(acme), meanwhile=cancel, answer_delay="0.05")

        found = states(acme)
        assert found[Status.CANCELLED] + len(smsc.journal().accepted) == 400
        assert tallied(acme) == found
        with acme.scope():
            assert Message.objects.filter(state=Status.QUEUED).count() == 0


class TestPacing:
    def test_keeps_the_accounts_limit_over_all_its_binds(self, acme: Cast, tmp_path: Path) -> None:
        limit = 100

        def arrange(port: int) -> None:
            account = make_account(port, binds=2, window=50)
            CarrierAccount.objects.using("operator").filter(pk=account.pk).update(texts_per_s=limit)
            for start in range(0, 400, 100):
                make_batch(acme, account, numbers(400)[start : start + 100])

        smsc = send(tmp_path, arrange, wait_for(acme, delivered=400), workers=2)

        instants = sorted(datetime.fromisoformat(part.at).timestamp() for part in smsc.journal().accepted)
        busiest = max(bisect_left(instants, start + 1.0) - place for place, start in enumerate(instants))
        assert {part.bind for part in smsc.journal().accepted} != {1}
        assert busiest <= limit * 1.05 + 1
        assert busiest >= limit * 0.9  # in its best second: a machine with other work to do may lose some of the others
