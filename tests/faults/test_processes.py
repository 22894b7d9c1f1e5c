"""Processes are killed at random, stopped, frozen, doubled and told to stop mid-way (rows 1, 11, 13 and 17)."""

from __future__ import annotations

import random
import signal
import threading
import time
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from carriers.models import CarrierBind
from devservers import ports, processes
from dispatch.models import Campaign, CampaignState
from dispatch.services.campaigns.stopping import cancel_campaign, pause_campaign, resume_campaign
from dispatch.states import Status
from tenants.permissions import Role
from tests.conftest import Cast
from tests.faults.arranging import call_api, is_over, make_campaign, messages_of, numbers, send
from tests.faults.conftest import Report
from tests.faults.harness import System, W, wait_until
from tests.smsc import make_batch, states, tallied

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

KILLS = 20
SENDING_AGAIN_S = 30


class TestKilledAtRandom:
    def test_loses_nothing_and_sends_nothing_twice(self, acme: Cast, system: System, report: Report) -> None:
        accounts = ["a", "b", "c"]
        system.start_smsc(*accounts, answer_delay="0.05:0.3")
        for number, name in enumerate(accounts):
            account = system.account(name)
            for batch in range(6):
                make_batch(acme, account, numbers(250, f"+819{number}{batch}"), parts=1)
        workers = [system.start_carrier(number) for number, _ in enumerate(accounts, start=1)]
        system.wait_for_binds(len(accounts))

        draw = random.Random(20_220_815)
        while system.kills < KILLS and not is_over(acme):
            time.sleep(draw.uniform(0.2, 6.0))
            victim = draw.choice([name for name in workers if system.is_alive(name)] or workers)
            system.kill(victim)
        last = datetime.now(UTC)
        binds = tuple(system.binds())
        wait_until(lambda: is_over(acme), timeout_s=240, what="every text has an end or is unknown")

        texts = len(accounts) * 6 * 250
        outcome = system.judge_when_settled(texts=texts, recovered_s=system.recovered_s(last, not_binds=binds))
        report("1 kill -9 at random", outcome)
        assert outcome.kills >= KILLS
        assert outcome.faults == {}
        assert outcome.unknown <= 2 * W * outcome.kills
        assert outcome.recovered_s is None or outcome.recovered_s <= SENDING_AGAIN_S


class TestFrozen:
    def test_a_worker_that_wakes_up_after_another_took_over_sends_nothing_twice(
        self, acme: Cast, system: System, report: Report
    ) -> None:
        system.start_smsc(answer_delay=0.1)
        make_batch(acme, system.account(), numbers(900))
        workers = [system.start_carrier(1), system.start_carrier(2)]
        system.wait_for_texts(100)
        frozen = holder_of(system, workers)

        system.signal(frozen, signal.SIGSTOP)
        system.kills += 1
        frozen_at, binds = datetime.now(UTC), tuple(system.binds())
        wait_until(lambda: system.recovered_s(frozen_at, not_binds=binds), timeout_s=40, what="another takes over")
        system.signal(frozen, signal.SIGCONT)
        wait_until(lambda: is_over(acme), timeout_s=90, what="every text has an end or is unknown")

        outcome = system.judge_when_settled(texts=900, recovered_s=system.recovered_s(frozen_at, not_binds=binds))
        report("17 the worker of a bind frozen, another takes over", outcome)
        assert outcome.faults == {}
        assert 0 < outcome.unknown <= 2 * W
        assert outcome.recovered_s is not None
        assert outcome.recovered_s <= SENDING_AGAIN_S


class TestTwoOfEach:
    def test_a_schedule_runs_once_and_a_text_leaves_once(self, acme: Cast, system: System, report: Report) -> None:
        system.start_smsc(answer_delay=0.02)
        system.account()
        campaigns = [make_campaign(acme, 150, send_at=timezone.now() + timedelta(seconds=20 + n % 2)) for n in range(4)]
        for campaign in campaigns:
            send(acme, campaign)
        for n in (1, 2):
            system.start_beat(f"beat-{n}")
            system.start_default(name=f"worker-default-{n}")
            system.start_carrier(n)
        wait_until(lambda: states(acme) == {Status.DELIVERED: 600}, timeout_s=120, what="all are delivered")

        outcome = system.judge_when_settled(texts=600)
        report("17 two beats, two workers for one bind", outcome)
        assert [messages_of(campaign) for campaign in campaigns] == [(True, 150, 150)] * 4
        assert outcome.faults == {}
        assert outcome.unknown == 0
        wait_until(lambda: ended(acme, campaigns), timeout_s=30, what="each campaign is done")


