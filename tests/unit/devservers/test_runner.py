from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devservers import groups
from devservers.errors import CannotStart, Interrupted
from devservers.runner import ROOT, Program, Runner
from devservers.stopping import StopRequest

pytestmark = pytest.mark.slow


class StopAfter(StopRequest):
    """Asked to stop once something holds."""

    def __init__(self, condition: Callable[[], bool]) -> None:
        super().__init__()
        self._condition = condition

    def is_made(self) -> bool:
        return self._condition()


def python(code: str, *, name: str = "it", stage: int = 1, grace_s: float = 5) -> Program:
    return Program(
        name=name,
        command=(sys.executable, "-c", code),
        environment={"PATH": os.defpath},
        stage=stage,
        grace_s=grace_s,
    )


def wait_for(condition: Callable[[], bool], *, timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    with Runner(logs=tmp_path / "logs", stop=StopRequest()) as runner:
        yield runner


class TestRun:
    def test_returns_what_was_printed(self, runner: Runner) -> None:
        assert runner.run(python("print('四二')"), timeout_s=20) == "四二\n"

    def test_shows_the_end_of_the_log_when_it_fails(self, runner: Runner) -> None:
        with pytest.raises(CannotStart, match=r"(?s)it failed \(exit code 3\).*no such table"):
            runner.run(python("import sys; print('no such table', file=sys.stderr); sys.exit(3)"), timeout_s=20)

    def test_ends_it_when_it_takes_too_long(self, runner: Runner) -> None:
        with pytest.raises(CannotStart, match="did not end within"):
            runner.run(python("import time; time.sleep(60)"), timeout_s=0.3)

        assert runner.pids() == {}

    def test_is_interrupted_by_a_stop(self, tmp_path: Path) -> None:
        began = time.monotonic()
        stop = StopAfter(lambda: time.monotonic() - began > 0.3)
        with Runner(logs=tmp_path, stop=stop) as runner, pytest.raises(Interrupted):
            runner.run(python("import time; time.sleep(60)"), timeout_s=60)


class TestRunInForeground:
    def test_returns_the_exit_code(self, runner: Runner) -> None:
        assert runner.run_in_foreground(python("raise SystemExit(5)")) == 5

    def test_passes_a_stop_on(self, tmp_path: Path) -> None:
        began = time.monotonic()
        stop = StopAfter(lambda: time.monotonic() - began > 0.3)
        with Runner(logs=tmp_path, stop=stop) as runner:
            assert runner.run_in_foreground(python("import time; time.sleep(60)")) == 130


class TestSupervise:
    def test_starts_again_after_a_second_what_was_killed(self, runner: Runner) -> None:
        first = runner.start(python("import time; time.sleep(60)"))
        restarted: list[str] = []
        os.kill(first, signal.SIGKILL)
        began = time.monotonic()

        runner.supervise(until=lambda: bool(restarted), on_restart=restarted.append)

        assert restarted == ["it"]
        assert 1 <= time.monotonic() - began < 4
        assert runner.pids()["it"] != first
        assert runner.is_alive("it")

    def test_ends_the_children_of_what_was_killed_before_it_starts_it_again(
        self, runner: Runner, tmp_path: Path
    ) -> None:
        note = tmp_path / "child"
        code = (
            "import pathlib, subprocess, sys, time;"
            "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
            f"pathlib.Path({str(note)!r}).write_text(str(child.pid)); time.sleep(60)"
        )
        parent = runner.start(python(code))
        wait_for(lambda: note.exists() and note.read_text().isdecimal())
        child = int(note.read_text())
        restarted: list[str] = []
        os.kill(parent, signal.SIGKILL)

        runner.supervise(until=lambda: bool(restarted), on_restart=restarted.append)

        assert not groups.is_running(child)


class TestLogs:
    def test_keeps_the_log_of_the_run_before(self, tmp_path: Path) -> None:
        for text in ("first", "second"):
            with Runner(logs=tmp_path, stop=StopRequest()) as runner:
                runner.run(python(f"import sys; print({text!r}, file=sys.stderr)"), timeout_s=20)

        assert (tmp_path / "it.log").read_text() == "second\n"
        assert (tmp_path / "it.log.before").read_text() == "first\n"


# A runner of its own: two processes, one of them with a child that is deaf to SIGTERM; prints their ids.
SCRIPT = """
import json, os, pathlib, sys, time
from devservers.runner import Program, Runner
from devservers.stopping import StopRequest

stop = StopRequest()
stop.listen()
deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
parent = f"import subprocess, sys, time; c = subprocess.Popen([sys.executable, '-c', {deaf!r}]); "
parent += "open('{note}', 'w').write(str(c.pid)); time.sleep(60)"
with Runner(logs=pathlib.Path(sys.argv[1]), stop=stop) as runner:
    environment = dict(PATH=os.defpath)
    note = pathlib.Path(sys.argv[1], "note")
    sleep = (sys.executable, "-c", "import time; time.sleep(60)")
    runner.start(Program(name="a", command=sleep, environment=environment))
    command = (sys.executable, "-c", parent.replace("{note}", str(note)))
    runner.start(Program(name="b", command=command, environment=environment, stage=2, grace_s=2))
    while not (note.exists() and note.read_text()):
        time.sleep(0.02)
    print(json.dumps([*runner.pids().values(), int(note.read_text())]), flush=True)
    runner.supervise(until=lambda: False, on_restart=print)
"""


@pytest.fixture
def separate(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A runner in a process of its own, in a group of its own."""
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        yield process
        process.kill()


def children_of(separate: subprocess.Popen[str]) -> list[int]:
    assert separate.stdout is not None
    pids: list[int] = json.loads(separate.stdout.readline())
    assert all(groups.is_running(pid) for pid in pids)
    return pids


class TestTheEndOfARunner:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_leaves_nothing_running_after_a_signal_to_it_alone(
        self, separate: subprocess.Popen[str], number: signal.Signals
    ) -> None:
        pids = children_of(separate)

        separate.send_signal(number)

        assert separate.wait(timeout=20) == 0
        assert [pid for pid in pids if groups.is_running(pid)] == []

    def test_leaves_nothing_running_after_ctrl_c_to_its_group(self, separate: subprocess.Popen[str]) -> None:
        pids = children_of(separate)

        os.killpg(separate.pid, signal.SIGINT)

        assert separate.wait(timeout=20) == 0
        assert [pid for pid in pids if groups.is_running(pid)] == []

    def test_leaves_nothing_running_after_kill_9(self, separate: subprocess.Popen[str]) -> None:
        pids = children_of(separate)

        separate.kill()

        separate.wait()
        wait_for(lambda: not any(groups.is_running(pid) for pid in pids))
