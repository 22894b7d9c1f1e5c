"""What one does must not hurt another: clicks, poison and crowds (rows 12, 18 and 19)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from statistics import quantiles
from uuid import uuid4

import pytest

from carriers.simulator.journal import read_journal
from devservers import ports
from dispatch.models import Batch, BatchState, Campaign, EventKind, Message, MessageEvent, Priority
from dispatch.states import Status
from reports.models import Incident, IncidentKind
from tenants.models import AuditEvent
from tenants.permissions import Role
from tests.conftest import Cast
from tests.faults.arranging import call_api, make_campaign, messages_of, numbers, send
from tests.faults.conftest import Report
from tests.faults.harness import FAILPOINT_EXIT, System, wait_until
from tests.faults.visitor import Visitor
from tests.smsc import make_batch, states, tallied

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]
Note = Callable[[str, str], None]
TOLD_S = 60


class TestFiftyClicks:
    def test_of_two_people_at_once_send_once(self, acme: Cast, system: System, report: Report, note: Note) -> None:
        port = ports.free_port()
        system.start_smsc()
        system.account()
        campaign = make_campaign(acme, 60)
        for start in (system.start_default, system.start_beat, system.start_carrier):
            start()
        system.start_web(port)
        people = [Visitor(port, acme.users[role]) for role in (Role.STAFF, Role.ADMIN)]

        with ThreadPoolExecutor(25) as pool:
            answers = list(
                pool.map(
                    lambda n: people[n % 2].post(f"/campaigns/{campaign.public_id}/send", timeout_s=60),
                    range(50),
                )
            )
        wait_until(lambda: states(acme) == {Status.DELIVERED: 60}, timeout_s=90, what="all are delivered")

        outcome = system.judge_when_settled(texts=60)
        ends = {(answer.status, answer.location) for answer in answers}
        report("12 50 clicks at once by two people", outcome)
        note("12 50 clicks at once by two people", f"each leads to the campaign's page: {len(ends) == 1}")
        assert ends == {(302, f"/campaigns/{campaign.public_id}")}
        assert outcome.faults == {}
        assert messages_of(campaign) == (True, 60, 60)
        with acme.scope():
            assert AuditEvent.objects.filter(action="campaign.sent").count() == 1

    def test_of_the_same_call_make_one_text_and_another_body_is_refused(
        self, acme: Cast, system: System, report: Report
    ) -> None:
        port, idempotency_key = ports.free_port(), str(uuid4())
        system.start_smsc()
        system.account()
        system.start_carrier()
        system.start_web(port)
        body = {"to": "09012345678", "text": "【みなと市】お知らせです。"}

        def post(text: dict[str, str]) -> tuple[int, object]:
            return call_api(
                port,
                "POST",
                "messages",
                acme.keys[Role.ADMIN],
                text,
                timeout_s=60,
                **{"Idempotency-Key": idempotency_key},
            )

        with ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(lambda _: post(body), range(20)))
        other = post({**body, "text": "別の文"})
        wait_until(lambda: states(acme) == {Status.DELIVERED: 1}, timeout_s=60, what="it is delivered")

        report("12 the same call 20 times", system.judge_when_settled(texts=1))
        assert {status for status, _ in answers} <= {201, 409}
        assert 201 in {status for status, _ in answers}
        assert other[0] == 422
        assert len(read_journal(system.journal_path).accepted) == 1


class TestPoison:
    def test_a_text_that_cannot_be_opened_is_set_aside(
        self, acme: Cast, system: System, report: Report, note: Note
    ) -> None:
        system.start_smsc()
        make_batch(acme, system.account(), numbers(50))
        with acme.scope():
            poison = Message.objects.get(seq=25)
            Message.objects.filter(pk=poison.pk).update(sealed=b"not sealed by anybody")
        for start in (system.start_default, system.start_beat, system.start_carrier):
            start()
        wait_until(
            lambda: states(acme) == {Status.DELIVERED: 49, Status.FAILED: 1}, timeout_s=60, what="its neighbours go on"
        )
        note("18 a text that cannot be opened", f"operators told after {told_of(IncidentKind.MESSAGE_SET_ASIDE):.0f} s")

        outcome = system.judge_when_settled(texts=50)
        report("18 a text that cannot be opened", outcome)
        assert outcome.faults == {}
        assert system.deaths == {}
        with acme.scope():
            assert MessageEvent.objects.get(kind=EventKind.SET_ASIDE).message_id == poison.pk

    def test_a_batch_that_kills_its_worker_is_set_aside_after_three(
        self, acme: Cast, system: System, report: Report, note: Note
    ) -> None:
        system.start_smsc()
        account = system.account()
        for start in (system.start_default, system.start_beat):
            start()
        make_batch(acme, account, numbers(50), priority=Priority.URGENT)
        name = system.start_carrier(failpoint="pump.claimed")
        for dead in range(1, 4):
            wait_until(lambda dead=dead: len(system.deaths.get(name, [])) >= dead, timeout_s=60, what=f"death {dead}")
            if dead < 3:
                system.start_carrier(failpoint="pump.claimed")
        make_batch(acme, account, numbers(30, "+8180"))
        wait_until(lambda: states(acme).get(Status.DELIVERED) == 30, timeout_s=90, what="its neighbour goes on")
        note("18 a batch that kills its worker", f"operators told after {told_of(IncidentKind.BATCH_STUCK):.0f} s")

        system.kills = 3
        outcome = system.judge_when_settled(texts=80)
        report("18 a batch that kills its worker", outcome)
        assert system.deaths[name] == [FAILPOINT_EXIT] * 3
        assert outcome.faults == {}
        with acme.scope():
            assert set(Batch.objects.values_list("state", flat=True)) == {BatchState.STUCK, BatchState.DONE}
            assert Batch.objects.get(state=BatchState.STUCK).error

    def test_a_campaign_that_always_raises_does_not_hold_up_another(
        self, acme: Cast, system: System, report: Report, note: Note
    ) -> None:
        system.start_smsc()
        system.account()
        bad, good = make_campaign(acme, 30), make_campaign(acme, 40)
        for campaign in (bad, good):
            send(acme, campaign)
        with acme.scope():
            Campaign.objects.get(pk=bad.pk).roster.recipients.filter(row=7).update(sealed=b"not sealed by anybody")
        for start in (system.start_default, system.start_beat, system.start_carrier):
            start()
        wait_until(lambda: messages_of(good)[0], timeout_s=60, what="its neighbour is expanded")
        wait_until(
            lambda: has_ended_for_good(acme, bad), timeout_s=90, what="it is set aside or goes on without that row"
        )

        note("18 a row that always raises", f"operators told after {told_of(IncidentKind.ROWS_SET_ASIDE):.0f} s")
        report("18 a row that always raises", system.judge_when_settled(texts=40 + messages_of(bad)[1]))
        assert messages_of(good) == (True, 40, 40)
        assert tallied(acme) == states(acme)


def told_of(kind: IncidentKind) -> float:
    """Seconds until the operators' page shows an open incident of this kind."""
    open_ones = Incident.objects.using("operator").filter(kind=kind, ended_at=None)
    return wait_until(open_ones.exists, timeout_s=TOLD_S, what=f"operators are told of {kind}")


