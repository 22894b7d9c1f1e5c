"""Receipts against the database alone: when they come, and in which order, must not matter."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from psycopg import AsyncConnection

from carriers.base import Receipt, ReceiptStatus
from carriers.models import CarrierAccount, StoredReceipt
from dispatch.models import Batch, BatchState, CarrierId, Message, MessageEvent, MessagePart, Tally
from dispatch.services import receipts
from dispatch.services.sending.claims import Holder, Rings, claim
from dispatch.services.sending.database import Connection, connect
from dispatch.services.sending.parts import REFERENCES, slot_of
from dispatch.states import Status
from tests.app.dispatch.test_pump import send as run_worker
from tests.conftest import Cast
from tests.smsc import make_account, make_batch, states, tallied

pytestmark = pytest.mark.usefixtures("committed")
NUMBER = "+819012345678"
ENDS = {
    ReceiptStatus.DELIVERED: Status.DELIVERED,
    ReceiptStatus.REJECTED: Status.REJECTED,
    ReceiptStatus.UNDELIVERED: Status.UNDELIVERED,
    ReceiptStatus.EXPIRED: Status.EXPIRED,
}


def as_carrier(step: Callable[[Connection], Awaitable[object]]) -> None:
    """Run it on a connection of the carrier's role."""

    async def run() -> None:
        connection: AsyncConnection[tuple[object, ...]] = await connect()
        async with connection:
            await step(connection)

    asyncio.run(run())


def receipt(
    message: Message,
    *,
    carrier_id: str = "a1",
    reference: bool = True,
    status: ReceiptStatus = ReceiptStatus.DELIVERED,
) -> Receipt:
    return Receipt(
        carrier_id=carrier_id,
        status=status,
        code="0",
        reason="",
        to=NUMBER,
        done_at=None,
        reference=message.pk % REFERENCES if reference else None,
        raw=b"id:a1",
    )


def store(account: CarrierAccount, *found: Receipt) -> None:
    store_apart(account, [found])


def store_apart(account: CarrierAccount, groups: Iterable[Sequence[Receipt]]) -> None:
    """Each group in a transaction of its own, one after the other."""

    async def step(connection: Connection) -> None:
        for found in groups:
            await receipts.store_and_apply(connection, account_id=account.pk, receipts=found, inbound=[], rings=Rings())

    as_carrier(step)


def rematch(account: CarrierAccount) -> None:
    as_carrier(lambda connection: receipts.rematch(connection, account_id=account.pk, within_s=60, rings=Rings()))


def die_in_mid_send(cast: Cast, batch: Batch) -> Message:
    """Its worker stopped after the intent and before the answer, and its lease has run out."""
    with cast.scope():
        Batch.objects.filter(pk=batch.pk).update(
            state=BatchState.CLAIMED, in_flight=[slot_of(0, 1)], lease_until="2022-01-01T00:00:00Z"
        )
        return Message.objects.get()


def recover(account: CarrierAccount) -> None:
    as_carrier(lambda connection: claim(connection, Holder(account.pk, "test"), Rings()))


def accepted(cast: Cast, account: CarrierAccount, count: int, *, parts: int = 1) -> list[Message]:
    """Texts that the carrier took: text n by the id "n", its part p by "n.p"."""
    make_batch(cast, account, [NUMBER] * count, parts=parts)
    with cast.scope():
        Message.objects.update(state=Status.ACCEPTED, accepted_at="2022-08-15T03:00:00Z")
        messages = list(Message.objects.order_by("seq"))
        for n, message in enumerate(messages):
            if parts == 1:
                message.carrier_id = str(n)
                message.save(update_fields=["carrier_id"])
                CarrierId.objects.using("carrier").create(
                    account_id=account.pk, carrier_id=str(n), message_id=message.pk
                )
                continue
            for part in range(1, parts + 1):
                MessagePart.objects.create(
                    message=message, part=part, state=Status.ACCEPTED, account_id=account.pk, carrier_id=f"{n}.{part}"
                )
        Tally.objects.update(state=Status.ACCEPTED)
    return messages


class TestReceiptsInAnyOrder:
    def test_the_highest_stands(self, acme: Cast) -> None:
        account = make_account(2775)
        orders = [order for size in range(1, 5) for order in permutations(ENDS, size)]
        messages = accepted(acme, account, len(orders))

        store_apart(
            account,
            (
                [receipt(message, carrier_id=str(n), status=status)]
                for n, (message, order) in enumerate(zip(messages, orders, strict=True))
                for status in order
            ),
        )

        with acme.scope():
            found = dict(Message.objects.values_list("seq", "state"))
        assert found == {n: max(ENDS[status] for status in order) for n, order in enumerate(orders)}
        assert tallied(acme) == states(acme)

    def test_all_at_once_and_five_times_each_it_is_the_same(self, acme: Cast) -> None:
        account = make_account(2775)
        orders = list(permutations(ENDS, 2))
        messages = accepted(acme, account, len(orders))

        store(
            account,
            *(
                receipt(message, carrier_id=str(n), status=status)
                for n, (message, order) in enumerate(zip(messages, orders, strict=True))
                for status in order * 5
            ),
        )

        with acme.scope():
            found = dict(Message.objects.values_list("seq", "state"))
        assert found == {n: max(ENDS[status] for status in order) for n, order in enumerate(orders)}
        assert tallied(acme) == states(acme)
        assert StoredReceipt.objects.using("carrier").count() == 10 * len(orders)

    def test_one_for_an_unknown_id_is_kept_without_a_message(self, acme: Cast) -> None:
        account = make_account(2775)
        (message,) = accepted(acme, account, 1)

        store(account, receipt(message, carrier_id="strange"))

        assert StoredReceipt.objects.using("carrier").get().message_id is None
        assert states(acme) == {Status.ACCEPTED: 1}


