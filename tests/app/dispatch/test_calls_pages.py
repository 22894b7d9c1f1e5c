"""The call list and one person's page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dispatch.models import Call, CallState
from dispatch.services.campaigns import send_campaign
from dispatch.services.expansion import expand_campaign
from recipients.models import Route
from tenants.models import User
from tenants.permissions import Role
from tests.conftest import NOON, Cast
from tests.factories.dispatch import make_account, make_campaign, make_roster, person

SignIn = Callable[[User], Any]


@pytest.fixture
def calls(committed: None, acme: Cast, globex: Cast) -> list[Call]:
    make_account()
    people = [person(1, route=Route.CALL, reason="age"), person(2, route=Route.CALL, reason="no_consent")]
    with acme.scope():
        campaign = make_campaign(acme, make_roster(acme, people))
        send_campaign(campaign=campaign, by=acme.staff, now=NOON)
    expand_campaign(tenant_id=acme.tenant.pk, campaign_id=campaign.pk, now=NOON)
    with acme.scope():
        return list(Call.objects.order_by("row"))


@pytest.fixture
def staff(calls: list[Call], acme: Cast, signed_in: SignIn) -> Any:
    return signed_in(acme.users[Role.STAFF])


class TestAnUnmendedNumber:
    def test_is_told_to_whoever_phones_as_the_roster_has_it(
        self, committed: None, acme: Cast, signed_in: SignIn
    ) -> None:
        make_account()
        cell = "090-1234-5678（妻）"
        people = [person(1, route=Route.ERROR, reason="others_number", phone=None, phone_raw=cell)]
        with acme.scope():
            campaign = make_campaign(acme, make_roster(acme, people))
            send_campaign(campaign=campaign, by=acme.staff, now=NOON)
        expand_campaign(tenant_id=acme.tenant.pk, campaign_id=campaign.pk, now=NOON)
        with acme.scope():
            call = Call.objects.get()

        page = signed_in(acme.users[Role.STAFF]).get(f"/calls/{call.public_id}").content.decode()

        assert f"名簿には「{cell}」と書かれています" in page
        assert "本人以外の電話番号" in page


class TestList:
    def test_shows_who_waits_and_why(self, staff: Any) -> None:
        page = staff.get("/calls").content.decode()

        assert "60歳以上" in page
        assert "患者2" in page

    def test_filters(self, staff: Any, calls: list[Call]) -> None:
        assert len(staff.get("/calls", {"reason": "age"}).context["rows"]) == 1
        assert staff.get("/calls", {"show": "mine"}).context["rows"] == []
        assert staff.get("/calls", {"show": "done"}).context["rows"] == []
        assert staff.get("/calls", {"campaign": "00000000-0000-0000-0000-000000000000"}).status_code == 404

    def test_shows_who_else_is_on_a_row(self, staff: Any, calls: list[Call], acme: Cast, signed_in: SignIn) -> None:
        staff.get(f"/calls/{calls[0].public_id}")

        approver = signed_in(acme.users[Role.APPROVER])
        assert "acme staffさんが対応中" in approver.get("/calls").content.decode()
        assert "acme staffさんがこの人を開いています" in approver.get(f"/calls/{calls[0].public_id}").content.decode()
        assert "acme staffさん" in approver.get(f"/calls/{calls[0].public_id}/viewer").content.decode()


class TestPerson:
    def test_shows_what_to_say(self, staff: Any, calls: list[Call]) -> None:
        page = staff.get(f"/calls/{calls[0].public_id}").content.decode()

        assert "患者1様 療養は8月17日までです" in page
        assert 'data-key="1"' in page

    def test_brings_the_next_person_by_itself(self, staff: Any, calls: list[Call], acme: Cast) -> None:
        first, second = calls

        to_second = staff.post(f"/calls/{first.public_id}", {"outcome": "reached", "note": "了解"})
        to_list = staff.post(f"/calls/{second.public_id}", {"outcome": "visit", "note": ""})

        assert to_second.headers["Location"] == f"/calls/{second.public_id}"
        assert to_list.headers["Location"] == "/calls"
        with acme.scope():
            assert set(Call.objects.values_list("state", flat=True)) == {CallState.DONE}

    def test_keeps_a_note_that_lacks_its_outcome(self, staff: Any, calls: list[Call], acme: Cast) -> None:
        refused = staff.post(f"/calls/{calls[0].public_id}", {"outcome": "closed", "note": ""})

        assert refused.status_code == 422
        assert "理由をメモに" in refused.content.decode()
        with acme.scope():
            assert Call.objects.filter(state=CallState.OPEN).count() == 2

    def test_of_another_tenant_does_not_exist(self, calls: list[Call], globex: Cast, signed_in: SignIn) -> None:
        stranger = signed_in(globex.users[Role.ADMIN])

        assert stranger.get(f"/calls/{calls[0].public_id}").status_code == 404
        assert stranger.get(f"/calls/{calls[0].public_id}/viewer").status_code == 404
        assert stranger.post(f"/calls/{calls[0].public_id}", {"outcome": "reached"}).status_code == 404
