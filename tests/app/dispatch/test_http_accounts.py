"""Texts and receipts of an account that speaks HTTP, from the batch to the last receipt; the stub is the judge."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.test import Client
from django.utils import timezone

from carriers.errors import NotAuthentic
from carriers.models import CallRefusal, CarrierAccount, CarrierBind, CarrierTally, StoredReceipt, WebhookCall
from carriers.services import configure_account
from dispatch.models import Batch, BatchState, EventKind, Message, MessageEvent, Policy
from dispatch.services.receipts.webhook import take_webhook_call
from dispatch.services.sending.parts import slot_of
from dispatch.services.sending.worker import CarrierWorker
from dispatch.states import Status
from tests.carriers.http_stub import Aggregator, HttpServer, http_config, http_secrets, signed
from tests.conftest import Cast
from tests.smsc import make_batch, states, tallied

pytestmark = pytest.mark.usefixtures("committed", "enqueued")
KEY = {"idempotency_header": "Idempotency-Key"}
CUT_BEFORE_ANSWER = "+816015000001"


def http_account(port: int, *, window: int = 10, name: str = "aggregator", **settings: object) -> CarrierAccount:
    return configure_account(
        name=name,
        provider="http_json",
        config=http_config(port, **settings),
        secrets=http_secrets(),
        window=window,
        binds=1,
        texts_per_s=None,
    )


def numbers(count: int) -> list[str]:
    return [f"+8190{10_000_000 + n:08d}" for n in range(count)]


def call(account: CarrierAccount, body: bytes, headers: dict[str, str]) -> Any:
    return Client().post(
        f"/webhooks/carriers/{account.public_id}", body, content_type="application/json", headers=headers
    )


def send(arrange: Callable[[int], CarrierAccount], is_over: Callable[[], bool], *, timeout_s: float = 25) -> Aggregator:
    """Serve the stub, arrange for its port, run a carrier worker until ``is_over``; receipts come to our webhook."""

    async def run() -> Aggregator:
        accounts: list[CarrierAccount] = []

        async def hear(body: bytes, headers: dict[str, str]) -> int:
            response = await sync_to_async(call)(accounts[0], body, headers)
            return int(response.status_code)

        aggregator = Aggregator(webhook=hear)
        async with HttpServer(aggregator.respond) as server:
            accounts.append(await sync_to_async(arrange)(server.port))
            worker = CarrierWorker()
            task = asyncio.create_task(worker.run())
            deadline = time.monotonic() + timeout_s
            while not await sync_to_async(is_over)() and time.monotonic() < deadline:
                await asyncio.sleep(0.05)
            worker.stop()
            await asyncio.wait_for(task, 35)
            await aggregator.close()
        return aggregator

    return asyncio.run(run())


class TestSending:
    def test_ends_each_text_as_the_carrier_says(self, acme: Cast, globex: Cast) -> None:
        others = ["+816011000001", "+816012000001", "+816013000001", "+816013320001"]
        wanted = {Status.DELIVERED: 31, Status.UNDELIVERED: 1, Status.EXPIRED: 1, Status.FAILED: 1}

        def arrange(port: int) -> CarrierAccount:
            account = http_account(port)
            make_batch(acme, account, [*numbers(30), *others])
            return account

        stub = send(arrange, lambda: states(acme) == wanted)

        assert states(acme) == tallied(acme) == wanted
        assert max(Counter(message["to"] for message in stub.accepted).values()) == 1
        counted = CarrierTally.objects.using("operator").filter(kind="receipt")
        assert sum(tally.n for tally in counted) == 33
        with acme.scope():
            assert [(batch.state, batch.in_flight) for batch in Batch.objects.all()] == [(BatchState.DONE, [])]

    def test_knows_a_text_by_its_receipt_whose_answer_was_lost(self, acme: Cast) -> None:
        def arrange(port: int) -> CarrierAccount:
            account = http_account(port)
            make_batch(acme, account, [CUT_BEFORE_ANSWER])
            return account

        stub = send(arrange, lambda: states(acme) == {Status.DELIVERED: 1})

        assert states(acme) == {Status.DELIVERED: 1}
        assert len(stub.accepted) == 1

    def test_shows_the_operator_which_account_is_refused_and_why(self, acme: Cast) -> None:
        def arrange(port: int) -> CarrierAccount:
            account = http_account(port)
            account.seal_secrets({**http_secrets(), "token": "wrong"})
            account.save(using="operator")
            make_batch(acme, account, numbers(3))
            return account

        send(arrange, lambda: CarrierBind.objects.using("operator").get().state == "refused", timeout_s=10)

        bind = CarrierBind.objects.using("operator").get()
        assert (bind.state, bind.error) == ("refused", "account refused HTTP 401")
        assert states(acme) == {Status.QUEUED: 3}


class TestAfterACrash:
    """A worker died after the intent for two texts; the first of them had reached the carrier."""

    def crashed(self, acme: Cast, account: CarrierAccount, **fields: Any) -> Batch:
        batch = make_batch(acme, account, numbers(3), **fields)
        with acme.scope():
            Batch.objects.filter(pk=batch.pk).update(
                state=BatchState.CLAIMED,
                holder="dead",
                in_flight=[slot_of(0, 1), slot_of(1, 1)],
                lease_until=timezone.now(),
            )
        return batch

    def test_parts_in_flight_are_repeated_where_the_carrier_takes_a_key(self, acme: Cast) -> None:
        def arrange(port: int) -> CarrierAccount:
            account = http_account(port, **KEY)
            self.crashed(acme, account)
            return account

        stub = send(arrange, lambda: states(acme) == {Status.DELIVERED: 3})

        assert states(acme) == tallied(acme) == {Status.DELIVERED: 3}
        assert sorted(message["to"] for message in stub.accepted) == numbers(3)
        with acme.scope():
            assert MessageEvent.objects.filter(kind=EventKind.REPEATED).count() == 2
            assert list(Message.objects.order_by("seq").values_list("tries", flat=True)) == [1, 1, 0]

    def test_and_are_unknown_where_it_takes_none(self, acme: Cast) -> None:
        def arrange(port: int) -> CarrierAccount:
            account = http_account(port)
            self.crashed(acme, account)
            return account

        stub = send(arrange, lambda: states(acme) == {Status.UNKNOWN: 2, Status.DELIVERED: 1})

        assert states(acme) == {Status.UNKNOWN: 2, Status.DELIVERED: 1}
        assert len(stub.accepted) == 1

    def test_and_are_unknown_once_the_batch_was_cancelled(self, acme: Cast) -> None:
        def arrange(port: int) -> CarrierAccount:
            account = http_account(port, **KEY)
            self.crashed(acme, account, stop=BatchState.CANCELLED, policy=Policy.HOLD)
            return account

        stub = send(arrange, lambda: states(acme) == {Status.UNKNOWN: 2, Status.CANCELLED: 1})

        assert states(acme) == {Status.UNKNOWN: 2, Status.CANCELLED: 1}
        assert stub.accepted == []


ENTRY = {"id": "agg-1", "status": "DELIVRD", "to": "+819012345678", "ref": 1}


class TestWebhook:
    def test_stores_before_it_answers_and_the_same_again_once(self, enqueued: list[Any]) -> None:
        account = http_account(1)
        body, headers = signed({"events": [ENTRY, {**ENTRY, "id": "agg-2"}]})

        first, second = call(account, body, headers), call(account, body, headers)

        assert (first.status_code, second.status_code, first.content) == (204, 204, b"")
        stored = list(StoredReceipt.objects.using("operator").order_by("id"))
        assert [(row.carrier_id, row.status, row.message_id) for row in stored] == [
            ("agg-1", "delivered", None),
            ("agg-2", "delivered", None),
        ]
        assert WebhookCall.objects.using("operator").count() == 1
        assert b"9012345678" not in b"".join(bytes(row.sealed) + bytes(row.to_hash or b"") for row in stored)

    @pytest.mark.parametrize(
        ("document", "changes", "headers", "status", "reason"),
        [
            ({"events": [ENTRY]}, {"secret": "another-secret-123"}, None, 401, "wrong_proof"),
            ({"events": [ENTRY]}, {"at": 1_660_532_400}, None, 401, "wrong_time"),
            ({"events": [ENTRY]}, {}, {}, 401, "no_proof"),
            ({"events": []}, {}, None, 400, "no_receipts"),
            ([], {}, None, 400, "no_receipts"),
            ({"events": [ENTRY], "x": "x" * 1_100_000}, {}, None, 413, ""),
        ],
        ids=["another secret", "of long ago", "unsigned", "without events", "no object", "too large"],
    )
    def test_refuses_everything_else_in_no_words_and_keeps_why(
        self, document: Any, changes: dict[str, Any], headers: dict[str, str] | None, status: int, reason: str
    ) -> None:
        body, signature = signed(document, **changes)

        response = call(http_account(1), body, signature if headers is None else headers)

        assert (response.status_code, response.content) == (status, b"")
        assert [mark.reason for mark in CallRefusal.objects.using("operator").all()] == ([reason] if reason else [])
        assert not StoredReceipt.objects.using("operator").exists()
        assert not WebhookCall.objects.using("operator").exists()

    def test_of_nobody_is_not_there(self) -> None:
        body, headers = signed({"events": [ENTRY]})
        without = http_account(1, name="without", receipts={})

        assert Client().post(f"/webhooks/carriers/{uuid4()}", body, content_type="application/json").status_code == 404
        assert call(without, body, headers).status_code == 404
        assert Client().get(f"/webhooks/carriers/{without.public_id}").status_code == 405
        assert not CallRefusal.objects.using("operator").exists()

    def test_of_an_account_that_is_of_no_use_is_asked_for_again(self) -> None:
        account = http_account(1)
        CarrierAccount.objects.using("operator").update(config={})

        response = call(account, *signed({"events": [ENTRY]}))

        assert (response.status_code, response.content) == (500, b"")
        assert CallRefusal.objects.using("operator").get().reason == "failed"


class TestRefusedCalls:
    """However many come, an account has one row, which is written every few seconds at most."""

    def test_are_one_row_written_now_and_then(self) -> None:
        account, now = http_account(1), timezone.now()
        for ms in (0, 10, 4_900, 5_100, 5_200):
            refused_call(account, now=now + timedelta(milliseconds=ms))

        (mark,) = CallRefusal.objects.using("operator").all()
        assert (mark.account_id, mark.refused_at) == (account.pk, now + timedelta(milliseconds=5_100))

    def test_of_one_account_are_not_anothers(self) -> None:
        one, other = http_account(1), http_account(2, name="other")
        refused_call(one, now=timezone.now())

        assert not CallRefusal.objects.using("operator").filter(account=other).exists()

    def test_are_followed_by_the_first_that_was_taken(self) -> None:
        account, now = http_account(1), timezone.now()
        refused_call(account, now=now)
        for seconds in (1, 2):
            at = now + timedelta(seconds=seconds)
            body, headers = signed({"events": [{**ENTRY, "id": f"agg-{seconds}"}]})
            take_webhook_call(account_id=account.public_id, headers=headers, body=body, now=at)

        assert CallRefusal.objects.using("operator").get().authentic_at == now + timedelta(seconds=1)


def refused_call(account: CarrierAccount, *, now: datetime) -> None:
    with pytest.raises(NotAuthentic):
        take_webhook_call(account_id=account.public_id, headers={"X-Signature": "sha256=00"}, body=b"{}", now=now)