def has_ended_for_good(cast: Cast, campaign: Campaign) -> bool:
    with cast.scope():
        row = Campaign.objects.get(pk=campaign.pk)
        return row.is_expanded or row.expand_tries >= 3


class TestCrowd:
    def test_a_hundred_urgent_texts_pass_a_hundred_thousand_of_another_tenant(
        self, acme: Cast, globex: Cast, system: System, report: Report, note: Note
    ) -> None:
        port = ports.free_port()
        system.start_smsc(answer_delay=0.02)
        account = system.account(texts_per_s=300)
        for batch in range(100):
            make_batch(acme, account, numbers(1_000, f"+819{batch % 10}"))
        system.start_web(port)
        system.start_carrier()
        system.wait_for_texts(500)

        made: dict[str, datetime] = {}
        for number in numbers(100, "080"):
            made["81" + number[1:]] = datetime.now().astimezone()
            body = {"to": number, "text": "【globex】お知らせです。", "priority": "urgent"}
            assert call_api(port, "POST", "messages", globex.keys[Role.ADMIN], body)[0] == 201
        wait_until(
            lambda: states(globex) == {Status.DELIVERED: 100}, timeout_s=60, what="the urgent ones are delivered"
        )

        left = states(acme).get(Status.QUEUED, 0)
        waits = [
            (datetime.fromisoformat(part.at) - made[part.key.to]).total_seconds()
            for part in read_journal(system.journal_path).accepted
            if part.key.to in made
        ]
        p95 = quantiles(waits, n=20)[18]
        note(
            "19 100 urgent texts among 100,000 of another",
            f"with the carrier p95 {p95:.2f} s, {left} still waiting behind",
        )
        assert len(waits) == 100
        assert left > 0
        assert p95 <= 10
