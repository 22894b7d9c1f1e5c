"""A sick account loses its waiting texts to the next one, and gets new ones again when it is well."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from carriers.models import AccountHealth, BindState, CarrierAccount, CarrierBind, CarrierTally, StoredReceipt
from dispatch.models import (
    Batch,
    BatchState,
    CarrierId,
    EventKind,
    FollowUp,
    FollowUpKind,
    Message,
    MessageEvent,
    MessagePart,
    Policy,
)
from dispatch.selectors.accounts import router_for
from dispatch.services.sending.parts import slot_of
from dispatch.services.watching import forget_webhook_calls, watch_accounts
from dispatch.states import Status
from dispatch.task_names import PUMP
from tests.app.dispatch.test_http_accounts import call, http_account
from tests.carriers.http_stub import signed
from tests.conftest import Cast
from tests.factories.dispatch import make_account
from tests.smsc import make_batch, states, tallied

pytestmark = pytest.mark.usefixtures("committed")
TO = "+819012345678"


@pytest.fixture
def first() -> CarrierAccount:
    return make_account("first", rank=1)


@pytest.fixture
def second() -> CarrierAccount:
    return make_account("second", rank=2)


def show(account: CarrierAccount, *, now: datetime, state: str = BindState.BOUND, error: str = "") -> None:
    CarrierBind.objects.using("operator").filter(account=account).update(state=state, seen_at=now, error=error)


def count(account: CarrierAccount, *, now: datetime, **numbers: int) -> None:
    minute = now.replace(second=0, microsecond=0)
    for kind, n in numbers.items():
        CarrierTally.objects.using("operator").create(account=account, minute=minute, kind=kind, n=n)


def health(account: CarrierAccount) -> AccountHealth:
    return AccountHealth.objects.using("operator").get(account=account)


def chosen(cast: Cast) -> int:
    with cast.scope():
        return router_for(cast.tenant.pk).choose(TO).account.account_id


def fall_sick(first: CarrierAccount, second: CarrierAccount) -> datetime:
    """The first account is refused; answers the instant."""
    now = timezone.now()
    show(first, now=now, state=BindState.REFUSED, error="bind refused 0x0000000E")
    show(second, now=now)
    watch_accounts(now=now)
    return now


class TestHealth:
    def test_is_kept_with_its_reason_and_since_when(self, first: CarrierAccount, second: CarrierAccount) -> None:
        now = fall_sick(first, second)
        watch_accounts(now=now + timedelta(seconds=5))

        sick = health(first)
        assert (sick.is_healthy, sick.reason, sick.detail) == (False, "refused", "bind refused 0x0000000E")
        assert (sick.since, sick.checked_at) == (now, now + timedelta(seconds=5))
        assert health(second).is_healthy

    def test_falls_by_trouble_and_rises_after_a_while(self, acme: Cast, first: CarrierAccount, second: Any) -> None:
        now = timezone.now()
        show(first, now=now)
        show(second, now=now)
        count(first, now=now, submitted=5, error=25, trouble=25)
        watch_accounts(now=now)
        assert (health(first).reason, health(first).detail) == ("failing", "25 / 30")
        assert chosen(acme) == second.pk

        for seconds in (60, 120, 200, 259, 261):
            for account in (first, second):
                show(account, now=now + timedelta(seconds=seconds))
            watch_accounts(now=now + timedelta(seconds=seconds))
            expected = second.pk if seconds < 260 else first.pk

            assert chosen(acme) == expected

    def test_falls_thirty_seconds_after_the_last_bind(self, first: CarrierAccount) -> None:
        now = timezone.now()
        show(first, now=now)
        for seconds, is_healthy in ((0, True), (29, True), (31, False)):
            watch_accounts(now=now + timedelta(seconds=seconds))

            assert health(first).is_healthy is is_healthy

    def test_is_judged_anew_after_nobody_looked(self, first: CarrierAccount) -> None:
        now = timezone.now()
        show(first, now=now, state=BindState.REFUSED)
        watch_accounts(now=now)
        later = now + timedelta(hours=8)
        show(first, now=later)

        watch_accounts(now=later)

        assert health(first).is_healthy


class TestWaitingTexts:
    def test_go_by_the_next_account_in_parts_as_it_cuts(
        self, acme: Cast, first: CarrierAccount, second: CarrierAccount, enqueued: list[Any]
    ) -> None:
        second = http_account(1, name="whole")
        show(second, now=timezone.now())
        CarrierAccount.objects.using("operator").filter(name="second").update(is_enabled=False)
        make_batch(acme, first, [TO, "+819011112222"], text="長い文です。" * 20, parts=2, priority=5)

        fall_sick(first, second)

        with acme.scope():
            old, new = Batch.objects.order_by("id")
            assert (old.state, old.size, new.state, new.size) == (BatchState.DONE, 0, BatchState.READY, 2)
            assert (new.account_id, new.priority) == (second.pk, 5)
            assert set(Message.objects.values_list("batch_id", "account_id", "parts", "state")) == {
                (new.pk, second.pk, 1, Status.QUEUED)
            }
            told = MessageEvent.objects.filter(kind=EventKind.REROUTED)
            assert list(told.values_list("detail", flat=True)) == [f"{first.name} → whole: refused"] * 2
        assert (PUMP, {"account_id": second.pk}) in enqueued

    def test_stay_where_nothing_else_carries_them(
        self, acme: Cast, first: CarrierAccount, second: CarrierAccount
    ) -> None:
        CarrierAccount.objects.using("operator").filter(pk=second.pk).update(prefixes=["+8180"])
        make_batch(acme, first, [TO, "+818011112222"])

        fall_sick(first, second)

        with acme.scope():
            assert set(Message.objects.values_list("seq", "account_id")) == {(0, first.pk), (1, second.pk)}
            assert [batch.state for batch in Batch.objects.all()] == [BatchState.READY] * 2

    @pytest.mark.parametrize(
        "fields",
        [
            {"state": BatchState.CLAIMED},
            {"state": BatchState.READY, "in_flight": [257]},
            {"state": BatchState.PAUSED},
            {"state": BatchState.STUCK},
        ],
    )
    def test_stay_while_something_may_have_left(
        self, acme: Cast, first: CarrierAccount, second: CarrierAccount, fields: dict[str, Any]
    ) -> None:
        make_batch(acme, first, [TO], **fields)

        fall_sick(first, second)

        with acme.scope():
            assert list(Message.objects.values_list("account_id", flat=True)) == [first.pk]

    def test_stay_once_a_part_was_taken(self, acme: Cast, first: CarrierAccount, second: CarrierAccount) -> None:
        make_batch(acme, first, [TO], text="長い文です。" * 20, parts=2)
        with acme.scope():
            MessagePart.objects.create(
                message=Message.objects.get(), part=1, state=Status.ACCEPTED, account_id=first.pk, carrier_id="a"
            )

        fall_sick(first, second)

        with acme.scope():
            assert Message.objects.get().account_id == first.pk

    def test_stay_when_every_account_is_sick(self, acme: Cast, first: CarrierAccount, second: CarrierAccount) -> None:
        make_batch(acme, first, [TO])
        now = timezone.now()
        for account in (first, second):
            show(account, now=now, state=BindState.REFUSED)

        watch_accounts(now=now)

        with acme.scope():
            assert Message.objects.get().account_id == first.pk

    def test_leave_an_account_that_was_switched_off(
        self, acme: Cast, first: CarrierAccount, second: CarrierAccount, enqueued: list[Any]
    ) -> None:
        make_batch(acme, first, [TO])
        CarrierAccount.objects.using("operator").filter(pk=first.pk).update(is_enabled=False)
        now = timezone.now()
        show(second, now=now)

        watch_accounts(now=now)

        with acme.scope():
            assert Message.objects.get().account_id == second.pk
            assert MessageEvent.objects.get().detail == "first → second: switched_off"


class TestTextsOfADeadWorker:
    """Two of three were in flight; nobody can bind to the account any more, so no worker of its own recovers them."""

    def left_behind(self, acme: Cast, account: CarrierAccount, *, seconds: int = 61, **fields: Any) -> None:
        lease_until = timezone.now() - timedelta(seconds=seconds)
        flight = {"in_flight": [slot_of(0, 1), slot_of(1, 1)], "lease_until": lease_until}
        numbers = [TO, "+819011112222", "+819011113333"]
        make_batch(acme, account, numbers, state=BatchState.CLAIMED, holder="dead", **flight, **fields)

    def test_are_unknown_where_they_were_in_flight_and_the_rest_goes_on(
        self, acme: Cast, first: CarrierAccount, second: CarrierAccount, enqueued: list[Any]
    ) -> None:
        self.left_behind(acme, first)

        fall_sick(first, second)

        assert states(acme) == tallied(acme) == {Status.UNKNOWN: 2, Status.QUEUED: 1}
        with acme.scope():
            assert FollowUp.objects.filter(kind=FollowUpKind.UNKNOWN_DEADLINE).count() == 2
            assert Message.objects.get(state=Status.QUEUED).account_id == second.pk
            assert not Batch.objects.filter(state=BatchState.CLAIMED).exists()

    def test_go_once_more_where_the_policy_says_so(
        self, acme: Cast, first: CarrierAccount, second: CarrierAccount, enqueued: list[Any]
    ) -> None:
        self.left_behind(acme, first, policy=Policy.RESEND)

        fall_sick(first, second)

        with acme.scope():
            assert set(Message.objects.values_list("state", "account_id")) == {(Status.QUEUED, second.pk)}
            assert MessageEvent.objects.filter(kind=EventKind.RESENT_BY_POLICY).count() == 2

    def test_are_cancelled_as_far_as_they_had_not_left(
        self, acme: Cast, first: CarrierAccount, second: CarrierAccount
    ) -> None:
        self.left_behind(acme, first, stop=BatchState.CANCELLED)

        fall_sick(first, second)

        assert states(acme) == {Status.UNKNOWN: 2, Status.CANCELLED: 1}

    def test_wait_for_a_worker_that_may_still_live(
        self, acme: Cast, first: CarrierAccount, second: CarrierAccount
    ) -> None:
        self.left_behind(acme, first, seconds=30)

        fall_sick(first, second)

        assert states(acme) == {Status.QUEUED: 3}

    @pytest.mark.parametrize(("minutes", "unknown"), [(59, 0), (61, 2)])
    def test_wait_an_hour_for_a_safe_repeat_where_the_carrier_takes_a_key(
        self, acme: Cast, second: CarrierAccount, enqueued: list[Any], minutes: int, unknown: int
    ) -> None:
        account = http_account(1, idempotency_header="Idempotency-Key")
        self.left_behind(acme, account, seconds=60 * minutes)

        fall_sick(account, second)

        assert states(acme).get(Status.UNKNOWN, 0) == unknown

    def test_of_a_holder_that_was_only_frozen_are_not_its_any_more(
        self, acme: Cast, first: CarrierAccount, second: CarrierAccount, enqueued: list[Any]
    ) -> None:
        self.left_behind(acme, first)
        with acme.scope():
            epoch = Batch.objects.get().epoch

        fall_sick(first, second)

        with acme.scope():
            assert Batch.objects.get(account_id=first.pk).epoch > epoch


class TestStrayReceipts:
    def test_find_their_text_though_nobody_serves_the_account(self, acme: Cast, enqueued: list[Any]) -> None:
        account = http_account(1)
        make_batch(acme, account, [TO], state=BatchState.DONE)
        with acme.scope():
            Message.objects.update(state=Status.ACCEPTED, carrier_id="agg-1", accepted_at=timezone.now())
            CarrierId.objects.using("carrier").create(
                account_id=account.pk, carrier_id="agg-1", message_id=Message.objects.get().pk
            )
        body, headers = signed({"events": [{"id": "agg-1", "status": "DELIVRD"}]})
        assert call(account, body, headers).status_code == 204

        watch_accounts(now=timezone.now())

        assert states(acme) == {Status.DELIVERED: 1}
        assert StoredReceipt.objects.using("operator").get().message_id is not None
        forget_webhook_calls(now=timezone.now() + timedelta(days=9))
        assert call(account, body, headers).status_code == 204
        assert StoredReceipt.objects.using("operator").count() == 2