class TestToldToStop:
    def test_each_process_in_turn_under_load_loses_nothing(self, acme: Cast, system: System, report: Report) -> None:
        webs = {f"{processes.WEB}-{n}": ports.free_port() for n in (1, 2)}
        system.start_smsc(answer_delay=0.2)
        system.account()
        for name, port in webs.items():
            system.start_web(port, name=name)
        system.start_default()
        system.start_beat()
        carrier = system.start_carrier()
        system.wait_for_binds()
        names = (carrier, processes.WORKER, processes.BEAT, *webs)

        with requests_of(acme, list(webs.values())) as load:
            for _ in range(5):
                for name in names:
                    before = system.pid(name)
                    system.terminate(name)
                    wait_until(lambda before=before, name=name: system.pid(name) != before, timeout_s=60, what=name)
                    time.sleep(1)
        wait_until(lambda: is_over(acme), timeout_s=120, what="every text has an end")

        system.kills = 5 * len(names)
        outcome = system.judge_when_settled(texts=len(load.taken))
        report(f"11 SIGTERM to each in turn, {len(load.taken)} texts", outcome)
        assert len(load.taken) > 50
        assert load.failed == []
        assert outcome.faults == {}
        assert outcome.unknown == 0


class TestStopped:
    @pytest.mark.parametrize("act", ["pause", "cancel"])
    def test_in_mid_send_at_most_two_windows_leave(
        self, acme: Cast, system: System, note: Callable[[str, str], None], act: str
    ) -> None:
        system.start_smsc(answer_delay=0.1)
        system.account()
        campaign = make_campaign(acme, 900)
        send(acme, campaign)
        for start in (system.start_default, system.start_beat, system.start_carrier):
            start()
        system.wait_for_texts(200)

        with acme.scope():
            row = Campaign.objects.get(pk=campaign.pk)
            (pause_campaign if act == "pause" else cancel_campaign)(campaign=row, by=acme.staff, now=timezone.now())
        at_once = system.accepted()
        stopped_after = seconds_until_still(system)
        further = system.accepted() - at_once
        if act == "pause":
            with acme.scope():
                row = Campaign.objects.get(pk=campaign.pk)
                assert states(acme)[Status.QUEUED] == 900 - system.accepted()
                resume_campaign(campaign=row, by=acme.staff, now=timezone.now())
        wait_until(lambda: is_over(acme), timeout_s=60, what="every text has an end")

        note(f"13 {act} in mid-send", f"further texts {further} (2W = {2 * W}), still after {stopped_after:.1f} s")
        assert further <= 2 * W
        assert stopped_after <= 2
        taken = system.accepted()
        assert states(acme) == (
            {Status.DELIVERED: 900} if act == "pause" else {Status.DELIVERED: taken, Status.CANCELLED: 900 - taken}
        )
        assert tallied(acme) == states(acme)
        assert system.judge_when_settled(texts=900).faults == {}


def holder_of(system: System, workers: list[str]) -> str:
    """The worker that holds the only bind."""
    pid = int(CarrierBind.objects.using("operator").get().holder.split(":")[1])
    return next(name for name in workers if system.pid(name) == pid)


def ended(cast: Cast, campaigns: list[Campaign]) -> bool:
    with cast.scope():
        found = Campaign.objects.filter(pk__in=[campaign.pk for campaign in campaigns])
        return set(found.values_list("state", flat=True)) <= {CampaignState.SENT, CampaignState.DONE}


def seconds_until_still(system: System) -> float:
    """The seconds until the carrier took the last text of those under way."""
    began = time.monotonic()
    last, changed = system.accepted(), 0.0
    while time.monotonic() - began - changed < 3:
        time.sleep(0.05)
        if (now := system.accepted()) != last:
            last, changed = now, time.monotonic() - began
    return changed


class Load:
    """Texts sent over the API, one after the other: those taken, and the requests that were answered wrongly.

    As a proxy before two web processes does it, a request that finds nobody at one port goes to the other.
    """

    def __init__(self, cast: Cast, ports: list[int]) -> None:
        self.taken: list[str] = []
        self.failed: list[str] = []
        self._cast = cast
        self._ports = ports
        self._over = threading.Event()

    def run(self) -> None:
        number = 0
        while not self._over.wait(0.05):
            number += 1
            body = {"to": f"090{10_000_000 + number:08d}", "text": "【みなと市】お知らせです。"}
            try:
                status, answer = self._post(body)
            except OSError as exc:
                self.failed.append(repr(exc))
            else:
                self.taken.append(answer["id"]) if status == 201 else self.failed.append(f"{status} {answer}")

    def _post(self, body: dict[str, str]) -> tuple[int, Any]:
        key = self._cast.keys[Role.ADMIN]
        try:
            return call_api(self._ports[0], "POST", "messages", key, body)
        except urllib.error.URLError as exc:
            if not isinstance(exc.reason, ConnectionRefusedError):
                raise
        self._ports.reverse()
        return call_api(self._ports[0], "POST", "messages", key, body)

    def stop(self) -> None:
        self._over.set()


@contextmanager
def requests_of(cast: Cast, ports: list[int]) -> Iterator[Load]:
    load = Load(cast, ports)
    thread = threading.Thread(target=load.run)
    thread.start()
    try:
        yield load
    finally:
        load.stop()
        thread.join()
