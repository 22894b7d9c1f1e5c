"""The pages of campaigns: the steps 3 to 5 of the main way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from dispatch.forms import TYPED_ABOVE
from dispatch.models import Campaign, CampaignState
from dispatch.services.expansion import expand_campaign
from recipients.models import Recipient, Roster, RosterProblem, Route
from tenants.models import Tenant, User
from tenants.permissions import Role
from tests.conftest import NOON, Cast
from tests.factories.dispatch import TEXT, make_account, make_campaign, make_roster, many, person

SignIn = Callable[[User], Any]


@pytest.fixture
def roster(committed: None, acme: Cast, globex: Cast) -> Roster:
    make_account()
    with acme.scope():
        return make_roster(acme, [*many(3), person(4, route=Route.CALL, reason="no_consent")])


@pytest.fixture
def staff(roster: Roster, acme: Cast, signed_in: SignIn) -> Any:
    return signed_in(acme.users[Role.STAFF])


def draft_of(acme: Cast, roster: Roster, **changes: Any) -> Campaign:
    with acme.scope():
        return make_campaign(acme, roster, **changes)


def state_of(acme: Cast, campaign: Campaign) -> str:
    with acme.scope():
        return str(Campaign.objects.get(pk=campaign.pk).state)


class TestEditor:
    def test_makes_a_draft_and_goes_on_to_the_check(self, staff: Any, acme: Cast, roster: Roster) -> None:
        address = f"/campaigns/new?roster={roster.public_id}"

        opened = staff.get(address)
        made = staff.post(address, {"name": "八月", "text": TEXT, "send_at": ""})

        assert opened.status_code == 200
        assert "{{氏名}}" in opened.content.decode()
        with acme.scope():
            campaign = Campaign.objects.get()
        assert made.headers["Location"] == f"/campaigns/{campaign.public_id}/check"
        assert campaign.text == TEXT

    def test_shows_three_people_and_the_cost(self, staff: Any, roster: Roster) -> None:
        page = staff.post(f"/campaigns/preview?roster={roster.public_id}", {"text": TEXT}).content.decode()

        assert "患者1様 療養は8月17日までです" in page
        assert "患者3様" in page
        assert "30" in page

    def test_says_which_placeholder_is_unknown_and_keeps_what_was_typed(
        self, staff: Any, acme: Cast, roster: Roster
    ) -> None:
        refused = staff.post(f"/campaigns/new?roster={roster.public_id}", {"name": "x", "text": "{{住所}}です"})

        page = refused.content.decode()
        assert refused.status_code == 422
        assert "名簿にない差し込み項目があります" in page
        assert "{{住所}}です" in page
        with acme.scope():
            assert Campaign.objects.count() == 0

    def test_of_another_tenants_roster_does_not_exist(self, roster: Roster, globex: Cast, signed_in: SignIn) -> None:
        stranger = signed_in(globex.users[Role.ADMIN])

        assert stranger.get(f"/campaigns/new?roster={roster.public_id}").status_code == 404
        assert stranger.get("/campaigns/new?roster=x").status_code == 404
        assert stranger.post(f"/campaigns/preview?roster={roster.public_id}", {"text": "x"}).status_code == 404

    def test_changes_a_draft(self, staff: Any, acme: Cast, roster: Roster) -> None:
        campaign = draft_of(acme, roster)

        staff.post(f"/campaigns/{campaign.public_id}/edit", {"name": "九月", "text": "{{氏名}}", "send_at": ""})

        with acme.scope():
            campaign.refresh_from_db()
        assert (campaign.name, campaign.text) == ("九月", "{{氏名}}")


class TestCheck:
    def test_reads_aloud_and_sends(self, staff: Any, acme: Cast, roster: Roster) -> None:
        campaign = draft_of(acme, roster)

        page = staff.get(f"/campaigns/{campaign.public_id}/check").content.decode()
        pressed = [staff.post(f"/campaigns/{campaign.public_id}/send") for _press in range(2)]

        assert "3人に送信する" in page
        assert "患者1様" in page
        assert {answer.headers["Location"] for answer in pressed} == {f"/campaigns/{campaign.public_id}"}
        assert state_of(acme, campaign) == CampaignState.SENDING

    def test_asks_for_approval_and_gets_it(self, staff: Any, acme: Cast, roster: Roster, signed_in: SignIn) -> None:
        with acme.scope():
            Tenant.objects.filter(pk=acme.tenant.pk).update(requires_approval=True)
        campaign = draft_of(acme, roster)
        address = f"/campaigns/{campaign.public_id}"

        assert "承認を依頼する" in staff.get(f"{address}/check").content.decode()
        staff.post(f"{address}/request-approval")
        assert "承認を依頼しました" in staff.get(f"{address}/check").content.decode()
        approver = signed_in(acme.users[Role.APPROVER])
        assert "3人への送信を承認する" in approver.get(f"{address}/check").content.decode()
        approver.post(f"{address}/approve")
        assert state_of(acme, campaign) == CampaignState.APPROVED
        assert "3人に送信する" in approver.get(f"{address}/check").content.decode()

    def test_waits_for_answers_about_the_roster(self, staff: Any, acme: Cast, roster: Roster) -> None:
        campaign = draft_of(acme, roster)
        with acme.scope():
            RosterProblem.objects.create(roster=roster, code="no_age_column", needs="confirm")

        page = staff.get(f"/campaigns/{campaign.public_id}/check").content.decode()
        staff.post(f"/campaigns/{campaign.public_id}/send")

        assert "上の確認事項に答えると" in page
        assert "人に送信する" not in page
        assert state_of(acme, campaign) == CampaignState.DRAFT

    def test_wants_a_great_number_typed(self, staff: Any, acme: Cast, roster: Roster) -> None:
        campaign = draft_of(acme, roster)
        number = TYPED_ABOVE + 1
        with acme.scope():
            Campaign.objects.filter(pk=campaign.pk).update(sms_rows=number)

        page = staff.post(f"/campaigns/{campaign.public_id}/send", {"people": "1"})

        assert page.status_code == 422
        assert "人数が違います" in page.content.decode()
        assert state_of(acme, campaign) == CampaignState.DRAFT

    def test_says_when_it_will_leave_outside_the_hours(self, staff: Any, acme: Cast, roster: Roster) -> None:
        now = timezone.localtime()
        start, until = (now + timedelta(hours=2)).time(), (now + timedelta(hours=3)).time()
        with acme.scope():
            Tenant.objects.filter(pk=acme.tenant.pk).update(send_from=start, send_until=until)
        campaign = draft_of(acme, roster)

        assert "の外です" in staff.get(f"/campaigns/{campaign.public_id}/check").content.decode()
        staff.post(f"/campaigns/{campaign.public_id}/send")
        assert state_of(acme, campaign) == CampaignState.SCHEDULED


class TestStatus:
    @pytest.fixture
    def sending(self, staff: Any, acme: Cast, roster: Roster) -> Campaign:
        campaign = draft_of(acme, roster)
        staff.post(f"/campaigns/{campaign.public_id}/send")
        expand_campaign(tenant_id=acme.tenant.pk, campaign_id=campaign.pk, now=NOON)
        return campaign

    def test_shows_states_people_and_what_to_do(self, staff: Any, sending: Campaign) -> None:
        page = staff.get(f"/campaigns/{sending.public_id}").content.decode()

        assert "残り 3人を一時停止する" in page
        assert "架電リストを開く" in page
        assert "SMSの同意なし" in page
        assert "患者1" in page
        assert 'http-equiv="refresh"' in page

    def test_polls_slower_while_nothing_moves(self, staff: Any, sending: Campaign) -> None:
        address = f"/campaigns/{sending.public_id}/progress"
        first = staff.get(address)
        seen = first.context["seen"]

        delays = [staff.get(address, {"delay": delay, "seen": seen}).context["delay_s"] for delay in (2, 3, 40)]

        assert first.context["delay_s"] == 2
        assert delays == [3, 4, 60]

    def test_stops_polling_once_nothing_will_move(self, staff: Any, sending: Campaign) -> None:
        staff.post(f"/campaigns/{sending.public_id}/cancel")

        page = staff.get(f"/campaigns/{sending.public_id}/progress")

        assert page.context["delay_s"] == 0
        assert "hx-get" not in page.content.decode()

    def test_filters_rows_and_refuses_a_state_that_is_none(self, staff: Any, sending: Campaign) -> None:
        address = f"/campaigns/{sending.public_id}"

        assert len(staff.get(address, {"state": "queued"}).context["rows"]) == 3
        assert staff.get(address, {"state": "delivered"}).context["rows"] == []
        assert staff.get(address, {"state": "x"}).status_code == 400

    def test_gives_the_rows_as_a_harmless_file(self, staff: Any, acme: Cast, signed_in: SignIn) -> None:
        with acme.scope():
            evil = person(1)
            evil["personal"] |= {"name": "=1+1"}
            campaign = make_campaign(acme, make_roster(acme, [evil]))
        staff.post(f"/campaigns/{campaign.public_id}/send")
        expand_campaign(tenant_id=acme.tenant.pk, campaign_id=campaign.pk, now=NOON)

        file = staff.get(f"/campaigns/{campaign.public_id}/rows.csv")

        assert file.content.startswith(b"\xef\xbb\xbf")
        assert ",'=1+1," in file.content.decode()

    def test_pages_ask_the_database_a_fixed_number_of_times(
        self, staff: Any, sending: Campaign, django_assert_max_num_queries: Any
    ) -> None:
        with django_assert_max_num_queries(25):
            staff.get(f"/campaigns/{sending.public_id}")
        with django_assert_max_num_queries(20):
            staff.get("/campaigns")


class TestFences:
    @pytest.mark.parametrize(
        ("method", "tail"),
        [
            ("get", ""),
            ("get", "/check"),
            ("get", "/edit"),
            ("get", "/progress"),
            ("get", "/rows.csv"),
            ("post", "/send"),
            ("post", "/request-approval"),
            ("post", "/approve"),
            ("post", "/pause"),
            ("post", "/resume"),
            ("post", "/cancel"),
        ],
    )
    def test_another_tenants_campaign_does_not_exist(
        self, roster: Roster, acme: Cast, globex: Cast, signed_in: SignIn, method: str, tail: str
    ) -> None:
        campaign = draft_of(acme, roster)
        stranger = signed_in(globex.users[Role.ADMIN])

        assert getattr(stranger, method)(f"/campaigns/{campaign.public_id}{tail}").status_code == 404

    def test_a_viewer_sees_how_many_and_not_who(self, roster: Roster, acme: Cast, signed_in: SignIn) -> None:
        campaign = draft_of(acme, roster)
        with acme.scope():
            names = {recipient.personal["name"] for recipient in Recipient.objects.filter(roster=roster)}
        check = f"/campaigns/{campaign.public_id}/check"
        assert any(name in signed_in(acme.users[Role.STAFF]).get(check).content.decode() for name in names)

        viewer = signed_in(acme.users[Role.VIEWER])

        words = viewer.get(check).content.decode()
        assert not [name for name in names if name in words]
        assert "{{氏名|様}}" in words
        assert viewer.get(f"/campaigns/{campaign.public_id}/rows.csv").status_code == 403
        headers = {"Authorization": f"Bearer {acme.keys[Role.VIEWER]}"}
        assert viewer.get(f"/api/v1/campaigns/{campaign.public_id}/messages", headers=headers).status_code == 403

    def test_a_viewer_looks_and_does_nothing(self, roster: Roster, acme: Cast, signed_in: SignIn) -> None:
        campaign = draft_of(acme, roster)
        viewer = signed_in(acme.users[Role.VIEWER])

        assert viewer.get(f"/campaigns/{campaign.public_id}/check").status_code == 200
        assert viewer.post(f"/campaigns/{campaign.public_id}/send").status_code == 403
        assert viewer.get("/calls").status_code == 403
