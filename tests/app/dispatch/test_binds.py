"""Who holds a bind, how long it rests after a failure, and that an operator's change reaches whoever holds it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from carriers.models import BindState, CarrierAccount, CarrierBind
from carriers.services import configure_account
from carriers.simulator.journal import read_lines
from carriers.smpp.constants import ESME_RBINDFAIL, ESME_RINVPASWD
from dispatch.pacing import REFUSED_REST_S
from dispatch.services.sending.worker import CarrierWorker
from dispatch.states import Status
from tests.carriers.http_stub import Aggregator, HttpServer, http_config, http_secrets
from tests.conftest import Cast
from tests.smsc import PASSWORD, SYSTEM_ID, Simulator, make_account, make_batch, simulator, states

pytestmark = pytest.mark.usefixtures("committed", "enqueued")
TO = "+819012345678"
REFUSAL = "bind refused: ESME_RINVPASWD 0x0000000E"
Step = Callable[[Simulator], Awaitable[None]]


def binds(**wanted: Any) -> list[CarrierBind]:
    return list(CarrierBind.objects.using("operator").filter(**wanted).order_by("account_id", "number"))


async def until(condition: Callable[[], object], *, timeout_s: float = 15) -> None:
    deadline = time.monotonic() + timeout_s
    while not await sync_to_async(condition)():
        assert time.monotonic() < deadline, "it never came"
        await asyncio.sleep(0.05)


def working(folder: Path, step: Step, *, workers: int = 1, **knobs: Any) -> Simulator:
    """Run a simulator and carrier workers while ``step`` arranges and looks; stop them in good order."""

    async def run() -> Simulator:
        async with simulator(folder, **knobs) as smsc:
            running = [CarrierWorker() for _ in range(workers)]
            tasks = [asyncio.create_task(worker.run()) for worker in running]
            try:
                await step(smsc)
            finally:
                for worker in running:
                    worker.stop()
                await asyncio.wait_for(asyncio.gather(*tasks), 35)
            return smsc

    return asyncio.run(run())


class TestRefusedBind:
    def test_rests_for_all_workers_and_still_shows_that_there_is_one(self, tmp_path: Path) -> None:
        async def step(smsc: Simulator) -> None:
            await sync_to_async(make_account)(smsc.port)
            await until(lambda: binds(state=BindState.REFUSED, holder=""))
            long_ago = timezone.now() - timedelta(seconds=20)
            await sync_to_async(CarrierBind.objects.using("operator").update)(seen_at=long_ago)
            await until(lambda: binds(seen_at__gt=long_ago))

        smsc = working(tmp_path, step, workers=3, refuse_binds=ESME_RINVPASWD)

        (bind,) = binds()
        assert (bind.state, bind.error, bind.failures) == (BindState.REFUSED, REFUSAL, 1)
        assert bind.lease_until is not None
        rest_s = (bind.lease_until - bind.state_at).total_seconds()
        assert REFUSED_REST_S / 2 - 1 <= rest_s <= REFUSED_REST_S + 1
        assert smsc.smsc.refused_binds == 1

    def test_keeps_no_worker_from_the_next_account(self, acme: Cast, tmp_path: Path) -> None:
        async def step(smsc: Simulator) -> None:
            wrong = await sync_to_async(account_named)("wrong", smsc.port, password="not it")
            await sync_to_async(CarrierAccount.objects.using("operator").filter(pk=wrong.pk).update)(rank=1)
            await until(lambda: binds(state=BindState.REFUSED, holder=""))
            right = await sync_to_async(make_account)(smsc.port)
            await sync_to_async(make_batch)(acme, right, [TO])
            await until(lambda: states(acme) == {Status.DELIVERED: 1})

        working(tmp_path, step)

    def test_is_tried_at_once_when_its_account_was_mended(self, tmp_path: Path) -> None:
        async def step(smsc: Simulator) -> None:
            await sync_to_async(account_named)("one", smsc.port, password="not it")
            await until(lambda: binds(state=BindState.REFUSED, holder=""))
            await sync_to_async(account_named)("one", smsc.port)
            await until(lambda: binds(state=BindState.BOUND), timeout_s=10)

        working(tmp_path, step)

        assert binds()[0].failures == 0


class TestUnreachableBind:
    def test_rests_longer_after_each_failure_whichever_worker_tries(self, tmp_path: Path) -> None:
        async def step(smsc: Simulator) -> None:
            await sync_to_async(make_account)(smsc.port)
            await until(lambda: binds(failures__gte=3))

        working(tmp_path, step, workers=2, refuse_binds=ESME_RBINDFAIL)
        (bind,) = binds()
        assert bind.lease_until is not None
        assert bind.lease_until - bind.state_at > timedelta(seconds=1.5)


class TestChangedAccount:
    def test_is_taken_up_by_whoever_holds_its_bind(self, acme: Cast, tmp_path: Path) -> None:
        async def step(smsc: Simulator) -> None:
            await sync_to_async(make_account)(smsc.port)
            await until(lambda: binds(state=BindState.BOUND))
            account = await sync_to_async(make_account)(smsc.port, source_addr="Second")
            await until(lambda: [session.bind for session in smsc.smsc.sessions] == [2])
            await sync_to_async(make_batch)(acme, account, [TO])
            await until(lambda: states(acme) == {Status.DELIVERED: 1})

        smsc = working(tmp_path, step)

        lines = read_lines(smsc.journal_path)
        assert [line["from"] for line in lines if line["kind"] == "submit"] == ["Second"]

    def test_that_is_switched_off_is_let_go(self, tmp_path: Path) -> None:
        async def step(smsc: Simulator) -> None:
            await sync_to_async(make_account)(smsc.port)
            await until(lambda: binds(state=BindState.BOUND))
            await sync_to_async(CarrierAccount.objects.using("operator").update)(is_enabled=False)
            await until(lambda: not smsc.smsc.sessions and binds(state=BindState.DOWN, holder=""))

        working(tmp_path, step)


class TestRefusedAccount:
    def test_of_an_api_without_a_question_is_shown_as_refused_once_it_says_so(self, acme: Cast) -> None:
        """Nothing can be asked when the link opens, so the first text finds out: it waits, and the operator sees why."""

        async def run() -> Aggregator:
            stub = Aggregator()
            async with HttpServer(stub.respond) as server:
                account = await sync_to_async(configure_account)(
                    name="aggregator",
                    provider="http_json",
                    config=http_config(server.port, check_url=""),
                    secrets={**http_secrets(), "token": "wrong"},
                    window=10,
                    binds=1,
                    texts_per_s=None,
                )
                await sync_to_async(make_batch)(acme, account, [TO, "+819012345679"])
                worker = CarrierWorker()
                task = asyncio.create_task(worker.run())
                await until(lambda: binds(state=BindState.REFUSED, holder=""))
                worker.stop()
                await task
            await stub.close()
            return stub

        stub = asyncio.run(run())

        assert [bind.error for bind in binds()] == ["account refused: 4010"]
        assert states(acme) == {Status.QUEUED: 2}
        assert stub.accepted == []


def account_named(name: str, port: int, *, password: str = PASSWORD) -> CarrierAccount:
    return configure_account(
        name=name,
        provider="smpp",
        config={"host": "127.0.0.1", "port": port, "system_id": SYSTEM_ID},
        secrets={"password": password},
        window=10,
        binds=1,
        texts_per_s=None,
    )
