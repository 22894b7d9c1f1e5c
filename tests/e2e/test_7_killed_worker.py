"""kill -9 of the carrier worker while a roster goes out: the runner starts it again, and nothing is lost or doubled."""

from __future__ import annotations

import os
import signal

import pytest

from carriers.simulator.journal import read_journal
from tests.e2e import oracle, walking
from tests.e2e.conftest import OpenPage
from tests.e2e.demonstration import Demonstration, wait_until
from tests.e2e.sending import Sending

pytestmark = pytest.mark.e2e
WORKER = "worker-carrier-1"
TEXTS = 510
UNKNOWN = "結果不明"
W = 10
LONG_TEXT = (
    "【みなと市保健所】{{氏名|様}}\n療養終了日は{{療養終了日}}です。" + "体調に不安があるときは、お電話ください。" * 12
)
RECOVERY_S = 120


class TestKilledInMidSend:
    def test_every_text_ends_and_none_is_sent_twice(
        self, release: Sending, demo: Demonstration, open_page: OpenPage
    ) -> None:
        page, before = open_page("staff"), len(read_journal(demo.journal).accepted)
        walking.upload(page, walking.RELEASE_ROSTER)
        walking.confirm_problems(page)
        walking.write_text(page, LONG_TEXT)
        first = demo.pid(WORKER)

        walking.send(page, demo.user("staff"))
        wait_until(lambda: len(read_journal(demo.journal).accepted) > before, timeout_s=60, what="texts leave")
        os.kill(first, signal.SIGKILL)
        taken = len({part.key.to for part in read_journal(demo.journal).accepted[before:]})

        assert taken < len(set(oracle.release_numbers())), "the kill came too late to be in mid-send"
        wait_until(lambda: demo.pid(WORKER) != first, timeout_s=30, what="the runner starts the worker again")
        walking.wait_until_over(page, timeout_ms=RECOVERY_S * 1000)
        states = walking.states_on(page)
        unknown = states.pop(UNKNOWN, 0)
        assert unknown <= 2 * W
        assert states == {oracle.DELIVERED: TEXTS - unknown}
        journal = read_journal(demo.journal)
        assert journal.doubles == []
        delivered = oracle.journal_says(journal, journal.accepted[before:])[oracle.DELIVERED]
        assert states[oracle.DELIVERED] <= delivered <= TEXTS
