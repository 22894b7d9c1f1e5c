"""kill -9 of the carrier worker in mid-send: the quick part of row 1. `make test` has it by tests/e2e/test_7_killed_worker.py."""

from __future__ import annotations

import pytest

from tests.conftest import Cast
from tests.faults.arranging import is_over, numbers
from tests.faults.conftest import Report
from tests.faults.harness import System, W, wait_until
from tests.smsc import make_batch

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]
TEXTS = 600
SENDING_AGAIN_S = 30


class TestKilledInMidSend:
    def test_loses_nothing_and_sends_nothing_twice(self, acme: Cast, system: System, report: Report) -> None:
        system.start_smsc(answer_delay=0.1)
        make_batch(acme, system.account(), numbers(TEXTS))
        name = system.start_carrier()
        system.wait_for_texts(TEXTS // 4)

        binds = system.binds()
        system.kill(name)
        assert system.killed_at is not None
        killed_at = system.killed_at
        wait_until(lambda: is_over(acme), timeout_s=90, what="every text has an end or is unknown")

        outcome = system.judge_when_settled(
            texts=TEXTS, recovered_s=system.recovered_s(killed_at, not_binds=tuple(binds))
        )
        report("1 kill -9 in mid-send", outcome)
        assert system.deaths == {name: [-9]}
        assert outcome.faults == {}
        assert 0 < outcome.unknown <= 2 * W
        assert outcome.recovered_s is not None
        assert outcome.recovered_s <= SENDING_AGAIN_S
