"""今日, 予定 and the charts of a campaign."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from dispatch.models import Campaign, CampaignState, Message
from dispatch.services.tallies import add_tallies
from dispatch.states import Status
from recipients.models import Need, Roster, RosterProblem, Route
from reports.selectors.today import states_over_day, today_for
from tenants.models import Department
from tenants.permissions import Role
from tests.app.reports.sending import deliver, sent_campaign
from tests.conftest import Cast
from tests.factories.dispatch import make_account, make_campaign, make_roster, many, person

pytestmark = pytest.mark.usefixtures("committed", "enqueued")


def underway(cast: Cast) -> Campaign:
    """Ten people of whom one received, one did not, and one is to be phoned."""
    make_account()
    campaign = sent_campaign(cast, [*many(9), person(10, route=Route.CALL, reason="age")])
    with cast.scope():
        first, second = Message.objects.order_by("id")[:2]
        Campaign.objects.update(started_at=timezone.now(), created_at=timezone.now())
    deliver(cast, first)
    deliver(cast, second, status=Status.UNDELIVERED, reason="out_of_reach")
    return campaign


class TestToday:
    def test_shows_todays_campaigns_and_who_is_not_reached(self, acme: Cast, signed_in: Any) -> None:
        underway(acme)

        response = signed_in(acme.users[Role.STAFF]).get("/")

        (card,) = response.context["today"].cards
        assert card.counts["delivered"] == 1
        assert card.counts["undelivered"] == 1
        assert card.counts["queued"] == 7
        assert response.context["today"].open_calls == 1
        content = response.content.decode()
        assert "療養終了のお知らせ" in content
        assert 'id="day-title"' in content
        assert 'id="routes-title"' in content
        assert "hx-get" in content

    def test_counts_by_route_what_goes_out_and_neither_drafts_nor_what_was_cancelled(
        self, acme: Cast, signed_in: Any
    ) -> None:
        campaign = underway(acme)
        with acme.scope():
            add_tallies(
                tenant_id=acme.tenant.pk,
                campaign_id=campaign.pk,
                moves={(Status.QUEUED, ""): -3, (Status.CANCELLED, ""): 3},
            )
            make_campaign(acme, campaign.roster, name="下書き")
            planned = make_campaign(acme, campaign.roster, name="あとで")
            Campaign.objects.filter(pk=planned.pk).update(state=CampaignState.SCHEDULED, send_at=timezone.now())
            Campaign.objects.update(created_at=timezone.now())

        response = signed_in(acme.users[Role.STAFF]).get("/")

        assert len(response.context["today"].cards) == 3
        assert response.context["routes"] == {"sms": 9 - 3, "call": 1, "error": 0, "skip": 0}

    def test_is_empty_for_another_tenant_and_another_department(self, acme: Cast, globex: Cast, signed_in: Any) -> None:
        underway(acme)
        with acme.scope():
            Campaign.objects.update(department=Department.objects.create(name="別の課"))

        for browser in (signed_in(globex.users[Role.ADMIN]), signed_in(acme.users[Role.STAFF])):
            response = browser.get("/")
            assert response.context["today"].cards == ()
            assert response.context["today"].open_calls == 0
            assert "今日の配信はまだありません" in response.content.decode()

    def test_says_what_waits(self, acme: Cast, signed_in: Any) -> None:
        make_account()
        now = timezone.now()
        with acme.scope():
            roster = make_roster(acme, many(2))
            Roster.objects.update(created_at=now)
            RosterProblem.objects.create(roster=roster, code="same_file", needs=Need.CONFIRM)
            RosterProblem.objects.create(roster=roster, code="family_numbers", needs=Need.NOTICE)
            asked, planned = make_campaign(acme, roster, name="承認して"), make_campaign(acme, roster, name="あとで")
            Campaign.objects.filter(pk=asked.pk).update(approval_asked_at=now)
            Campaign.objects.filter(pk=planned.pk).update(
                state=CampaignState.SCHEDULED, send_at=now + timedelta(days=2)
            )

            today = today_for(by=acme.admin, now=now)

        assert [campaign.name for campaign in today.to_approve] == ["承認して"]
        assert [campaign.name for campaign in today.planned] == ["あとで"]
        assert [(waiting.roster.pk, waiting.problems) for waiting in today.unanswered] == [(roster.pk, 1)]
        assert signed_in(acme.users[Role.APPROVER]).get("/").status_code == 200

    def test_takes_a_fixed_number_of_queries(
        self, acme: Cast, signed_in: Any, django_assert_max_num_queries: Any
    ) -> None:
        make_account()
        for place in range(6):
            sent_campaign(acme, many(2), name=f"配信{place}")
        browser = signed_in(acme.users[Role.STAFF])

        with django_assert_max_num_queries(30):
            browser.get("/")

    def test_a_refresh_is_the_fragment_alone(self, acme: Cast, signed_in: Any) -> None:
        response = signed_in(acme.users[Role.STAFF]).get("/", headers={"HX-Request": "true"})

        assert response.content.decode().startswith('<div id="today"')

    def test_sends_who_is_not_logged_in_to_the_log_in(self, client: Any) -> None:
        assert client.get("/")["Location"].startswith("/account/login")


class TestStatesOverDay:
    def test_adds_up_to_what_stands_now(self, acme: Cast) -> None:
        campaign = underway(acme)
        with acme.scope():
            moments = states_over_day([campaign], now=timezone.now())

        assert {state: n for state, n in moments[-1].counts.items() if n} == {
            "queued": 7,
            "delivered": 1,
            "undelivered": 1,
        }


class TestCampaignCharts:
    def test_draws_funnel_states_and_times(self, acme: Cast, signed_in: Any) -> None:
        campaign = underway(acme)

        content = (
            signed_in(acme.users[Role.STAFF]).get(f"/reports/campaigns/{campaign.public_id}/charts").content.decode()
        )

        for chart_id in ("campaign-funnel", "campaign-states", "campaign-delays"):
            assert f'id="{chart_id}-title"' in content
        assert content.count("<table") == 3

    def test_says_so_before_anything_moved(self, acme: Cast, signed_in: Any) -> None:
        with acme.scope():
            campaign = make_campaign(acme, make_roster(acme, many(2)))

        response = signed_in(acme.users[Role.STAFF]).get(f"/reports/campaigns/{campaign.public_id}/charts")

        assert "<svg" not in response.content.decode()

    def test_is_not_there_for_another_tenant(self, acme: Cast, globex: Cast, signed_in: Any) -> None:
        campaign = underway(acme)

        response = signed_in(globex.users[Role.ADMIN]).get(f"/reports/campaigns/{campaign.public_id}/charts")

        assert response.status_code == 404


class TestCalendar:
    def test_shows_days_in_their_order(self, acme: Cast, signed_in: Any) -> None:
        now = timezone.now()
        with acme.scope():
            roster = make_roster(acme, many(3))
            for name, days in (("後", 3), ("先", 1), ("遠い", 60)):
                campaign = make_campaign(acme, roster, name=name)
                Campaign.objects.filter(pk=campaign.pk).update(
                    state=CampaignState.SCHEDULED, send_at=now + timedelta(days=days)
                )

        days = signed_in(acme.users[Role.VIEWER]).get("/calendar").context["days"]

        assert [[campaign.name for campaign in day.campaigns] for day in days] == [[], ["先"], ["後"]]
        assert [day.people for day in days] == [0, 3, 3]
