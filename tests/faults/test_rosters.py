"""kill -9 while a large roster is read or expanded: exactly its rows, no more and no fewer (row 2)."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import psycopg
import pytest
from django.utils import timezone

from devservers import processes
from dispatch.models import Campaign
from dispatch.services.campaigns.stopping import pause_campaign
from recipients.models import RosterState
from tests.conftest import Cast, admin_url
from tests.faults.arranging import make_campaign, messages_of, rows_of, send, upload
from tests.faults.conftest import Report
from tests.faults.harness import System, wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

ROWS = 100_000
KILLS = 3
GOES_ON_S = 90


def count(statement: str, key: int) -> int:
    with psycopg.connect(admin_url()) as connection:
        found = connection.execute(statement, [key]).fetchone()
    return int(found[0]) if found and found[0] else 0


def kill_while(system: System, progress: Callable[[], int], *, until: int) -> float:
    """Kill the worker three times at random points of the work; the longest that it took to go on."""
    draw = random.Random(until)
    longest = 0.0
    for _ in range(KILLS):
        if (reached := progress()) >= until:
            break
        wait_until(
            lambda reached=reached: progress() > reached, timeout_s=GOES_ON_S + 30, what="it goes on", every_s=0.02
        )
        time.sleep(draw.uniform(0, 0.3))
        if progress() >= until:
            break
        system.kill(processes.WORKER)
        if (before := progress()) >= until:
            break
        longest = max(
            longest,
            wait_until(lambda before=before: progress() > before, timeout_s=GOES_ON_S + 30, what="it goes on"),
        )
    return longest


class TestKilledOverALargeRoster:
    def test_while_reading_every_row_is_there_once(self, acme: Cast, system: System, report: Report) -> None:
        roster = upload(acme, ROWS)
        system.start_default()
        system.start_beat()

        statement = "SELECT rows_read FROM recipients_roster WHERE id = %s"
        longest = kill_while(system, lambda: count(statement, roster.pk), until=ROWS)
        wait_until(lambda: rows_of(roster)[0] == RosterState.READY, timeout_s=120, what="it is read")

        report(f"2 kill -9 while {ROWS:,} rows are read", system.judge(texts=0, recovered_s=longest))
        assert system.kills >= 1
        assert rows_of(roster) == (RosterState.READY, ROWS, ROWS)
        assert longest <= GOES_ON_S

    def test_while_expanding_every_message_is_there_once(self, acme: Cast, system: System, report: Report) -> None:
        system.account("elsewhere", port=1)  # no carrier worker runs that could bind to it
        campaign = make_campaign(acme, ROWS)
        send(acme, campaign)
        with acme.scope():
            pause_campaign(campaign=Campaign.objects.get(pk=campaign.pk), by=acme.staff, now=timezone.now())
        system.start_default()
        system.start_beat()

        statement = "SELECT expanded_row FROM dispatch_campaign WHERE id = %s"
        longest = kill_while(system, lambda: count(statement, campaign.pk), until=ROWS)
        wait_until(lambda: messages_of(campaign)[0], timeout_s=120, what="it is expanded")

        outcome = system.judge(texts=ROWS, recovered_s=longest)
        report(f"2 kill -9 while {ROWS:,} rows are expanded", outcome)
        assert system.kills >= 1
        assert messages_of(campaign) == (True, ROWS, ROWS)
        assert outcome.faults == {}
        assert longest <= GOES_ON_S
