from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from devservers import groups
from devservers.groups import Group

SLEEPER = "import time; print('up', flush=True); time.sleep(60)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + SLEEPER
# Its child is deaf, and outlives it.
PARENT = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {DEAF!r}]); time.sleep(60)"


class Family:
    """Processes that a test starts, each leading a group."""

    def __init__(self) -> None:
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, code: str, *, stage: int = 1, grace_s: float = 10) -> Group:
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        self.processes.append(process)
        return Group(name="it", pid=process.pid, stage=stage, stop_signal=signal.SIGTERM, grace_s=grace_s)

    def reap(self) -> None:
        for process in self.processes:
            process.poll()

    def end(self) -> None:
        for process in self.processes:
            groups.kill(Group(name="it", pid=process.pid, stage=0, stop_signal=signal.SIGKILL, grace_s=0))
            process.communicate()


@pytest.fixture
def family() -> Iterator[Family]:
    family = Family()
    yield family
    family.end()


class TestStop:
    def test_asks_the_leader_first(self, family: Family) -> None:
        group = family.start(SLEEPER)

        groups.stop([group], reap=family.reap)

        assert family.processes[0].wait() == -signal.SIGTERM
        assert not groups.living([group])

    def test_kills_a_leader_that_does_not_listen(self, family: Family) -> None:
        group = family.start(DEAF, grace_s=0.3)
        began = time.monotonic()

        groups.stop([group], reap=family.reap)

        assert family.processes[0].wait() == -signal.SIGKILL
        assert time.monotonic() - began >= 0.3

    def test_kills_what_the_leader_leaves_behind(self, family: Family) -> None:
        group = family.start(PARENT)
        assert groups.living([group])

        groups.stop([group], reap=family.reap)

        assert family.processes[0].wait() == -signal.SIGTERM
        assert not groups.living([group])

    def test_ends_the_highest_stage_before_the_next(self, family: Family) -> None:
        lower = family.start(SLEEPER, stage=0)
        slow = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.3), sys.exit(7)));"
        upper = family.start(slow + SLEEPER, stage=1)
        seen: list[bool] = []

        def reap() -> None:
            if groups.is_running(upper.pid):
                seen.append(groups.is_running(lower.pid))
            family.reap()

        groups.stop([lower, upper], reap=reap)

        assert seen
        assert all(seen)
        assert family.processes[1].wait() == 7
        assert not groups.living([lower, upper])

    def test_takes_one_that_is_gone_already(self, family: Family) -> None:
        group = family.start("print('up')")
        family.processes[0].wait()

        groups.stop([group], reap=family.reap)

        assert not groups.living([group])


class TestIsRunning:
    def test_does_not_count_one_that_only_waits_to_be_reaped(self, family: Family) -> None:
        group = family.start("print('up')")

        deadline = time.monotonic() + 10
        while groups.is_running(group.pid) and time.monotonic() < deadline:
            time.sleep(0.02)

        assert not groups.is_running(group.pid)
        assert family.processes[0].returncode is None
