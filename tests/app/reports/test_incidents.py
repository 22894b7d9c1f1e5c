"""Incidents: found within a round, told once at each end by each way, ended by themselves, seen by somebody."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connections
from django.test import Client
from django.utils import timezone

from carriers.models import AccountHealth, CallRefusal, CarrierAccount, CarrierBind, CarrierTally
from config.celery import app
from dispatch.models import Batch, BatchState, Campaign, FollowUp, FollowUpKind, Message, Tally
from dispatch.states import Status
from recipients.models import Roster, RosterState
from reports.models import Incident, IncidentKind, IncidentNotice
from reports.services.incidents import mark_seen, watch_service
from reports.services.notices import signature
from reports.tasks import watch_service as watch_service_task
from tenants.errors import NotAllowed
from tenants.models import User
from tenants.permissions import Role
from tests.app.reports.sending import sent_campaign
from tests.carriers.http_stub import HttpServer, Request
from tests.conftest import Cast, sign_in
from tests.factories.dispatch import make_account, many
from tests.smsc import make_batch

pytestmark = pytest.mark.usefixtures("committed", "enqueued")
TO = "+819012345678"
SECRET = "on-call-secret"


@pytest.fixture(autouse=True)
def _nobody_is_told(settings: Any) -> None:
    settings.OPERATOR_EMAILS, settings.OPERATOR_WEBHOOK_URL, settings.OPERATOR_WEBHOOK_SECRET = [], "", SECRET


@pytest.fixture
def operator() -> User:
    return User.objects.create_user(email="op@todoke.example", password="x" * 16, name="運用一郎", is_operator=True)


@pytest.fixture
def account() -> CarrierAccount:
    """An account that a worker serves, for as long as a test pretends that time goes by."""
    made = make_account("回線一")
    CarrierBind.objects.using("operator").update(seen_at=timezone.now() + timedelta(minutes=5))
    return made


def open_ones() -> list[tuple[str, str, str]]:
    rows = Incident.objects.using("operator").filter(ended_at=None).order_by("kind")
    return [(row.kind, row.name, row.detail) for row in rows]


def fall_sick(account: CarrierAccount, *, is_healthy: bool = False) -> None:
    AccountHealth.objects.using("operator").update_or_create(
        account=account, defaults={"is_healthy": is_healthy, "reason": "refused", "detail": "HTTP 401"}
    )


class TestDetection:
    """Each trouble is an incident after one round, and over after the first round without it."""

    def check(self, kind: IncidentKind, name: str, detail: str) -> None:
        watch_service_task()

        assert open_ones() == [(kind, name, detail)]

    def check_over(self) -> None:
        watch_service_task()

        assert open_ones() == []
        assert Incident.objects.using("operator").get().ended_at is not None

    def test_comes_round_in_time(self) -> None:
        """60 s hold: judge, find, tell, each by its own beat."""
        beats = {entry["task"]: entry["schedule"] for entry in app.conf.beat_schedule.values()}

        assert beats["dispatch.watch_accounts"] + beats["reports.watch_service"] <= 30

    def test_of_a_sick_account(self, account: CarrierAccount) -> None:
        fall_sick(account)
        self.check(IncidentKind.ACCOUNT_SICK, "回線一", "refused: HTTP 401")
        fall_sick(account, is_healthy=True)
        self.check_over()

    def test_of_an_account_that_no_worker_serves(self, account: CarrierAccount) -> None:
        CarrierAccount.objects.using("operator").update(created_at=timezone.now() - timedelta(minutes=5))
        CarrierBind.objects.using("operator").update(seen_at=timezone.now() - timedelta(seconds=46))
        self.check(IncidentKind.NO_CARRIER_WORKER, "回線一", "")
        CarrierBind.objects.using("operator").update(seen_at=timezone.now())
        self.check_over()

    def test_of_calls_of_a_webhook_that_are_refused(self, account: CarrierAccount) -> None:
        now = timezone.now()
        mark = CallRefusal(account=account, reason="wrong_proof", refused_at=now - timedelta(minutes=20))
        mark.save(using="carrier")
        self.check(IncidentKind.CALLS_REFUSED, "回線一", "wrong_proof")
        mark.authentic_at = now - timedelta(minutes=10)
        mark.save(using="carrier")
        self.check_over()

    @pytest.mark.parametrize(
        ("refused", "authentic", "is_open"),
        [
            (0, None, True),
            (4, None, True),
            (4, 3, True),  # somebody may go on knocking beside the carrier: one incident, not one a round
            (6, 7, True),
            (6, 5, False),
            (23 * 60, None, True),
            (25 * 60, None, False),
        ],
    )
    def test_of_refused_calls_lasts_until_they_were_taken_for_a_while(
        self, account: CarrierAccount, refused: int, authentic: int | None, is_open: bool
    ) -> None:
        """In minutes before now."""
        now = timezone.now()
        CallRefusal.objects.using("carrier").create(
            account=account,
            reason="wrong_proof",
            refused_at=now - timedelta(minutes=refused),
            authentic_at=None if authentic is None else now - timedelta(minutes=authentic),
        )

        watch_service(now=now)

        assert bool(open_ones()) is is_open

    def test_of_receipts_that_come_late(self, account: CarrierAccount) -> None:
        minute = timezone.now().replace(second=0, microsecond=0)
        row = CarrierTally(account=account, minute=minute, kind="receipt", code="delivered", n=20, delay_ms=1_800_000)
        row.save(using="operator")
        self.check(IncidentKind.RECEIPTS_DELAYED, "回線一", "90 s")
        CarrierTally.objects.using("operator").create(account=account, minute=minute, kind="receipt", n=200)
        self.check_over()

    def test_of_a_stuck_batch(self, acme: Cast, account: CarrierAccount) -> None:
        batch = make_batch(acme, account, [TO], state=BatchState.STUCK, error="given up after 3 tries")
        self.check(IncidentKind.BATCH_STUCK, "acme", "回線一: given up after 3 tries")
        with acme.scope():
            Batch.objects.filter(pk=batch.pk).update(state=BatchState.READY)
        self.check_over()

    def test_of_a_message_set_aside(self, acme: Cast, account: CarrierAccount) -> None:
        with acme.scope():
            Tally.objects.create(minute=timezone.now(), state=Status.FAILED, reason="set_aside", n=2)
        self.check(IncidentKind.MESSAGE_SET_ASIDE, "acme", "2")
        with acme.scope():
            Tally.objects.update(minute=timezone.now() - timedelta(hours=2))
        self.check_over()

    def test_of_rows_that_no_text_could_be_made_of(self, acme: Cast, account: CarrierAccount) -> None:
        campaign = sent_campaign(acme, many(2))
        with acme.scope():
            Campaign.objects.filter(pk=campaign.pk).update(set_aside_rows=3, started_at=timezone.now())
        self.check(IncidentKind.ROWS_SET_ASIDE, "acme", "3")

    def test_of_a_campaign_that_was_given_up(self, acme: Cast, account: CarrierAccount) -> None:
        campaign = sent_campaign(acme, many(2))
        with acme.scope():
            Campaign.objects.filter(pk=campaign.pk).update(
                is_expanded=False, expand_tries=3, expand_lease_until=None, started_at=timezone.now()
            )
        self.check(IncidentKind.CAMPAIGN_GIVEN_UP, "acme", "3")

    def test_of_a_roster_that_was_given_up(self, acme: Cast, account: CarrierAccount) -> None:
        with acme.scope():
            roster = Roster(
                as_of=timezone.localdate(), state=RosterState.FAILED, tries=4, created_by_id=acme.staff.user_id
            )
            roster.seal({"name": "秘密の名簿"})
            roster.save()
        self.check(IncidentKind.ROSTER_GIVEN_UP, "acme", "4")

    def test_of_follow_ups_that_were_given_up(self, acme: Cast, account: CarrierAccount) -> None:
        make_batch(acme, account, [TO])
        with acme.scope():
            FollowUp.objects.create(message=Message.objects.get(), kind=FollowUpKind.NOT_REACHED, tries=3)
        self.check(IncidentKind.FOLLOW_UP_GIVEN_UP, "acme", "1")


class TestRounds:
    def test_make_one_incident_of_a_lasting_trouble(self, account: CarrierAccount) -> None:
        fall_sick(account)
        now = timezone.now()
        for seconds in (0, 15, 30):
            watch_service(now=now + timedelta(seconds=seconds))

        assert Incident.objects.using("operator").get().began_at == now

    def test_make_another_of_a_trouble_that_comes_back(self, account: CarrierAccount) -> None:
        for is_healthy in (False, True, False):
            fall_sick(account, is_healthy=is_healthy)
            watch_service(now=timezone.now())

        ends = list(Incident.objects.using("operator").order_by("id").values_list("ended_at", flat=True))
        assert [end is None for end in ends] == [False, True]

    def test_at_once_do_it_once(self, account: CarrierAccount, settings: Any) -> None:
        settings.OPERATOR_EMAILS = ["ops@todoke.example"]
        fall_sick(account)

        def round_() -> None:
            watch_service(now=timezone.now())
            connections.close_all()

        threads = [threading.Thread(target=round_) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert Incident.objects.using("operator").count() == 1
        assert IncidentNotice.objects.using("operator").count() == 1
        assert len(mail.outbox) == 1


class TestMail:
    def test_tells_each_begin_and_each_end_once(self, account: CarrierAccount, settings: Any) -> None:
        settings.OPERATOR_EMAILS = ["a@todoke.example", "b@todoke.example"]
        for is_healthy in (False, False, True, True):
            fall_sick(account, is_healthy=is_healthy)
            watch_service(now=timezone.now())

        begin, end = mail.outbox
        assert begin.to == settings.OPERATOR_EMAILS
        assert "発生" in begin.subject
        assert "回線の不調：回線一（通信会社に接続を断られました、IDかパスワードが違います、HTTP 401）" in begin.subject
        assert "解消" in end.subject
        assert "/ops" in end.body

    def test_holds_all_that_began_in_a_round(self, acme: Cast, account: CarrierAccount, settings: Any) -> None:
        settings.OPERATOR_EMAILS = ["a@todoke.example"]
        fall_sick(account)
        for _ in range(3):
            make_batch(acme, account, [TO], state=BatchState.STUCK)

        watch_service(now=timezone.now())

        (one,) = mail.outbox
        assert one.body.count("発生") == 4
        assert TO not in one.body

    def test_is_tried_again_where_it_was_not_sent(self, account: CarrierAccount, settings: Any) -> None:
        settings.OPERATOR_EMAILS = ["a@todoke.example"]
        settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = (
            "django.core.mail.backends.smtp.EmailBackend",
            "127.0.0.1",
            1,
        )
        fall_sick(account)
        now = timezone.now()
        watch_service(now=now)
        settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

        watch_service(now=now + timedelta(seconds=10))
        assert mail.outbox == []
        watch_service(now=now + timedelta(seconds=16))

        assert len(mail.outbox) == 1


@dataclass
class OnCall:
    """An on-call tool on loopback, in a thread of its own."""

    statuses: list[int] = field(default_factory=list)  # its next answers; then 200; 0 cuts the connection
    requests: list[Request] = field(default_factory=list)
    url: str = ""

    async def respond(self, request: Request) -> tuple[int, bytes]:
        self.requests.append(request)
        return (self.statuses.pop(0) if self.statuses else 200), b""


@pytest.fixture
def on_call(settings: Any) -> Iterator[OnCall]:
    tool, ready = OnCall(), threading.Event()
    loop, over = asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with HttpServer(tool.respond) as server:
            tool.url = f"http://127.0.0.1:{server.port}/hook?key=k"
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(10)
    settings.OPERATOR_WEBHOOK_URL = tool.url
    try:
        yield tool
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()


class TestWebhook:
    def test_tells_each_begin_and_each_end_once_and_signed(self, account: CarrierAccount, on_call: OnCall) -> None:
        times: list[datetime] = []
        for is_healthy in (False, False, True, True):
            fall_sick(account, is_healthy=is_healthy)
            times.append(timezone.now())
            watch_service(now=times[-1])

        begin, end = (json.loads(request.body) for request in on_call.requests)
        assert (begin["edge"], begin["kind"], begin["name"], begin["ended_at"]) == (
            "begin",
            "account_sick",
            "回線一",
            None,
        )
        assert (end["edge"], end["id"]) == ("end", begin["id"])
        assert end["ended_at"]
        first = on_call.requests[0]
        assert first.headers["todoke-signature"] == signature(first.body, at=times[0], secret=SECRET)
        assert first.headers["todoke-event"] == "incident.begin"

    @pytest.mark.parametrize("status", [500, 0], ids=["refused", "no answer"])
    def test_tells_again_what_may_not_have_been_taken_by_the_same_number(
        self, account: CarrierAccount, on_call: OnCall, status: int
    ) -> None:
        on_call.statuses = [status]
        fall_sick(account)
        now = timezone.now()
        for seconds in (0, 14, 31, 100):
            watch_service(now=now + timedelta(seconds=seconds))

        assert len(on_call.requests) == 2
        assert len({request.headers["todoke-delivery"] for request in on_call.requests}) == 1

    def test_is_not_held_up_by_mail_that_fails_and_mail_comes_once_it_works(
        self, account: CarrierAccount, on_call: OnCall, settings: Any
    ) -> None:
        """As a process that dies in between: what it had taken comes again."""
        settings.OPERATOR_EMAILS, settings.EMAIL_BACKEND = ["a@todoke.example"], "no.such.Backend"
        fall_sick(account)
        now = timezone.now()

        watch_service(now=now)
        settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
        watch_service(now=now + timedelta(seconds=59))
        early = len(mail.outbox)
        watch_service(now=now + timedelta(seconds=61))

        assert (len(on_call.requests), early, len(mail.outbox)) == (1, 0, 1)


class TestSeen:
    def test_shows_who_and_when_and_only_the_first(
        self, account: CarrierAccount, operator: User, signed_in: Any
    ) -> None:
        fall_sick(account)
        watch_service(now=timezone.now())
        incident = Incident.objects.using("operator").get()
        browser = signed_in(operator)
        before = browser.get("/ops").content.decode()

        browser.post(f"/ops/incidents/{incident.pk}/seen")
        after = browser.get("/ops").content.decode()
        browser.post(f"/ops/incidents/{incident.pk}/seen")

        assert "回線の不調" in before
        assert "対応が必要です" in before
        assert "運用一郎" in after
        seen = Incident.objects.using("operator").get()
        assert (seen.seen_by_id, seen.ended_at) == (operator.pk, None)

    def test_is_for_operators(self, acme: Cast, account: CarrierAccount) -> None:
        fall_sick(account)
        watch_service(now=timezone.now())
        incident = Incident.objects.using("operator").get()

        with pytest.raises(NotAllowed):
            mark_seen(incident_id=incident.pk, by=acme.admin, now=timezone.now())
        browser = sign_in(Client(), acme.users[Role.ADMIN])

        assert browser.post(f"/ops/incidents/{incident.pk}/seen").status_code == 403
        assert Incident.objects.using("operator").get().seen_at is None