class TestReceiptThatTheDatabaseWouldRefuse:
    @pytest.mark.parametrize(
        "changes",
        [
            {"carrier_id": "9" * 71},
            {"carrier_id": "a\0b"},
            {"code": "0" * 21},
            {"code": "\0"},
            {"reference": 2**32 - 1},
        ],
    )
    def test_is_stored_as_far_as_it_goes_and_its_neighbours_too(self, acme: Cast, changes: dict[str, Any]) -> None:
        account = make_account(2775)
        first, second = accepted(acme, account, 2)
        odd = receipt(first, carrier_id="0", status=ReceiptStatus.UNDELIVERED)

        store(account, replace(odd, **changes), receipt(second, carrier_id="1"))

        assert StoredReceipt.objects.using("carrier").count() == 2
        with acme.scope():
            assert Message.objects.get(pk=second.pk).status is Status.DELIVERED


class TestTextInParts:
    @pytest.mark.parametrize(
        "missing", [None, ReceiptStatus.UNDELIVERED, ReceiptStatus.EXPIRED, ReceiptStatus.REJECTED]
    )
    def test_is_never_delivered_while_a_part_is_not(self, acme: Cast, missing: ReceiptStatus | None) -> None:
        account = make_account(2775)
        told = [(1, ReceiptStatus.DELIVERED), (2, ReceiptStatus.DELIVERED), *([(3, missing)] if missing else [])]
        orders = list(permutations(told))
        messages = accepted(acme, account, len(orders), parts=3)

        store_apart(
            account,
            (
                [receipt(message, carrier_id=f"{n}.{part}", status=status)]
                for n, (message, order) in enumerate(zip(messages, orders, strict=True))
                for part, status in order
            ),
        )

        assert states(acme) == {ENDS[missing] if missing else Status.ACCEPTED: len(orders)}
        assert tallied(acme) == states(acme)

    def test_is_delivered_once_every_part_is_whatever_was_said_before(self, acme: Cast) -> None:
        account = make_account(2775)
        told = [(1, ReceiptStatus.EXPIRED), (1, ReceiptStatus.DELIVERED), (2, ReceiptStatus.DELIVERED)]
        orders = list(permutations(told))
        messages = accepted(acme, account, len(orders), parts=2)

        store_apart(
            account,
            (
                [receipt(message, carrier_id=f"{n}.{part}", status=status)]
                for n, (message, order) in enumerate(zip(messages, orders, strict=True))
                for part, status in order
            ),
        )

        assert states(acme) == {Status.DELIVERED: len(orders)}


class TestIds:
    @pytest.mark.parametrize(
        ("head", "config"),
        [
            ("+8160170", {"id_form": "hex_to_decimal"}),
            ("+8160171", {"id_form": "decimal_to_hex"}),
            ("+8160172", {"strip_zeros": True}),
            ("+8160173", {"lower": True}),
        ],
    )
    def test_match_as_the_account_says(self, acme: Cast, tmp_path: Path, head: str, config: dict[str, Any]) -> None:
        def arrange(port: int) -> None:
            make_batch(acme, make_account(port, **config), [f"{head}0{n:04d}" for n in range(20)])

        run_worker(tmp_path, arrange, lambda: states(acme) == {Status.DELIVERED: 20})

        assert states(acme) == {Status.DELIVERED: 20}
        with acme.scope():
            assert not MessageEvent.objects.exists()


class TestReceiptOfATextWhoseAnswerWasLost:
    @pytest.mark.parametrize("reference", [True, False])
    def test_settles_it_though_it_came_before_anybody_knew(self, acme: Cast, reference: bool) -> None:
        account = make_account(2775)
        message = die_in_mid_send(acme, make_batch(acme, account, [NUMBER]))

        store(account, receipt(message, reference=reference))  # the link is back before the batch is taken up
        recover(account)
        rematch(account)

        assert states(acme) == {Status.DELIVERED: 1}
        assert tallied(acme) == {Status.DELIVERED: 1}
        assert StoredReceipt.objects.using("carrier").get().message_id == message.pk

    def test_of_an_older_text_to_the_same_number_settles_nothing(self, acme: Cast) -> None:
        account = make_account(2775)
        batch = make_batch(acme, account, [NUMBER])
        with acme.scope():
            older = Message.objects.get()
        store(account, receipt(older, reference=False))
        with acme.scope():
            Message.objects.update(created_at="2099-01-01T00:00:00Z")
        die_in_mid_send(acme, batch)

        recover(account)
        rematch(account)

        assert states(acme) == {Status.UNKNOWN: 1}
