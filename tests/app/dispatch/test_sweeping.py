"""The beat finds what is due or left behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Sum
from django.utils import timezone

from dispatch.models import Batch, BatchState, Call, CallState, Campaign, CampaignState, FollowUp, Message, Tally
from dispatch.selectors.progress import progress_of
from dispatch.services import sweeping
from dispatch.services.campaigns import cancel_campaign, pause_campaign, send_campaign
from dispatch.services.expansion import expand_campaign
from dispatch.services.tallies import add_tallies, fold_tallies
from dispatch.states import Status
from dispatch.task_names import CLOSE_LOOP, EXPAND_CAMPAIGN, PREPARE_CAMPAIGN, PUMP
from recipients.models import Roster, Route
from recipients.task_names import READ_ROSTER
from tenants.models import Tenant
from tests.conftest import NOON, Cast
from tests.factories.dispatch import make_account, make_campaign, make_roster, many, person

Enqueued = list[tuple[str, dict[str, Any]]]
LONG_AGO = datetime(2022, 8, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _real_commits(committed: None, globex: Cast) -> None:
    """The operator sees only what is committed; another tenant is always there."""


@pytest.fixture
def woken(enqueued: Enqueued, monkeypatch: pytest.MonkeyPatch) -> Enqueued:
    monkeypatch.setattr(sweeping, "enqueue", lambda name, **ids: enqueued.append((name, ids)))
    return enqueued


def sending(cast: Cast, people: list[dict[str, Any]] | None = None) -> Campaign:
    make_account()
    with cast.scope():
        campaign = make_campaign(cast, make_roster(cast, people or many(3)))
        send_campaign(campaign=campaign, by=cast.staff, now=NOON)
    expand_campaign(tenant_id=cast.tenant.pk, campaign_id=campaign.pk, now=NOON)
    with cast.scope():
        campaign.refresh_from_db()
    return campaign


def move_all(campaign: Campaign, old: Status, new: Status, reason: str = "", **fields: Any) -> None:
    """As the pump does it: rows and counts together."""
    moved = Message.objects.filter(campaign=campaign, state=old).update(state=new, reason=reason or None, **fields)
    moves = {(old, ""): -moved, (new, reason): moved}
    add_tallies(tenant_id=campaign.tenant_id, campaign_id=campaign.pk, moves=moves)


class TestScheduled:
    def test_starts_when_its_instant_has_come(self, acme: Cast, woken: Enqueued) -> None:
        make_account()
        with acme.scope():
            campaign = make_campaign(acme, make_roster(acme, many(1)), send_at=NOON + timedelta(hours=1))
            send_campaign(campaign=campaign, by=acme.staff, now=NOON)

        sweeping.sweep(now=NOON + timedelta(minutes=59, seconds=50))
        assert woken == []
        sweeping.sweep(now=NOON + timedelta(hours=1, seconds=10))
        sweeping.sweep(now=NOON + timedelta(hours=1, seconds=15))

        with acme.scope():
            campaign.refresh_from_db()
            assert campaign.state == CampaignState.SENDING
        assert (EXPAND_CAMPAIGN, {"tenant_id": acme.tenant.pk, "campaign_id": campaign.pk}) in woken

    def test_waits_for_hours_that_were_changed(self, acme: Cast, woken: Enqueued) -> None:
        make_account()
        with acme.scope():
            campaign = make_campaign(acme, make_roster(acme, many(1)), send_at=NOON + timedelta(hours=1))
            send_campaign(campaign=campaign, by=acme.staff, now=NOON)
            Tenant.objects.filter(pk=acme.tenant.pk).update(send_from="15:00", send_until="16:00")

        sweeping.sweep(now=NOON + timedelta(hours=2))

        with acme.scope():
            campaign.refresh_from_db()
            assert campaign.state == CampaignState.SCHEDULED
            assert campaign.send_at == NOON + timedelta(hours=3)


class TestLostTasks:
    def test_wakes_an_expansion_whose_worker_died(self, acme: Cast, woken: Enqueued) -> None:
        campaign = sending(acme)
        with acme.scope():
            Campaign.objects.filter(pk=campaign.pk).update(is_expanded=False, expand_lease_until=NOON)
        sweeping.sweep(now=NOON)

        assert (EXPAND_CAMPAIGN, {"tenant_id": acme.tenant.pk, "campaign_id": campaign.pk}) in woken

    def test_leaves_an_expansion_that_is_under_way(self, acme: Cast, woken: Enqueued) -> None:
        campaign = sending(acme)
        later = timezone.now() + timedelta(seconds=30)
        with acme.scope():
            Campaign.objects.filter(pk=campaign.pk).update(is_expanded=False, expand_lease_until=later)
        woken.clear()

        sweeping.sweep(now=NOON)

        assert [name for name, _ids in woken if name == EXPAND_CAMPAIGN] == []

    def test_wakes_rosters_follow_ups_drafts_and_pumps(self, acme: Cast, woken: Enqueued) -> None:
        campaign = sending(acme)
        now = timezone.now()
        with acme.scope():
            roster = Roster.objects.get()
            Roster.objects.filter(pk=roster.pk).update(state="reading", lease_until=NOON, created_at=NOON)
            FollowUp.objects.create(message=Message.objects.first(), kind=1, due_at=NOON)
            draft = Campaign.objects.get(pk=campaign.pk)
            draft.pk, draft.state, draft.parts, draft.started_at = None, CampaignState.DRAFT, 0, None
            draft.public_id, draft.created_at = campaign.public_id.__class__(int=7), now - timedelta(minutes=1)
            draft.save()
        woken.clear()

        sweeping.sweep(now=now)

        assert {(READ_ROSTER, roster.pk), (PREPARE_CAMPAIGN, draft.pk)} <= {
            (name, ids.get("roster_id") or ids.get("campaign_id")) for name, ids in woken
        }
        assert (CLOSE_LOOP, {"tenant_id": acme.tenant.pk}) in woken
        assert [name for name, _ids in woken].count(PUMP) == 1


class TestSettling:
    def test_is_sent_when_nothing_waits_and_done_when_calls_are_closed(self, acme: Cast) -> None:
        campaign = sending(acme, [*many(2), person(3, route=Route.CALL, reason="age")])

        def state_after_sweep() -> str:
            sweeping.sweep(now=NOON)
            with acme.scope():
                return str(Campaign.objects.get(pk=campaign.pk).state)

        assert state_after_sweep() == CampaignState.SENDING
        with acme.scope():
            move_all(campaign, Status.QUEUED, Status.ACCEPTED)
        assert state_after_sweep() == CampaignState.SENDING
        with acme.scope():
            move_all(campaign, Status.ACCEPTED, Status.DELIVERED)
        assert state_after_sweep() == CampaignState.SENT
        with acme.scope():
            Call.objects.update(state=CallState.DONE)
        assert state_after_sweep() == CampaignState.DONE

    def test_waits_for_follow_ups_that_become_calls(self, acme: Cast) -> None:
        campaign = sending(acme)
        with acme.scope():
            move_all(campaign, Status.QUEUED, Status.UNKNOWN)
            message = Message.objects.first()
            FollowUp.objects.create(message=message, kind=3, due_at=timezone.now() + timedelta(hours=72))
        sweeping.sweep(now=NOON)
        with acme.scope():
            assert Campaign.objects.get().state == CampaignState.SENT
            Message.objects.update(state=Status.DELIVERED)
        sweeping.sweep(now=NOON)
        with acme.scope():
            assert Campaign.objects.get().state == CampaignState.DONE


class TestHours:
    def test_holds_what_is_left_at_closing_time(self, acme: Cast) -> None:
        campaign = sending(acme)
        with acme.scope():
            Tenant.objects.filter(pk=acme.tenant.pk).update(send_from="09:00", send_until="20:00")
        sweeping.sweep(now=datetime(2022, 8, 15, 10, 59, 50, tzinfo=UTC))
        with acme.scope():
            assert Batch.objects.get().due_at == NOON
        sweeping.sweep(now=datetime(2022, 8, 15, 10, 59, 56, tzinfo=UTC))

        with acme.scope():
            assert Batch.objects.get().due_at == datetime(2022, 8, 16, 0, 0, tzinfo=UTC)
            assert campaign.state == CampaignState.SENDING

    def test_lets_go_on_what_an_admin_released(self, acme: Cast) -> None:
        campaign = sending(acme)
        with acme.scope():
            Tenant.objects.filter(pk=acme.tenant.pk).update(send_from="09:00", send_until="10:00")
            Campaign.objects.filter(pk=campaign.pk).update(ignores_hours=True)
        sweeping.sweep(now=NOON)

        with acme.scope():
            assert Batch.objects.get().due_at == NOON


class TestAligning:
    def test_a_batch_follows_its_campaign(self, acme: Cast) -> None:
        campaign = sending(acme)

        def after_sweep(state: BatchState) -> int:
            with acme.scope():
                Batch.objects.update(state=state)
            sweeping.sweep(now=NOON)
            with acme.scope():
                return int(Batch.objects.get().state)

        assert after_sweep(BatchState.PAUSED) == BatchState.READY
        with acme.scope():
            pause_campaign(campaign=campaign, by=acme.staff, now=NOON)
        assert after_sweep(BatchState.READY) == BatchState.PAUSED
        with acme.scope():
            cancel_campaign(campaign=campaign, by=acme.staff, now=NOON)
            move_all(campaign, Status.CANCELLED, Status.QUEUED)
        assert after_sweep(BatchState.READY) == BatchState.CANCELLED
        with acme.scope():
            assert progress_of(campaign).counts["cancelled"] == 3


class TestSilence:
    def test_past_the_deadline_counts_as_expired(self, acme: Cast) -> None:
        campaign = sending(acme)
        with acme.scope():
            move_all(campaign, Status.QUEUED, Status.ACCEPTED, accepted_at=NOON - timedelta(hours=73))
            Message.objects.filter(seq=0).update(accepted_at=NOON)
        sweeping.sweep(now=NOON)
        sweeping.sweep(now=NOON)

        with acme.scope():
            progress = progress_of(campaign)
            assert (progress.counts["expired"], progress.counts["accepted"]) == (2, 1)
            assert progress.reasons == {"no_receipt": 2}
            assert FollowUp.objects.count() == 2


class TestFoldTallies:
    def test_keeps_every_sum(self, acme: Cast) -> None:
        campaign = sending(acme)
        minute = timezone.now().replace(second=0, microsecond=0)
        with acme.scope():
            for n, reason in ((5, ""), (-2, ""), (1, "out_of_reach"), (4, "")):
                for at in (minute - timedelta(minutes=2), (minute - timedelta(days=3)).replace(minute=30), minute):
                    Tally.objects.create(campaign=campaign, minute=at, state=9, reason=reason, n=n)
            before = progress_of(campaign).counts

        assert fold_tallies() == 3 + 4
        assert fold_tallies() == 0

        with acme.scope():
            assert progress_of(campaign).counts == before
            assert Tally.objects.filter(minute=minute, state=9).count() == 4
            assert Tally.objects.filter(minute=minute - timedelta(minutes=2)).aggregate(n=Sum("n"))["n"] == 8


def test_one_broken_step_stops_no_other(acme: Cast, woken: Enqueued, monkeypatch: pytest.MonkeyPatch) -> None:
    sending(acme)
    monkeypatch.setattr(sweeping, "SCHEDULED_DUE", "SELECT nonsense")

    sweeping.sweep(now=timezone.now())

    assert PUMP in [name for name, _ids in woken]
