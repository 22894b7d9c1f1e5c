"""Who looked at whom, and why where the office asks for a reason."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from dispatch.models import Call, Campaign, Message
from recipients.models import Roster, Route
from tenants import viewing
from tenants.account.sessions import POLL_HEADER
from tenants.audit_words import about_of
from tenants.models import AuditEvent, Tenant
from tenants.permissions import Role
from tests.app.reports.sending import sent_campaign
from tests.conftest import Cast
from tests.factories.dispatch import make_account, person

pytestmark = pytest.mark.usefixtures("committed", "enqueued")
WHY = "本人からの問い合わせ"
PHONE = "+816010000001"


@pytest.fixture
def campaign(acme: Cast) -> Campaign:
    make_account()
    rest: dict[str, Any] = {
        "phone_raw": "",
        "number_kind": "mobile",
        "age": None,
        "rule": "",
        "detail": "",
        "mended": [],
    }
    people = [
        person(1, phone=PHONE, **rest),
        person(2, **rest),
        person(3, route=Route.CALL, reason="no_consent", **rest),
    ]
    return sent_campaign(acme, people)


@pytest.fixture
def asking(acme: Cast) -> None:
    Tenant.objects.filter(pk=acme.tenant.pk).update(asks_view_reason=True)


def noted(cast: Cast, action: str) -> list[dict[str, Any]]:
    with cast.scope():
        events = AuditEvent.objects.filter(action=action).order_by("id")
        return [about_of(event.subjects.all()) | event.personal for event in events]


def message_of(cast: Cast) -> Message:
    with cast.scope():
        found: Message = Message.objects.order_by("id").first()
    return found


@pytest.mark.usefixtures("campaign")
class TestAnOfficeThatAsks:
    pytestmark = pytest.mark.usefixtures("asking")

    def test_wants_a_reason_with_a_search(self, acme: Cast, signed_in: Any) -> None:
        browser = signed_in(acme.users[Role.ADMIN])

        assert browser.post("/people", {"query": PHONE}).status_code == 422
        assert noted(acme, "people.searched") == []

    def test_keeps_it_for_the_views_that_follow(self, acme: Cast, signed_in: Any) -> None:
        browser = signed_in(acme.users[Role.ADMIN])

        page = browser.post("/people", {"query": PHONE, "view_reason": WHY}, follow=True)
        browser.get(f"/messages/{message_of(acme).public_id}")

        assert "患者1 さん" in page.content.decode()
        assert noted(acme, "people.searched") == [{"count": 1, "view_reason": WHY}]
        assert noted(acme, "person.viewed")[0]["view_reason"] == WHY
        (seen,) = noted(acme, "message.viewed")
        assert seen == {"name": "患者1", "phone": PHONE, "view_reason": WHY}

    def test_shows_nothing_by_a_link_until_it_is_told(self, acme: Cast, signed_in: Any) -> None:
        browser, address = signed_in(acme.users[Role.AUDITOR]), f"/messages/{message_of(acme).public_id}"

        asked = browser.get(address)
        assert "患者1" not in asked.content.decode()
        assert browser.post(address, {"view_reason": " "}).status_code == 422
        assert noted(acme, "message.viewed") == []

        told = browser.post(address, {"view_reason": WHY}, follow=True)
        assert "患者1" in told.content.decode()
        assert noted(acme, "message.viewed")[0]["view_reason"] == WHY

    def test_asks_again_after_ten_minutes(self, acme: Cast, signed_in: Any) -> None:
        browser, address = signed_in(acme.users[Role.AUDITOR]), f"/messages/{message_of(acme).public_id}"
        browser.post(address, {"view_reason": WHY})
        session = browser.session
        session[viewing.KEPT] = {"reason": WHY, "at": time.time() - viewing.HOLDS_S - 1}
        session.save()

        assert "患者1" not in browser.get(address).content.decode()

    @pytest.mark.parametrize("address", ["/api/v1/messages?phone=06010000001", "/api/v1/messages/{message}"])
    def test_asks_over_the_api_too(self, acme: Cast, address: str) -> None:
        address = address.format(message=message_of(acme).public_id)
        key = {"Authorization": f"Bearer {acme.keys[Role.ADMIN]}"}

        refused = Client().get(address, headers=key)
        assert (refused.status_code, refused.json()["code"]) == (403, "view_reason_required")
        blank = Client().get(address, headers={**key, viewing.HEADER: "%00"})
        assert blank.status_code == 403

        assert Client().get(address, headers={**key, viewing.HEADER: quote(WHY)}).status_code == 200
        seen = noted(acme, "people.searched") + noted(acme, "message.viewed")
        assert [one["view_reason"] for one in seen] == [WHY]


@pytest.mark.usefixtures("campaign")
class TestAnOfficeThatDoesNot:
    def test_shows_at_once_and_writes_down(self, acme: Cast, signed_in: Any) -> None:
        browser = signed_in(acme.users[Role.ADMIN])

        page = browser.post("/people", {"query": PHONE}, follow=True)

        assert "患者1 さん" in page.content.decode()
        assert "view_reason" not in noted(acme, "person.viewed")[0]

    def test_takes_a_change_of_that_rule_with_the_factor_only(self, acme: Cast, signed_in: Any) -> None:
        from tests.app.tenants.test_settings import RULES

        browser = signed_in(acme.users[Role.ADMIN])
        session = browser.session
        session["factor"] = {"user": acme.users[Role.ADMIN].pk, "at": time.time() - 3600}
        session.save()
        Tenant.objects.filter(pk=acme.tenant.pk).update(requires_approval=True)

        response = browser.post("/settings", {**RULES, "requires_approval": ""})

        assert 'name="factor_code"' in response.content.decode()
        assert Tenant.objects.get(pk=acme.tenant.pk).requires_approval
        assert browser.post("/settings", {**RULES, "sms_age_limit": "70"}).status_code == 302


class TestLists:
    """A list of residents that was shown is a line too: which one, and how many stood on it."""

    def listed(self, cast: Cast) -> list[tuple[str, int]]:
        return [(one["list"], one["count"]) for one in noted(cast, "people.listed")]

    def test_on_pages(self, acme: Cast, campaign: Campaign, signed_in: Any) -> None:
        browser = signed_in(acme.users[Role.ADMIN])
        with acme.scope():
            roster = Roster.objects.get()
        for address in (f"/rosters/{roster.public_id}/rows", f"/campaigns/{campaign.public_id}", "/calls"):
            assert browser.get(address).status_code == 200, address

        assert self.listed(acme) == [("roster", 3), ("campaign", 2), ("calls", 1)]
        with acme.scope():
            (about, *_rest) = AuditEvent.objects.filter(action="people.listed").order_by("id")
        assert (about.object_id, about.department_id) == (str(roster.public_id), roster.department_id)

    def test_over_the_api(self, acme: Cast, campaign: Campaign) -> None:
        with acme.scope():
            roster = Roster.objects.get()
        key = {"Authorization": f"Bearer {acme.keys[Role.ADMIN]}"}
        for address in (f"rosters/{roster.public_id}/rows", f"campaigns/{campaign.public_id}/messages", "calls"):
            assert Client().get(f"/api/v1/{address}", headers=key).status_code == 200, address

        assert self.listed(acme) == [("roster", 3), ("campaign", 2), ("calls", 1)]

    def test_that_came_up_to_date_by_itself_is_no_look(self, acme: Cast, campaign: Campaign, signed_in: Any) -> None:
        signed_in(acme.users[Role.ADMIN]).get(f"/campaigns/{campaign.public_id}", headers={POLL_HEADER: "1"})

        assert self.listed(acme) == []

    def test_a_person_to_be_phoned_is_noted_by_name(self, acme: Cast, campaign: Campaign, signed_in: Any) -> None:
        with acme.scope():
            call = Call.objects.get()

        signed_in(acme.users[Role.STAFF]).get(f"/calls/{call.public_id}")

        assert noted(acme, "call.viewed") == [{"name": "患者3", "external_id": "R4-00003"}]


@pytest.mark.usefixtures("campaign")
class TestWhoLooked:
    def test_is_answered_for_one_person(self, acme: Cast, signed_in: Any) -> None:
        browser = signed_in(acme.users[Role.ADMIN])
        person_page = browser.post("/people", {"query": PHONE})["Location"]
        browser.get(person_page)
        browser.get(f"/messages/{message_of(acme).public_id}")
        other = browser.post("/people", {"query": "+816010000002"})["Location"]
        browser.get(other)

        page = signed_in(acme.users[Role.AUDITOR]).get(f"{person_page}/viewers")

        lines = page.context["lines"]
        assert [(line.who, line.what) for line in lines] == [
            ("acme admin", "メッセージの記録を見た"),
            ("acme admin", "個人の記録を見た"),
        ]
        assert "患者2" not in page.content.decode()

    def test_is_not_answered_to_another_tenant(self, acme: Cast, globex: Cast, signed_in: Any) -> None:
        person_page = signed_in(acme.users[Role.ADMIN]).post("/people", {"query": PHONE})["Location"]

        assert signed_in(globex.users[Role.ADMIN]).get(f"{person_page}/viewers").status_code == 404

    def test_is_not_answered_to_staff(self, acme: Cast, signed_in: Any) -> None:
        person_page = signed_in(acme.users[Role.ADMIN]).post("/people", {"query": PHONE})["Location"]

        assert signed_in(acme.users[Role.STAFF]).get(f"{person_page}/viewers").status_code == 403
