"""Receipts against the database alone: when they come, and in which order, must not matter."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from psycopg import AsyncConnection

from carriers.base import Receipt, ReceiptStatus
from carriers.models import CarrierAccount, StoredReceipt
from dispatch.models import Batch, BatchState, Message
from dispatch.services import receipts
from dispatch.services.sending.claims import Holder, Rings, claim
from dispatch.services.sending.database import Connection, connect
from dispatch.services.sending.parts import REFERENCES, slot_of
from dispatch.states import Status
from tests.conftest import Cast
from tests.smsc import make_account, make_batch, states, tallied

pytestmark = pytest.mark.usefixtures("committed")
NUMBER = "+819012345678"


def as_carrier(step: Callable[[Connection], Awaitable[object]]) -> None:
    """Run it on a connection of the carrier's role."""

    async def run() -> None:
        connection: AsyncConnection[tuple[object, ...]] = await connect()
        async with connection:
            await step(connection)

    asyncio.run(run())


def receipt(message: Message, *, carrier_id: str = "a1", reference: bool = True) -> Receipt:
    return Receipt(
        carrier_id=carrier_id,
        status=ReceiptStatus.DELIVERED,
        code="0",
        reason="",
        to=NUMBER,
        done_at=None,
        reference=message.pk % REFERENCES if reference else None,
        raw=b"id:a1",
    )


def store(account: CarrierAccount, *found: Receipt) -> None:
    as_carrier(
        lambda connection: receipts.store_and_apply(
            connection, account_id=account.pk, receipts=found, inbound=[], rings=Rings()
        )
    )


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
