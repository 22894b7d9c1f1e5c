from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devservers import groups
from devservers.runner import ROOT
from devservers.stopping import StopRequest

WAITER = """
import os, time
from devservers.stopping import StopRequest

stop = StopRequest()
stop.listen()
print(os.getpid(), flush=True)
stop.wait(seconds=30)
print("asked" if stop.is_made() else "never asked", flush=True)
"""


@pytest.fixture
def make(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """GNU make, over something that waits for a stop."""
    program = shutil.which("make")
    assert program is not None, "GNU make is one of the three things that a machine must have"
    (tmp_path / "waiter.py").write_text(WAITER)
    makefile = tmp_path / "Makefile"
    # The quotes make it call a shell, as they do in ours.
    makefile.write_text(f'waiter:\n\t@exec {sys.executable} "{tmp_path}/waiter.py"\n')
    environment = {"PATH": os.defpath, "PYTHONPATH": str(ROOT)}
    command = [program, "-f", str(makefile)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    ) as process:
        yield process
        process.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.slow
class TestStopRequestUnderMake:
    def test_sees_that_make_alone_was_told_to_stop(self, make: subprocess.Popen[str]) -> None:
        first_line(make)

        make.send_signal(signal.SIGINT)

        assert first_line(make) == "asked\n"

    def test_sees_that_make_was_killed(self, make: subprocess.Popen[str]) -> None:
        waiter = int(first_line(make))

        make.kill()

        deadline = time.monotonic() + 10
        while groups.is_running(waiter) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not groups.is_running(waiter)

    def test_goes_on_while_nobody_asks(self, make: subprocess.Popen[str]) -> None:
        waiter = int(first_line(make))

        time.sleep(0.5)

        assert groups.is_running(waiter)


class TestMakefile:
    def test_puts_no_shell_between_make_and_a_runner(self) -> None:
        recipes = [line.strip() for line in (ROOT / "Makefile").read_text().splitlines() if "-m devservers" in line]

        assert recipes
        assert [recipe for recipe in recipes if not recipe.startswith("@exec ")] == []


class TestStopRequest:
    def test_is_not_made_by_itself(self) -> None:
        assert not StopRequest().is_made()

    def test_waits_as_long_as_it_is_told(self) -> None:
        began = time.monotonic()

        StopRequest().wait(seconds=0.25)

        assert time.monotonic() - began >= 0.25

    def test_waits_no_longer_than_needed(self) -> None:
        began = time.monotonic()

        StopRequest().wait(seconds=30, unless=lambda: True)

        assert time.monotonic() - began < 5
