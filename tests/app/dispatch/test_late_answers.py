"""Answers that an old holder records after another took its batch over: facts, whoever brings them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from carriers.base import Outcome, ReceiptStatus, SubmitResult
from carriers.models import CarrierAccount
from dispatch.models import EventKind, Message, MessageEvent
from dispatch.services.sending import windows
from dispatch.services.sending.claims import Holder, Rings, claim
from dispatch.services.sending.database import Connection
from dispatch.services.sending.windows import Answered, Window
from dispatch.states import Status
from tests.app.dispatch.test_receipts import NUMBER, as_carrier, receipt, store
from tests.conftest import Cast
from tests.smsc import make_account, make_batch, states, tallied

pytestmark = pytest.mark.usefixtures("committed")

OVERTAKEN = "UPDATE dispatch_batch SET lease_until = clock_timestamp() - interval '1 s'"


def sent_and_overtaken(cast: Cast, result: SubmitResult) -> CarrierAccount:
    """A worker sent the only text and stood still; another found it unknown; then the first records this answer."""
    account = make_account(2775)
    make_batch(cast, account, [NUMBER])

    async def step(connection: Connection) -> None:
        old = await claim(connection, Holder(account.pk, "old"), Rings())
        assert old is not None
        part = old.waiting.popleft()
        old.intended.add(part.slot)
        await windows.commit(connection, Window([], [old]), account_id=account.pk)
        await connection.execute(OVERTAKEN)
        await claim(connection, Holder(account.pk, "new"), Rings())
        old.intended.discard(part.slot)
        answer = Answered(part, result, datetime.now(UTC))
        await windows.commit(connection, Window([answer], [old]), account_id=account.pk)
        assert old.is_lost

    as_carrier(step)
    return account


class TestLateAnswer:
    def test_settles_what_was_unknown(self, acme: Cast) -> None:
        sent_and_overtaken(acme, SubmitResult(0, Outcome.ACCEPTED, "a1"))

        assert states(acme) == tallied(acme) == {Status.ACCEPTED: 1}
        with acme.scope():
            assert Message.objects.get().carrier_id == "a1"
            assert MessageEvent.objects.filter(kind=EventKind.LATE_ANSWER).exists()

    def test_that_nobody_knows_leaves_the_way_open_for_every_receipt(self, acme: Cast) -> None:
        account = sent_and_overtaken(acme, SubmitResult(0, Outcome.UNKNOWN, code="closed"))
        assert states(acme) == {Status.UNKNOWN: 1}

        with acme.scope():
            message = Message.objects.get()
        for status in (ReceiptStatus.UNDELIVERED, ReceiptStatus.DELIVERED):
            store(account, receipt(message, status=status))

        assert states(acme) == tallied(acme) == {Status.DELIVERED: 1}

    def test_of_a_lasting_no_ends_it(self, acme: Cast) -> None:
        sent_and_overtaken(acme, SubmitResult(0, Outcome.FINAL, code="0x0000000B", reason="bad_number"))

        assert states(acme) == tallied(acme) == {Status.FAILED: 1}
