"""A whole demonstration, started as `make demo` does, for the tests of this folder to click through."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devservers import environment, groups
from devservers.groups import Group
from devservers.runner import ROOT

TODAY = "2022-08-15"
STARTING_S = 400
STOPPING_S = 60


@dataclass(frozen=True)
class Demonstration:
    """One that runs: its description is read anew each time, since process ids change.

    ``process`` is its own where we started it.
    """

    directory: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def description_file(self) -> Path:
        return self.directory / "demo.json"

    def description(self) -> dict[str, Any]:
        described: dict[str, Any] = json.loads(self.description_file.read_text())
        return described

    @property
    def url(self) -> str:
        return str(self.description()["url"])

    @property
    def journal(self) -> Path:
        return Path(self.description()["smsc"]["journal"])

    def user(self, key: str) -> dict[str, str]:
        user: dict[str, str] = self.description()["users"][key]
        return user

    def pid(self, process: str) -> int:
        return int(self.description()["pids"][process])


def wait_until(holds: Callable[[], Any], *, timeout_s: float, what: str) -> None:
    """Raises ``AssertionError`` when it does not come about in time."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {timeout_s:.0f} s: {what}"
        time.sleep(0.1)


@contextmanager
def demonstration(directory: Path) -> Iterator[Demonstration]:
    """Started with empty data, and stopped afterwards."""
    output_file = directory / "output"
    with output_file.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "devservers", "demo", "--data", str(directory)],
            cwd=ROOT,
            env=_environment(),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        demo = Demonstration(directory, process)
        wait_until(
            lambda: process.poll() is not None or demo.description_file.exists(),
            timeout_s=STARTING_S,
            what="the demonstration is up",
        )
        assert process.poll() is None, output_file.read_text()
        yield demo
    finally:
        groups.stop([Group(name="demo", pid=process.pid, stage=0, stop_signal=signal.SIGINT, grace_s=STOPPING_S)])
        process.wait()


def _environment() -> dict[str, str]:
    """Ours, less servers and a port that somebody named for theirs."""
    others = {"DATABASE_URL", "REDIS_URL", "PORT", "BASE_URL", "DEMO_SMSC_URL", "FAILPOINT"}
    given = {name: value for name, value in environment.outside().items() if name not in others}
    return {**given, "DEMO_TODAY": TODAY}
