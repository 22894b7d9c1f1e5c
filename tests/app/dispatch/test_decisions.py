"""What a person decides about texts of which nobody can know whether they left."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from dispatch.models import (
    Batch,
    BatchState,
    Campaign,
    EventKind,
    FollowUp,
    FollowUpKind,
    Message,
    MessageEvent,
)
from dispatch.selectors.decisions import undecided
from dispatch.services.decisions import send_again, take_as_sent
from dispatch.services.errors import NotUnknown
from dispatch.services.tallies import add_tallies
from dispatch.states import Status
from dispatch.task_names import PUMP
from tenants.errors import NotAllowed
from tenants.models import AuditEvent, Department
from tenants.permissions import Role
from tests.app.reports.sending import sent_campaign
from tests.conftest import Cast, sign_in
from tests.factories.dispatch import make_account, many

pytestmark = pytest.mark.usefixtures("committed", "enqueued")
FRAGMENT = {"HX-Request": "true", "X-Todoke-Poll": "1"}


@pytest.fixture
def campaign(acme: Cast) -> Campaign:
    """Three texts, of which two are unknown."""
    make_account()
    made = sent_campaign(acme, many(3))
    with acme.scope():
        for message in Message.objects.order_by("id")[:2]:
            Message.objects.filter(pk=message.pk).update(state=Status.UNKNOWN)
            MessageEvent.objects.create(message=message, kind=EventKind.UNKNOWN)
            FollowUp.objects.create(
                message=message, kind=FollowUpKind.UNKNOWN_DEADLINE, due_at=timezone.now() + timedelta(hours=72)
            )
    return made


def browser_of(cast: Cast, role: Role) -> Client:
    browser: Client = sign_in(Client(), cast.users[role])
    return browser


def first_of(cast: Cast) -> Message:
    with cast.scope():
        return Message.objects.filter(state=Status.UNKNOWN).order_by("id")[0]


class TestList:
    def test_shows_who_since_when_and_what_happens_otherwise(self, acme: Cast, campaign: Campaign) -> None:
        page = browser_of(acme, Role.STAFF).get("/decisions").content.decode()

        assert "2人が判断を待っています" in page
        assert "患者1" in page
        assert "患者3" not in page
        assert "架電リストに入ります" in page

    def test_loses_by_itself_what_a_receipt_has_settled(self, acme: Cast, campaign: Campaign) -> None:
        browser = browser_of(acme, Role.STAFF)
        with acme.scope():
            Message.objects.filter(pk=first_of(acme).pk).update(state=Status.DELIVERED)

        fragment = browser.get("/decisions", headers=FRAGMENT).content.decode()

        assert "<html" not in fragment
        assert "1人が判断を待っています" in fragment
        assert "患者1" not in fragment

    def test_is_linked_from_today_and_from_the_campaign(self, acme: Cast, campaign: Campaign) -> None:
        with acme.scope():
            Campaign.objects.update(started_at=timezone.now())
            add_tallies(tenant_id=acme.tenant.pk, campaign_id=campaign.pk, moves={(Status.UNKNOWN, ""): 2})
        browser = browser_of(acme, Role.STAFF)

        assert 'href="/decisions"' in browser.get("/").content.decode()
        on_page = f'href="/decisions?campaign={campaign.public_id}"'
        assert on_page in browser.get(f"/campaigns/{campaign.public_id}").content.decode()
        assert "患者1" in browser.get(f"/decisions?campaign={campaign.public_id}").content.decode()

    def test_holds_what_belongs_to_the_department(self, acme: Cast, campaign: Campaign) -> None:
        with acme.scope():
            other = Department.objects.create(name="料金課")
            Campaign.objects.update(department=other)

            assert undecided(acme.staff).count() == 0
            assert undecided(acme.approver).count() == 2

    def test_of_another_tenant_is_empty(self, acme: Cast, globex: Cast, campaign: Campaign) -> None:
        page = browser_of(globex, Role.ADMIN).get("/decisions").content.decode()

        assert "判断を待つSMSはありません" in page
        assert "患者" not in page

    @pytest.mark.parametrize("role", [Role.VIEWER, Role.AUDITOR])
    def test_is_closed_to_who_may_not_send(self, acme: Cast, campaign: Campaign, role: Role) -> None:
        assert browser_of(acme, role).get("/decisions").status_code == 403

    def test_asks_the_same_number_of_questions_for_more_rows(
        self, acme: Cast, campaign: Campaign, django_assert_max_num_queries: Any
    ) -> None:
        browser = browser_of(acme, Role.STAFF)
        browser.get("/decisions")

        with django_assert_max_num_queries(20):
            browser.get("/decisions")


class TestDeciding:
    def test_to_send_again_makes_a_batch_and_tells_the_trail(
        self, acme: Cast, campaign: Campaign, enqueued: list[Any]
    ) -> None:
        message = first_of(acme)

        response = browser_of(acme, Role.STAFF).post(
            f"/decisions/{message.public_id}/again", {"next": f"/decisions?campaign={campaign.public_id}"}
        )

        assert response.headers["Location"] == f"/decisions?campaign={campaign.public_id}"
        with acme.scope():
            message.refresh_from_db()
            batch = Batch.objects.get(pk=message.batch_id)
            assert (message.status, message.tries, batch.size, batch.state) == (Status.QUEUED, 1, 1, BatchState.READY)
            kinds = set(MessageEvent.objects.filter(message=message).values_list("kind", flat=True))
            assert {EventKind.UNKNOWN, EventKind.SENT_AGAIN} <= kinds
            assert AuditEvent.objects.filter(action="message.sent_again").count() == 1
            assert undecided(acme.staff).count() == 1
        assert (PUMP, {"account_id": message.account_id}) in enqueued

    def test_to_take_it_as_sent_waits_for_the_receipt(self, acme: Cast, campaign: Campaign) -> None:
        message = first_of(acme)

        browser_of(acme, Role.STAFF).post(
            f"/decisions/{message.public_id}/sent", {"next": "https://elsewhere.example/"}
        )

        with acme.scope():
            message.refresh_from_db()
            assert message.status is Status.ACCEPTED
            assert undecided(acme.staff).count() == 1

    def test_twice_or_too_late_changes_nothing_and_says_so(self, acme: Cast, campaign: Campaign) -> None:
        message, browser = first_of(acme), browser_of(acme, Role.STAFF)
        browser.post(f"/decisions/{message.public_id}/sent")

        response = browser.post(f"/decisions/{message.public_id}/again", follow=True)

        assert "すでに分かっています" in response.content.decode()
        with acme.scope():
            message.refresh_from_db()
            assert (message.status, message.tries) == (Status.ACCEPTED, 0)
            with pytest.raises(NotUnknown):
                take_as_sent(message=message, by=acme.staff, now=timezone.now())

    def test_leads_nowhere_else(self, acme: Cast, campaign: Campaign) -> None:
        response = browser_of(acme, Role.STAFF).post(
            f"/decisions/{first_of(acme).public_id}/sent", {"next": "https://elsewhere.example/decisions"}
        )

        assert response.headers["Location"] == "/decisions"

    def test_is_refused_outside_the_department(self, acme: Cast, campaign: Campaign) -> None:
        with acme.scope():
            other = Department.objects.create(name="料金課")
            Campaign.objects.update(department=other)
        message = first_of(acme)

        response = browser_of(acme, Role.STAFF).post(f"/decisions/{message.public_id}/again")

        assert response.status_code == 403
        with acme.scope():
            message.refresh_from_db()
            assert message.status is Status.UNKNOWN
            with pytest.raises(NotAllowed):
                send_again(message=message, by=acme.staff, now=timezone.now())

    def test_of_another_tenants_text_finds_none(self, acme: Cast, globex: Cast, campaign: Campaign) -> None:
        message = first_of(acme)

        response = browser_of(globex, Role.ADMIN).post(f"/decisions/{message.public_id}/again")

        assert response.status_code == 404
        with acme.scope():
            message.refresh_from_db()
            assert message.status is Status.UNKNOWN
