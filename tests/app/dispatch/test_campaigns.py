"""Campaigns: made, approved, sent, paused, resumed and cancelled."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections

from dispatch.models import Batch, BatchState, Campaign, CampaignState, Message
from dispatch.selectors.progress import progress_of
from dispatch.services.campaigns import (
    approve_campaign,
    cancel_campaign,
    pause_campaign,
    request_approval,
    resume_campaign,
    send_campaign,
    update_draft,
)
from dispatch.services.errors import (
    ApprovalRequired,
    BadSendTime,
    NeedsConfirmation,
    NobodyToReach,
    NoCarrier,
    OwnCampaign,
    RosterNotReady,
    TextRefused,
    UnknownPlaceholder,
    WrongState,
)
from dispatch.services.expansion import expand_campaign
from dispatch.states import Status
from dispatch.task_names import EXPAND_CAMPAIGN, PUMP
from recipients.models import Recipient, RosterProblem, RosterState, Route
from tenants.errors import NotAllowed
from tenants.models import AuditEvent, Tenant
from tests.conftest import NOON, Cast
from tests.factories.dispatch import make_account, make_campaign, make_roster, many, person

Enqueued = list[tuple[str, dict[str, Any]]]
NIGHT = datetime(2022, 8, 15, 14, 0, tzinfo=UTC)  # 23:00 in Japan


@pytest.fixture
def draft(committed: None, acme: Cast, globex: Cast) -> Iterator[Campaign]:
    make_account()
    with acme.scope():
        roster = make_roster(acme, [*many(3), person(4, route=Route.CALL, reason="age"), person(5, route=Route.SKIP)])
        campaign = make_campaign(acme, roster)
    with acme.scope():
        yield campaign


def rules(cast: Cast, **changes: Any) -> None:
    Tenant.objects.filter(pk=cast.tenant.pk).update(**changes)


class TestCreateCampaign:
    def test_freezes_counts_parts_and_cost(self, draft: Campaign) -> None:
        assert (draft.rows, draft.sms_rows, draft.call_rows, draft.skip_rows) == (5, 3, 1, 1)
        assert (draft.parts, draft.cost_millicents) == (3, 3_000_000)
        assert draft.state == CampaignState.DRAFT

    def test_counts_long_texts_by_the_ladder(self, draft: Campaign, acme: Cast) -> None:
        campaign = make_campaign(acme, draft.roster, text="あ" * 71)

        assert campaign.parts == 6

    def test_names_the_placeholders_that_the_roster_lacks(self, draft: Campaign, acme: Cast) -> None:
        with pytest.raises(UnknownPlaceholder) as refused:
            make_campaign(acme, draft.roster, text="{{氏名}} {{住所}}")

        assert "{{住所}}" in str(refused.value.user_message)
        assert Campaign.objects.count() == 1

    def test_refuses_an_empty_text(self, draft: Campaign, acme: Cast) -> None:
        with pytest.raises(TextRefused):
            make_campaign(acme, draft.roster, text=" \n")

    def test_refuses_a_roster_that_is_still_read(self, draft: Campaign, acme: Cast) -> None:
        draft.roster.state = RosterState.READING

        with pytest.raises(RosterNotReady):
            make_campaign(acme, draft.roster)

    def test_refuses_a_past_instant(self, draft: Campaign, acme: Cast) -> None:
        with pytest.raises(BadSendTime):
            make_campaign(acme, draft.roster, send_at=NOON - timedelta(hours=1))

    def test_refuses_a_viewer(self, draft: Campaign, acme: Cast) -> None:
        with pytest.raises(NotAllowed):
            make_campaign(acme, draft.roster, by=acme.viewer)


class TestApproveCampaign:
    @pytest.fixture(autouse=True)
    def _four_eyes(self, draft: Campaign, acme: Cast) -> None:
        rules(acme, requires_approval=True)

    def test_lets_the_campaign_go(self, draft: Campaign, acme: Cast) -> None:
        request_approval(campaign=draft, by=acme.staff, now=NOON)
        approve_campaign(campaign=draft, by=acme.approver, now=NOON)

        sent = send_campaign(campaign=draft, by=acme.staff, now=NOON)

        assert sent.state == CampaignState.SENDING
        assert sent.approved_by_id == acme.approver.user_id

    def test_is_required(self, draft: Campaign, acme: Cast) -> None:
        with pytest.raises(ApprovalRequired):
            send_campaign(campaign=draft, by=acme.staff, now=NOON)

        draft.refresh_from_db()
        assert draft.state == CampaignState.DRAFT

    def test_refuses_the_creator(self, acme: Cast, draft: Campaign) -> None:
        own = make_campaign(acme, draft.roster, by=acme.approver)

        with pytest.raises(OwnCampaign):
            approve_campaign(campaign=own, by=acme.approver, now=NOON)

    def test_refuses_whoever_changed_the_text(self, acme: Cast, draft: Campaign) -> None:
        update_draft(campaign=draft, by=acme.approver, now=NOON, text="別の文面です")

        with pytest.raises(OwnCampaign):
            approve_campaign(campaign=draft, by=acme.approver, now=NOON)

    def test_refuses_staff(self, acme: Cast, draft: Campaign) -> None:
        with pytest.raises(NotAllowed):
            approve_campaign(campaign=draft, by=acme.staff, now=NOON)

    def test_is_taken_back_by_an_edit(self, acme: Cast, draft: Campaign) -> None:
        approve_campaign(campaign=draft, by=acme.approver, now=NOON)
        update_draft(campaign=draft, by=acme.staff, now=NOON, text="別の文面です")

        draft.refresh_from_db()
        assert (draft.state, draft.approval_hash, draft.approved_by_id) == (CampaignState.DRAFT, None, None)
        draft.roster.refresh_from_db()
        assert draft.roster.frozen_at is None

    def test_does_not_cover_a_row_that_was_changed_behind_it(self, acme: Cast, draft: Campaign) -> None:
        approve_campaign(campaign=draft, by=acme.approver, now=NOON)
        recipient = Recipient.objects.get(roster=draft.roster, row=1)
        recipient.seal({**recipient.personal, "name": "別人"})
        recipient.save()

        with pytest.raises(ApprovalRequired):
            send_campaign(campaign=draft, by=acme.staff, now=NOON)

    def test_freezes_the_roster(self, acme: Cast, draft: Campaign) -> None:
        approve_campaign(campaign=draft, by=acme.approver, now=NOON)

        draft.roster.refresh_from_db()
        assert draft.roster.frozen_at == NOON


class TestSendCampaign:
    def test_starts_once_and_says_so(self, draft: Campaign, acme: Cast, enqueued: Enqueued) -> None:
        first = send_campaign(campaign=draft, by=acme.staff, now=NOON)
        second = send_campaign(campaign=draft, by=acme.staff, now=NOON + timedelta(minutes=1))

        assert (first.state, first.started_at) == (CampaignState.SENDING, NOON)
        assert (second.state, second.started_at) == (CampaignState.SENDING, NOON)
        assert enqueued == [(EXPAND_CAMPAIGN, {"tenant_id": acme.tenant.pk, "campaign_id": draft.pk})]
        assert AuditEvent.objects.filter(action="campaign.sent").count() == 1

    def test_names_the_problems_that_wait_for_an_answer(self, draft: Campaign, acme: Cast) -> None:
        RosterProblem.objects.create(roster=draft.roster, code="same_file", needs="confirm")
        RosterProblem.objects.create(roster=draft.roster, code="family_numbers", needs="")

        with pytest.raises(NeedsConfirmation) as refused:
            send_campaign(campaign=draft, by=acme.staff, now=NOON)

        assert refused.value.fields == {"codes": ["same_file"]}
        assert refused.value.status == 409

    def test_waits_for_the_hours_to_begin(self, draft: Campaign, acme: Cast, enqueued: Enqueued) -> None:
        rules(acme, send_from="09:00", send_until="20:00")

        sent = send_campaign(campaign=draft, by=acme.staff, now=NIGHT)

        assert sent.state == CampaignState.SCHEDULED
        assert sent.send_at == datetime(2022, 8, 16, 0, 0, tzinfo=UTC)
        assert enqueued == []

    def test_goes_at_once_with_an_admins_reason(self, draft: Campaign, acme: Cast) -> None:
        rules(acme, send_from="09:00", send_until="20:00")

        sent = send_campaign(campaign=draft, by=acme.admin, now=NIGHT, override_reason="至急")

        assert (sent.state, sent.ignores_hours) == (CampaignState.SENDING, True)
        assert AuditEvent.objects.get(action="campaign.sent").personal["override_reason"] == "至急"

    def test_takes_no_reason_from_staff(self, draft: Campaign, acme: Cast) -> None:
        with pytest.raises(NotAllowed):
            send_campaign(campaign=draft, by=acme.staff, now=NIGHT, override_reason="至急")

        draft.refresh_from_db()
        assert draft.state == CampaignState.DRAFT

    def test_waits_for_the_planned_instant(self, draft: Campaign, acme: Cast) -> None:
        update_draft(campaign=draft, by=acme.staff, now=NOON, send_at=NOON + timedelta(hours=2))

        sent = send_campaign(campaign=draft, by=acme.staff, now=NOON)

        assert (sent.state, sent.send_at) == (CampaignState.SCHEDULED, NOON + timedelta(hours=2))

    def test_refuses_what_reaches_nobody(self, draft: Campaign, acme: Cast) -> None:
        nobody = make_campaign(acme, make_roster(acme, [person(1, route=Route.SKIP)]))

        with pytest.raises(NobodyToReach):
            send_campaign(campaign=nobody, by=acme.staff, now=NOON)

    def test_refuses_without_a_carrier(self, draft: Campaign, acme: Cast) -> None:
        make_account(is_enabled=False)

        with pytest.raises(NoCarrier):
            send_campaign(campaign=draft, by=acme.staff, now=NOON)

    def test_refuses_a_cancelled_one(self, draft: Campaign, acme: Cast) -> None:
        cancel_campaign(campaign=draft, by=acme.staff, now=NOON)

        with pytest.raises(WrongState):
            send_campaign(campaign=draft, by=acme.staff, now=NOON)

    def test_refuses_another_department(self, draft: Campaign, acme: Cast) -> None:
        Campaign.objects.filter(pk=draft.pk).update(department=None)
        elsewhere = type(acme.staff)(user_id=1, name="x", tenant_id=acme.tenant.pk, roles=(("staff", 999),))
        draft.refresh_from_db()
        draft.department_id = acme.department.pk

        with pytest.raises(NotAllowed):
            send_campaign(campaign=draft, by=elsewhere, now=NOON)


class TestFiftyClicks:
    def test_are_one_sending(self, committed: None, acme: Cast, enqueued: Enqueued) -> None:
        make_account()
        with acme.scope():
            campaign = make_campaign(acme, make_roster(acme, many(20)))
        barrier, errors = threading.Barrier(10), list[Exception]()

        def click() -> None:
            try:
                barrier.wait()
                for _turn in range(5):
                    with acme.scope():
                        send_campaign(campaign=campaign, by=acme.staff, now=NOON)
            except Exception as exc:  # told to the test's own thread
                errors.append(exc)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=click) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        with acme.scope():
            assert errors == []
            assert [name for name, _ids in enqueued] == [EXPAND_CAMPAIGN]
            assert AuditEvent.objects.filter(action="campaign.sent").count() == 1


@pytest.fixture
def sending(committed: None, acme: Cast) -> Campaign:
    """Three batches: one that nobody holds, one that is held, one that is done."""
    make_account(texts_per_s=1)
    with acme.scope():
        campaign = make_campaign(acme, make_roster(acme, many(15)))
        send_campaign(campaign=campaign, by=acme.staff, now=NOON)
    expand_campaign(tenant_id=acme.tenant.pk, campaign_id=campaign.pk, now=NOON)
    with acme.scope():
        batches = list(Batch.objects.order_by("pk"))
        assert [batch.size for batch in batches] == [5, 5, 5]
        Batch.objects.filter(pk=batches[1].pk).update(state=BatchState.CLAIMED, in_flight=[1])
        Batch.objects.filter(pk=batches[2].pk).update(state=BatchState.DONE)
        campaign.refresh_from_db()
    return campaign


def batch_states() -> list[tuple[int, int | None]]:
    return list(Batch.objects.order_by("pk").values_list("state", "stop"))


class TestPauseAndResume:
    def test_stops_every_batch_and_lets_it_go_on(self, sending: Campaign, acme: Cast, enqueued: Enqueued) -> None:
        with acme.scope():
            pause_campaign(campaign=sending, by=acme.staff, now=NOON)
            assert pause_campaign(campaign=sending, by=acme.staff, now=NOON).state == CampaignState.PAUSED
            stopped = batch_states()
            assert resume_campaign(campaign=sending, by=acme.staff, now=NOON).state == CampaignState.SENDING

            assert stopped[:2] == [(BatchState.PAUSED, None), (BatchState.CLAIMED, BatchState.PAUSED)]
            assert stopped[2] == (BatchState.DONE, None)
            assert batch_states() == [(BatchState.READY, None), (BatchState.CLAIMED, None), (BatchState.DONE, None)]
            assert [name for name, _ids in enqueued] == [PUMP]

    def test_resumes_no_earlier_than_the_hours(self, sending: Campaign, acme: Cast) -> None:
        with acme.scope():
            pause_campaign(campaign=sending, by=acme.staff, now=NOON)
            rules(acme, send_from="09:00", send_until="20:00")
            resume_campaign(campaign=sending, by=acme.staff, now=NIGHT)

            assert Batch.objects.order_by("pk").first().due_at == datetime(2022, 8, 16, 0, 0, tzinfo=UTC)

    def test_refuses_a_draft(self, committed: None, acme: Cast) -> None:
        with acme.scope():
            campaign = make_campaign(acme, make_roster(acme, many(1)))

            with pytest.raises(WrongState):
                pause_campaign(campaign=campaign, by=acme.staff, now=NOON)
            with pytest.raises(WrongState):
                resume_campaign(campaign=campaign, by=acme.staff, now=NOON)


class TestCancelCampaign:
    def test_cancels_who_waits_and_tells_who_sends(self, sending: Campaign, acme: Cast) -> None:
        with acme.scope():
            cancelled = cancel_campaign(campaign=sending, by=acme.staff, now=NOON)
            counts = progress_of(sending).counts

            assert cancelled.state == CampaignState.CANCELLED
            assert batch_states()[:2] == [(BatchState.CANCELLED, None), (BatchState.CLAIMED, BatchState.CANCELLED)]
            assert (counts["cancelled"], counts["queued"], counts["sending"]) == (5, 9, 1)
            assert Message.objects.filter(state=Status.CANCELLED, final_at__isnull=False).count() == 5
            assert sum(counts.values()) == Message.objects.count()

    def test_twice_changes_nothing_more(self, sending: Campaign, acme: Cast) -> None:
        with acme.scope():
            cancel_campaign(campaign=sending, by=acme.staff, now=NOON)
            before = progress_of(sending).counts
            cancel_campaign(campaign=sending, by=acme.staff, now=NOON)

            assert progress_of(sending).counts == before

    def test_refuses_what_is_sent(self, sending: Campaign, acme: Cast) -> None:
        with acme.scope():
            Campaign.objects.filter(pk=sending.pk).update(state=CampaignState.SENT)

            with pytest.raises(WrongState):
                cancel_campaign(campaign=sending, by=acme.staff, now=NOON)

    def test_thaws_the_roster_of_what_never_started(self, committed: None, acme: Cast) -> None:
        make_account()
        with acme.scope():
            campaign = make_campaign(acme, make_roster(acme, many(1)), send_at=NOON + timedelta(hours=1))
            send_campaign(campaign=campaign, by=acme.staff, now=NOON)
            cancel_campaign(campaign=campaign, by=acme.staff, now=NOON)

            campaign.roster.refresh_from_db()
            assert campaign.roster.frozen_at is None


def test_the_tests_run_as_the_restricted_role(committed: None, acme: Cast) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False,)
