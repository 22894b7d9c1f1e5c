"""From a roster to messages, batches and calls."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connections
from django.db.models import Sum

from carriers.models import AccountHealth, CarrierAccount
from dispatch.evidence import timeline_of
from dispatch.models import (
    Batch,
    BatchState,
    Call,
    Campaign,
    CampaignState,
    EventKind,
    Message,
    MessageEvent,
    Tally,
)
from dispatch.routing import NoRoute
from dispatch.selectors.progress import progress_of
from dispatch.services.campaigns import cancel_campaign, pause_campaign, send_campaign
from dispatch.services.expansion import expand_campaign, running
from dispatch.services.expansion.storing import store_chunk
from dispatch.services.sending.quota import LEASE
from dispatch.services.sending.tallies import INSERT_MOVES
from dispatch.states import Status
from dispatch.task_names import PUMP
from recipients.models import OptOut, Recipient, Route
from reports.sentences import sentences_of
from tenants.keys import ring
from tenants.models import Tenant
from tests.conftest import NOON, Cast
from tests.factories.dispatch import make_account, make_campaign, make_roster, many, person

Enqueued = list[tuple[str, dict[str, Any]]]


@pytest.fixture(autouse=True)
def _small_chunks(committed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "CHUNK_ROWS", 4)


def started(cast: Cast, people: list[dict[str, Any]], **changes: Any) -> Campaign:
    with cast.scope():
        campaign = make_campaign(cast, make_roster(cast, people), **changes)
        return send_campaign(campaign=campaign, by=cast.staff, now=NOON)


def expand(cast: Cast, campaign: Campaign) -> int:
    return expand_campaign(tenant_id=cast.tenant.pk, campaign_id=campaign.pk, now=NOON)


def assert_every_row_has_its_end(campaign: Campaign) -> None:
    """rows = messages + calls + skipped, and the counts kept beside them agree."""
    campaign.refresh_from_db()
    messages = Message.objects.filter(campaign=campaign).count()
    calls = Call.objects.filter(campaign=campaign, message=None).count()
    assert campaign.is_expanded
    assert messages + calls + campaign.skip_rows == campaign.rows
    assert (campaign.sms_rows, campaign.call_rows + campaign.error_rows) == (messages, calls)
    assert sum(progress_of(campaign).counts.values()) == messages
    assert (Tally.objects.filter(campaign=campaign).aggregate(n=Sum("n"))["n"] or 0) == messages


class TestExpandCampaign:
    def test_writes_texts_calls_and_counts(self, acme: Cast, enqueued: Enqueued) -> None:
        account = make_account()
        rows = [*many(5), person(6, route=Route.CALL, reason="age"), person(7, route=Route.SKIP, reason="excluded")]
        rows.append(person(8, route=Route.ERROR, reason="missing", phone=None))
        campaign = started(acme, rows)

        assert expand(acme, campaign) == 8

        with acme.scope():
            assert_every_row_has_its_end(campaign)
            first = Message.objects.order_by("pk").first()
            assert first.personal["text"] == "患者1様 療養は8月17日までです。みなと市保健所"
            assert (first.personal["to"], first.personal["row"], first.parts) == ("+816010000001", 1, 1)
            assert first.account_id == account.pk
            assert dict(Call.objects.values_list("row", "reason")) == {6: "age", 8: "missing"}
            assert Call.objects.get(row=6).personal["phone"] == "+816010000006"
        assert enqueued.count((PUMP, {"account_id": account.pk})) == 2

    def test_repeated_changes_nothing(self, acme: Cast) -> None:
        make_account()
        campaign = started(acme, many(9))
        expand(acme, campaign)

        assert expand(acme, campaign) == 0

        with acme.scope():
            assert_every_row_has_its_end(campaign)

    def test_keeps_batches_short_at_slow_accounts(self, acme: Cast) -> None:
        make_account(texts_per_s=1)
        campaign = started(acme, many(9), text="あ" * 71)
        expand(acme, campaign)

        with acme.scope():
            assert set(Batch.objects.values_list("size", flat=True)) <= {1, 2}
            assert list(Message.objects.values_list("parts", flat=True)) == [2] * 9
            assert_every_row_has_its_end(campaign)

    def test_sends_each_text_by_the_account_for_its_number(self, acme: Cast) -> None:
        make_account("all")
        other = make_account("070", prefixes=["+8170"])
        campaign = started(acme, [person(1), person(2, phone="+817012345678")])
        expand(acme, campaign)

        with acme.scope():
            assert Message.objects.order_by("pk").last().account_id == other.pk
            assert Batch.objects.count() == 2

    def test_says_in_each_time_line_why_a_text_goes_another_way(self, acme: Cast) -> None:
        one, two = make_account("one", rank=1), make_account("two", prefixes=["+81601"])
        AccountHealth.objects.using("operator").create(account=one, is_healthy=False, reason="failing")
        AccountHealth.objects.using("operator").create(account=two)
        CarrierAccount.objects.using("operator").filter(pk=one.pk).update(prefixes=["+81601"])
        campaign = started(acme, many(6))
        expand(acme, campaign)

        with acme.scope():
            assert set(Message.objects.values_list("account_id", flat=True)) == {two.pk}
            told = MessageEvent.objects.filter(kind=EventKind.REROUTED)
            assert set(told.values_list("detail", flat=True)) == {"one → two: failing"}
            assert set(told.values_list("message_id", flat=True)) == set(Message.objects.values_list("pk", flat=True))
            assert_every_row_has_its_end(campaign)
            assert "エラーが続いています" in sentences_of(timeline_of(Message.objects.first()))[-1].detail

    def test_passes_over_an_account_whose_provider_cannot_be_used(self, acme: Cast) -> None:
        broken, other = make_account("broken", rank=1), make_account("other")
        CarrierAccount.objects.using("operator").filter(pk=broken.pk).update(config={"host": 5})
        campaign = started(acme, many(3), text="とても長い文です。" * 10)
        expand(acme, campaign)

        with acme.scope():
            assert set(Message.objects.values_list("account_id", "parts")) == {(other.pk, 2)}
            assert not Call.objects.exists()
            assert MessageEvent.objects.filter(detail="broken → other: unusable").count() == 3

    def test_phones_nobody_because_the_only_account_cannot_be_used(self, acme: Cast) -> None:
        broken = make_account("broken")
        CarrierAccount.objects.using("operator").filter(pk=broken.pk).update(config={"host": 5})
        campaign = started(acme, many(3), text="とても長い文です。" * 10)

        with pytest.raises(NoRoute):
            expand(acme, campaign)

        with acme.scope():
            assert not Message.objects.exists()
            assert not Call.objects.exists()

    def test_phones_whoever_refused_texts_since(self, acme: Cast) -> None:
        make_account()
        campaign = started(acme, many(3))
        with acme.scope():
            opt_out = OptOut(phone_hash=ring().hash("phone", "+816010000002"))
            opt_out.seal({})
            opt_out.save()
        expand(acme, campaign)

        with acme.scope():
            assert list(Call.objects.values_list("row", "reason")) == [(2, "opted_out")]
            assert_every_row_has_its_end(campaign)

    def test_phones_whoever_turns_sixty_before_the_day_of_sending(self, acme: Cast) -> None:
        make_account()
        people = [person(1, birth_on="1962-08-15"), person(2, birth_on="1962-08-16")]
        with acme.scope():
            campaign = make_campaign(acme, make_roster(acme, people, as_of=date(2022, 8, 14)))
            assert (campaign.sms_rows, campaign.call_rows) == (1, 1)
            send_campaign(campaign=campaign, by=acme.staff, now=NOON)
        expand(acme, campaign)

        with acme.scope():
            assert list(Call.objects.values_list("row", "reason")) == [(1, "age")]
            assert_every_row_has_its_end(campaign)

    def test_sets_a_poisoned_row_aside(self, acme: Cast) -> None:
        make_account()
        campaign = started(acme, many(6))
        with acme.scope():
            Recipient.objects.filter(row=2).update(sealed=b"\x01\x00\x01broken")
            lacking = Recipient.objects.get(row=5)
            lacking.seal({**lacking.personal, "cells": {}})
            lacking.save()
        expand(acme, campaign)

        with acme.scope():
            assert dict(Call.objects.values_list("row", "reason")) == {2: "set_aside", 5: "set_aside"}
            assert_every_row_has_its_end(campaign)

    def test_phones_whose_text_is_longer_than_carriers_take(self, acme: Cast) -> None:
        make_account()
        long_name = person(2)
        long_name["personal"]["cells"]["氏名"] = "寿" * 700
        campaign = started(acme, [person(1), long_name])
        expand(acme, campaign)

        with acme.scope():
            assert list(Call.objects.values_list("row", "reason")) == [(2, "text_too_long")]

    def test_waits_for_the_hours_that_ended_meanwhile(self, acme: Cast) -> None:
        make_account()
        campaign = started(acme, many(1))
        with acme.scope():
            Tenant.objects.filter(pk=acme.tenant.pk).update(send_from="13:00", send_until="20:00")
        expand(acme, campaign)

        with acme.scope():
            assert Batch.objects.get().due_at == datetime(2022, 8, 15, 4, 0, tzinfo=UTC)

    def test_does_nothing_for_another_tenant(self, acme: Cast, globex: Cast) -> None:
        make_account()
        campaign = started(acme, many(1))

        assert expand(globex, campaign) == 0

        with acme.scope():
            assert Message.objects.count() == 0


class TestChunks:
    def test_begin_with_a_small_one(self, acme: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        """So that the first texts leave soon."""
        make_account()
        campaign = started(acme, many(9))
        monkeypatch.setattr(running, "FIRST_ROWS", 2)

        expand(acme, campaign)

        with acme.scope():
            assert list(Batch.objects.order_by("pk").values_list("size", flat=True)) == [2, 4, 3]


class TestMeanwhile:
    def test_answers_and_paces_are_recorded_while_a_chunk_is_written(
        self, acme: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        account = make_account()
        CarrierAccount.objects.using("operator").filter(pk=account.pk).update(texts_per_s=100)
        campaign, beside = started(acme, many(3)), connections["carrier"]
        leases: list[Any] = []

        def store_then_record(*arguments: Any) -> None:
            store_chunk(*arguments)
            with beside.cursor() as cursor:
                cursor.execute("SET lock_timeout = '3s'")
                moved = [[acme.tenant.pk], [campaign.pk], [Status.ACCEPTED.value], [""], [1]]
                cursor.execute(INSERT_MOVES.replace("%b", "%s"), moved)
                cursor.execute(LEASE, {"account_id": account.pk, "parts": 10})
                leases.append(cursor.fetchone())

        with monkeypatch.context() as patched:
            patched.setattr(running, "store_chunk", store_then_record)
            assert expand(acme, campaign) == 3

        assert len(leases) == 1


class TestStoppedMeanwhile:
    @pytest.mark.parametrize(
        ("stop", "batch_state", "message_state"),
        [
            (pause_campaign, BatchState.PAUSED, Status.QUEUED),
            (cancel_campaign, BatchState.CANCELLED, Status.CANCELLED),
        ],
    )
    def test_new_rows_are_stopped_too(
        self, acme: Cast, stop: Any, batch_state: BatchState, message_state: Status
    ) -> None:
        make_account()
        campaign = started(acme, many(5))
        with acme.scope():
            stop(campaign=campaign, by=acme.staff, now=NOON)
        expand(acme, campaign)

        with acme.scope():
            assert set(Batch.objects.values_list("state", flat=True)) == {batch_state}
            assert set(Message.objects.values_list("state", flat=True)) == {message_state}
            assert_every_row_has_its_end(campaign)


class TestResumption:
    def test_goes_on_after_a_failure(self, acme: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        make_account()
        campaign = started(acme, many(10))
        passed: list[str] = []

        def break_at_second(name: str) -> None:
            passed.append(name)
            if passed.count("expand.before_chunk") == 2:
                raise RuntimeError(name)

        with monkeypatch.context() as patched:
            patched.setattr(running, "failpoint", break_at_second)
            with pytest.raises(RuntimeError):
                expand(acme, campaign)
        with acme.scope():
            assert Message.objects.count() == 4

        assert expand(acme, campaign) == 6

        with acme.scope():
            assert_every_row_has_its_end(campaign)

    @pytest.mark.parametrize("name", ["expand.before_chunk:2", "expand.after_chunk"])
    def test_goes_on_after_the_worker_was_killed(self, acme: Cast, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        make_account()
        campaign = started(acme, many(10))
        program = (
            "import django; django.setup()\n"
            "from django.utils import timezone\n"
            "from dispatch.services.expansion import expand_campaign, running\n"
            "running.CHUNK_ROWS = 4\n"
            f"expand_campaign(tenant_id={acme.tenant.pk}, campaign_id={campaign.pk}, now=timezone.now())\n"
        )

        monkeypatch.setenv("FAILPOINT", name)
        killed = subprocess.run([sys.executable, "-c", program], check=False)
        monkeypatch.delenv("FAILPOINT")

        assert killed.returncode == 137
        with acme.scope():
            assert Message.objects.count() == 4
            assert expand_campaign(tenant_id=acme.tenant.pk, campaign_id=campaign.pk, now=NOON) == 0  # the lease holds
            Campaign.objects.filter(pk=campaign.pk).update(expand_lease_until=NOON)
        assert expand(acme, campaign) == 6
        with acme.scope():
            assert_every_row_has_its_end(campaign)

    def test_two_workers_at_once_write_each_row_once(self, acme: Cast) -> None:
        make_account()
        campaign = started(acme, many(40))
        barrier, written = threading.Barrier(2), list[int]()

        def work() -> None:
            try:
                barrier.wait()
                written.append(expand(acme, campaign))
            finally:
                connections.close_all()

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(written) == [0, 40]
        with acme.scope():
            assert_every_row_has_its_end(campaign)

    def test_gives_up_after_three_tries(self, acme: Cast) -> None:
        make_account()
        campaign = started(acme, many(1))
        with acme.scope():
            Campaign.objects.filter(pk=campaign.pk).update(expand_tries=3)

        assert expand(acme, campaign) == 0

        with acme.scope():
            campaign.refresh_from_db()
            assert (campaign.state, campaign.is_expanded) == (CampaignState.SENDING, False)
