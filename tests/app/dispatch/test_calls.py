"""Closing the loop, the call list, and decisions about unknown texts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from dispatch.models import (
    Batch,
    Call,
    CallAttempt,
    CallState,
    Campaign,
    CampaignState,
    EventKind,
    FollowUp,
    FollowUpKind,
    Message,
    MessageEvent,
    Outcome,
)
from dispatch.selectors.calls import next_call, viewers_of, visible_calls
from dispatch.selectors.progress import progress_of
from dispatch.services.calls import open_call, record_attempt
from dispatch.services.campaigns import send_campaign
from dispatch.services.decisions import send_again, take_as_sent
from dispatch.services.errors import BadOutcome, CallClosed, NoteMissing, NotUnknown
from dispatch.services.expansion import expand_campaign
from dispatch.services.follow_ups import close_loop
from dispatch.services.tallies import add_tallies
from dispatch.states import Status
from dispatch.task_names import PUMP
from recipients.models import Recipient, Route
from tenants.errors import NotAllowed
from tests.conftest import NOON, Cast
from tests.factories.dispatch import make_account, make_campaign, make_roster, many, person


@pytest.fixture
def sending(committed: None, acme: Cast, globex: Cast) -> Campaign:
    """Three people with a text, two to be phoned."""
    make_account()
    with acme.scope():
        calls = [person(row, route=Route.CALL, reason="age") for row in (4, 5)]
        campaign = make_campaign(acme, make_roster(acme, [*many(3), *calls]))
        send_campaign(campaign=campaign, by=acme.staff, now=NOON)
    expand_campaign(tenant_id=acme.tenant.pk, campaign_id=campaign.pk, now=NOON)
    with acme.scope():
        campaign.refresh_from_db()
    return campaign


def end(seq: int, state: Status, kind: FollowUpKind, *, reason: str | None = None, **fields: Any) -> Message:
    """A message as the pump leaves it, with its follow-up."""
    message: Message = Message.objects.get(seq=seq)
    moves = {(message.status, ""): -1, (state, reason or ""): 1}
    add_tallies(tenant_id=message.tenant_id, campaign_id=message.campaign_id, moves=moves)
    Message.objects.filter(pk=message.pk).update(state=state, reason=reason)
    FollowUp.objects.create(message=message, kind=kind, due_at=NOON, **fields)
    message.refresh_from_db()
    return message


class TestCloseLoop:
    def test_phones_who_was_not_reached(self, sending: Campaign, acme: Cast) -> None:
        with acme.scope():
            end(0, Status.UNDELIVERED, FollowUpKind.NOT_REACHED, reason="out_of_reach")
            end(1, Status.UNKNOWN, FollowUpKind.UNKNOWN_DEADLINE)

        assert close_loop(tenant_id=acme.tenant.pk, now=NOON) == 2
        assert close_loop(tenant_id=acme.tenant.pk, now=NOON) == 0

        with acme.scope():
            calls = {call.row: call for call in Call.objects.exclude(message=None)}
            assert {row: call.reason for row, call in calls.items()} == {1: "out_of_reach", 2: "unknown"}
            assert calls[1].personal["phone"] == "+816010000001"
            assert FollowUp.objects.count() == 0
            assert progress_of(sending).not_reached == 4

    def test_forgets_what_was_settled_meanwhile(self, sending: Campaign, acme: Cast) -> None:
        with acme.scope():
            end(0, Status.DELIVERED, FollowUpKind.NOT_REACHED)
            end(1, Status.DELIVERED, FollowUpKind.UNKNOWN_DEADLINE)
        close_loop(tenant_id=acme.tenant.pk, now=NOON)

        with acme.scope():
            assert not Call.objects.exclude(message=None).exists()
            assert FollowUp.objects.count() == 0

    def test_closes_a_call_that_nobody_has_made_yet(self, sending: Campaign, acme: Cast) -> None:
        with acme.scope():
            for seq in (0, 1):
                end(seq, Status.EXPIRED, FollowUpKind.NOT_REACHED)
        close_loop(tenant_id=acme.tenant.pk, now=NOON)
        with acme.scope():
            tried = Call.objects.get(row=2)
            record_attempt(call=tried, outcome=Outcome.NO_ANSWER, by=acme.staff, now=NOON)
            for seq in (0, 1):
                end(seq, Status.DELIVERED, FollowUpKind.REACHED_LATE)
        close_loop(tenant_id=acme.tenant.pk, now=NOON)

        with acme.scope():
            assert list(Call.objects.filter(row__in=(1, 2)).order_by("row").values_list("state", "outcome")) == [
                (CallState.DONE, Outcome.RECEIVED),
                (CallState.OPEN, Outcome.NO_ANSWER),
            ]

    def test_waits_for_the_deadline(self, sending: Campaign, acme: Cast) -> None:
        with acme.scope():
            end(0, Status.UNKNOWN, FollowUpKind.UNKNOWN_DEADLINE)
            FollowUp.objects.update(due_at=timezone.now() + timedelta(hours=1))

        assert close_loop(tenant_id=acme.tenant.pk, now=NOON) == 0

    def test_sets_a_poisoned_row_aside_and_goes_on(self, sending: Campaign, acme: Cast) -> None:
        with acme.scope():
            end(0, Status.FAILED, FollowUpKind.NOT_REACHED)
            end(1, Status.FAILED, FollowUpKind.NOT_REACHED)
            Recipient.objects.filter(row=1).update(sealed=b"\x01\x00\x01broken")

        done = [close_loop(tenant_id=acme.tenant.pk, now=NOON) for _try in range(5)]

        assert done == [1, 0, 0, 0, 0]
        with acme.scope():
            assert FollowUp.objects.get().tries == 3
            assert Call.objects.exclude(message=None).get().row == 2


class TestRecordAttempt:
    @pytest.mark.parametrize(
        ("outcome", "state"),
        [
            (Outcome.REACHED, CallState.DONE),
            (Outcome.VISIT, CallState.DONE),
            (Outcome.NO_ANSWER, CallState.OPEN),
            (Outcome.WRONG_NUMBER, CallState.OPEN),
            (Outcome.LEFT_MESSAGE, CallState.OPEN),
        ],
    )
    def test_ends_the_call_or_not(self, sending: Campaign, acme: Cast, outcome: Outcome, state: CallState) -> None:
        with acme.scope():
            call = Call.objects.get(row=4)
            attempt = record_attempt(call=call, outcome=outcome, by=acme.staff, now=NOON, note=" 折り返しあり ")

            call.refresh_from_db()
            assert (call.state, call.outcome) == (state, outcome)
            assert CallAttempt.objects.get().personal == {"note": "折り返しあり"}
            assert "折り返し".encode() not in bytes(attempt.sealed)

    def test_wants_a_reason_for_closing(self, sending: Campaign, acme: Cast) -> None:
        with acme.scope():
            call = Call.objects.get(row=4)
            with pytest.raises(NoteMissing):
                record_attempt(call=call, outcome=Outcome.CLOSED, by=acme.staff, now=NOON)
            with pytest.raises(BadOutcome):
                record_attempt(call=call, outcome=Outcome.RECEIVED, by=acme.staff, now=NOON)

            assert CallAttempt.objects.count() == 0

    def test_refuses_a_closed_call_and_a_viewer(self, sending: Campaign, acme: Cast) -> None:
        with acme.scope():
            call = Call.objects.get(row=4)
            record_attempt(call=call, outcome=Outcome.REACHED, by=acme.staff, now=NOON)
            with pytest.raises(CallClosed):
                record_attempt(call=call, outcome=Outcome.REACHED, by=acme.staff, now=NOON)
            with pytest.raises(NotAllowed):
                record_attempt(call=Call.objects.get(row=5), outcome=Outcome.REACHED, by=acme.viewer, now=NOON)

    def test_finishes_the_campaign_with_the_last_call(self, sending: Campaign, acme: Cast) -> None:
        with acme.scope():
            Campaign.objects.update(state=CampaignState.SENT)
            for row in (4, 5):
                call = Call.objects.get(row=row)
                record_attempt(call=call, outcome=Outcome.REACHED, by=acme.staff, now=NOON)

            assert Campaign.objects.get().state == CampaignState.DONE


class TestNextCall:
    def test_passes_over_whom_a_colleague_has_open(self, sending: Campaign, acme: Cast) -> None:
        with acme.scope():
            first, second = Call.objects.order_by("row")
            open_call(call=first, by=acme.approver, now=NOON)
            first.refresh_from_db()
            mine = visible_calls(acme.staff)

            assert next_call(mine, by=acme.staff, after=second, now=NOON) is None
            assert next_call(mine, by=acme.staff, after=second, now=NOON + timedelta(minutes=11)) == first
            assert viewers_of([first], by=acme.staff, now=NOON) == {first.pk: "acme approver"}
            assert viewers_of([first], by=acme.approver, now=NOON) == {}


class TestDecisions:
    @pytest.fixture
    def unknown(self, sending: Campaign, acme: Cast) -> Message:
        with acme.scope():
            Campaign.objects.update(state=CampaignState.SENT)
            return end(0, Status.UNKNOWN, FollowUpKind.UNKNOWN_DEADLINE)

    def test_send_again_in_a_batch_of_its_own(
        self, unknown: Message, acme: Cast, enqueued: list[tuple[str, dict[str, Any]]]
    ) -> None:
        with acme.scope():
            again = send_again(message=unknown, by=acme.staff, now=NOON)

            batch = Batch.objects.get(pk=again.batch_id)
            assert (again.status, again.seq, again.tries, batch.size) == (Status.QUEUED, 0, 1, 1)
            assert batch.pk != unknown.batch_id
            assert MessageEvent.objects.get().kind == EventKind.SENT_AGAIN
            campaign = Campaign.objects.get()
            assert campaign.state == CampaignState.SENDING
            assert progress_of(campaign).counts["unknown"] == 0
        assert enqueued == [(PUMP, {"account_id": unknown.account_id})]

    def test_take_as_sent_waits_for_the_receipt(self, unknown: Message, acme: Cast) -> None:
        with acme.scope():
            taken = take_as_sent(message=unknown, by=acme.staff, now=NOON)

            assert (taken.status, taken.accepted_at) == (Status.ACCEPTED, NOON)
            assert progress_of(Campaign.objects.get()).counts["accepted"] == 1

    def test_refuse_what_is_known(self, unknown: Message, acme: Cast) -> None:
        with acme.scope():
            take_as_sent(message=unknown, by=acme.staff, now=NOON)
            with pytest.raises(NotUnknown):
                send_again(message=unknown, by=acme.staff, now=NOON)

            assert MessageEvent.objects.count() == 1
