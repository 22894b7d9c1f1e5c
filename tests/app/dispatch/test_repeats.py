"""Who would get the same words twice: decided when a campaign is made of a roster, and when it starts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from dispatch.models import Call, Campaign, Message, SkippedRow
from dispatch.services.campaigns import send_campaign
from dispatch.services.errors import NobodyToReach
from dispatch.services.expansion import expand_campaign, running
from dispatch.states import Status
from recipients.services import record_consent
from tenants.models import Tenant
from tests.app.dispatch.test_expansion import assert_every_row_has_its_end
from tests.conftest import NOON, Cast
from tests.factories.dispatch import make_account, make_campaign, make_roster, many, person

SAME_WORDS = "水道局からのお知らせです。"
FAMILY = "+816010000001"


@pytest.fixture(autouse=True)
def _small_chunks(committed: None, enqueued: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "CHUNK_ROWS", 2)


def allow_repeats_after(cast: Cast, days: int) -> None:
    Tenant.objects.filter(pk=cast.tenant.pk).update(repeat_days=days)


def sent(cast: Cast, people: list[dict[str, Any]], **changes: Any) -> Campaign:
    """A campaign of these people whose rows are all written."""
    with cast.scope():
        campaign = make_campaign(cast, make_roster(cast, people), **changes)
        send_campaign(campaign=campaign, by=cast.staff, now=NOON)
    expand_campaign(tenant_id=cast.tenant.pk, campaign_id=campaign.pk, now=NOON)
    with cast.scope():
        campaign.refresh_from_db()
    return campaign


def skipped(campaign: Campaign) -> list[tuple[int, str, int | None]]:
    found = SkippedRow.objects.filter(campaign=campaign).order_by("row")
    return [(each.row, each.reason, each.same_as_row) for each in found]


class TestTheSameTextWithinDays:
    def test_is_not_sent_to_the_same_person_again(self, acme: Cast) -> None:
        make_account()
        allow_repeats_after(acme, 7)
        sent(acme, many(2))

        with acme.scope():
            draft = make_campaign(acme, make_roster(acme, many(3)))
            assert (draft.sms_rows, draft.skip_rows, draft.late_skip_rows) == (1, 2, 2)
        again = sent(acme, many(3))

        with acme.scope():
            assert_every_row_has_its_end(again)
            assert skipped(again) == [(1, "had_recently", None), (2, "had_recently", None)]
            assert [message.personal["row"] for message in Message.objects.filter(campaign=again)] == [3]

    def test_is_sent_where_the_rule_is_off(self, acme: Cast) -> None:
        make_account()
        sent(acme, many(2))

        with acme.scope():
            assert skipped(sent(acme, many(2))) == []

    def test_is_sent_to_whom_another_text_went(self, acme: Cast) -> None:
        make_account()
        allow_repeats_after(acme, 7)
        sent(acme, many(2), text=SAME_WORDS)

        with acme.scope():
            assert skipped(sent(acme, many(2))) == []

    def test_is_sent_to_another_member_of_the_family(self, acme: Cast) -> None:
        make_account()
        allow_repeats_after(acme, 7)
        sent(acme, [person(1, phone=FAMILY)])

        with acme.scope():
            assert skipped(sent(acme, [person(2, phone=FAMILY)])) == []

    @pytest.mark.parametrize("state", [Status.CANCELLED, Status.FAILED, Status.UNDELIVERED, Status.EXPIRED])
    def test_is_sent_to_whom_it_did_not_reach(self, acme: Cast, state: Status) -> None:
        make_account()
        allow_repeats_after(acme, 7)
        first = sent(acme, many(1))
        with acme.scope():
            Message.objects.filter(campaign=first).update(state=state)

            assert skipped(sent(acme, many(1))) == []

    @pytest.mark.parametrize(("hour", "count"), [(14, 0), (15, 1)], ids=["the day before", "on the seventh day"])
    def test_is_sent_again_when_the_days_are_over(self, acme: Cast, hour: int, count: int) -> None:
        make_account()
        allow_repeats_after(acme, 7)
        first = sent(acme, many(1))
        with acme.scope():
            at = datetime(2022, 8, 7, hour, 30, tzinfo=UTC)  # midnight of 8 August in Japan is 15:00 of the 7th
            Message.objects.filter(campaign=first).update(created_at=at)
            Campaign.objects.filter(pk=first.pk).update(started_at=at)

            draft = make_campaign(acme, make_roster(acme, many(1), as_of=date(2022, 8, 15)), send_at=None)
            assert draft.late_skip_rows == count

    def test_for_everybody_is_refused_with_a_sentence(self, acme: Cast) -> None:
        make_account()
        allow_repeats_after(acme, 7)
        sent(acme, many(1))

        with acme.scope():
            campaign = make_campaign(acme, make_roster(acme, many(1)))
            with pytest.raises(NobodyToReach):
                send_campaign(campaign=campaign, by=acme.staff, now=NOON)


class TestTheSameWordsToOneNumber:
    def test_are_sent_once_and_the_other_row_is_not_lost(self, acme: Cast) -> None:
        make_account()
        people = [person(row, phone=FAMILY if row in (1, 4) else f"+81601{row:07d}") for row in range(1, 6)]

        campaign = sent(acme, people, text=SAME_WORDS)

        with acme.scope():
            assert_every_row_has_its_end(campaign)
            assert skipped(campaign) == [(4, "duplicate", 1)]

    def test_with_each_ones_own_name_are_two_texts(self, acme: Cast) -> None:
        make_account()

        campaign = sent(acme, [person(1, phone=FAMILY), person(2, phone=FAMILY)])

        with acme.scope():
            assert skipped(campaign) == []
            assert Message.objects.filter(campaign=campaign).count() == 2

    def test_are_known_to_the_worker_that_goes_on_after_a_crash(
        self, acme: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_account()
        people = [person(1, phone=FAMILY), person(2), person(3, phone=FAMILY)]
        with acme.scope():
            campaign = make_campaign(acme, make_roster(acme, people), text=SAME_WORDS)
            send_campaign(campaign=campaign, by=acme.staff, now=NOON)

        def crash(name: str) -> None:
            if name == "expand.after_chunk":
                raise KeyboardInterrupt

        with monkeypatch.context() as broken:
            broken.setattr(running, "failpoint", crash)
            with pytest.raises(KeyboardInterrupt):
                expand_campaign(tenant_id=acme.tenant.pk, campaign_id=campaign.pk, now=NOON)
        with acme.scope():
            Campaign.objects.filter(pk=campaign.pk).update(expand_lease_until=None)
        expand_campaign(tenant_id=acme.tenant.pk, campaign_id=campaign.pk, now=NOON)

        with acme.scope():
            assert skipped(campaign) == [(3, "duplicate", 1)]
            assert_every_row_has_its_end(campaign)


class TestAConsentTakenBack:
    def test_after_the_roster_was_read_makes_a_call(self, acme: Cast) -> None:
        make_account()
        with acme.scope():
            campaign = make_campaign(acme, make_roster(acme, many(2)))
            record_consent(phone="06010000001", is_given=False, by=acme.admin, now=NOON)
            send_campaign(campaign=campaign, by=acme.staff, now=NOON)
        expand_campaign(tenant_id=acme.tenant.pk, campaign_id=campaign.pk, now=NOON)

        with acme.scope():
            assert dict(Call.objects.values_list("row", "reason")) == {1: "no_consent"}
            assert_every_row_has_its_end(campaign)
