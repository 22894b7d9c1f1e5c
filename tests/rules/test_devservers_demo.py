"""`make demo` as a new user runs it: it comes up, mends itself, and leaves nothing behind (DESIGN.md §7)."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from devservers import environment, groups
from devservers.groups import Group
from devservers.runner import ROOT

pytestmark = pytest.mark.e2e
PROCESSES = {"web", "worker-default", "worker-carrier-1", "beat", "postgres", "valkey", "smsc"}


@dataclass(frozen=True)
class Demo:
    """A demonstration that a test started."""

    directory: Path
    process: subprocess.Popen[str]

    def description(self) -> dict[str, Any]:
        described: dict[str, Any] = json.loads((self.directory / "demo.json").read_text())
        return described

    def is_described(self) -> bool:
        assert self.process.poll() is None, "the demonstration ended by itself"
        return (self.directory / "demo.json").exists()


def wait_for(condition: Callable[[], bool], *, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def status_of(url: str) -> int:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    given = {name: value for name, value in environment.outside().items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    command = [sys.executable, "-m", "devservers", "demo", "--data", str(tmp_path)]
    with (tmp_path / "output").open("w") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=given, stdout=output, stderr=output, text=True, start_new_session=True
        )
    try:
        demo = Demo(directory=tmp_path, process=process)
        wait_for(demo.is_described, timeout_s=400)
        yield demo
    finally:
        group = Group(name="demo", pid=process.pid, stage=0, stop_signal=signal.SIGINT, grace_s=60)
        groups.stop([group])
        process.wait()


class TestDemo:
    def test_comes_up_mends_itself_and_leaves_nothing_behind(self, demo: Demo) -> None:
        described = demo.description()
        first = dict(described["pids"])
        assert set(first) == PROCESSES
        assert {"staff", "approver", "admin", "operator", "other_tenant_staff"} <= set(described["users"])
        assert {"tenant", "other_tenant"} <= set(described["api_keys"])
        assert status_of(described["url"] + "/readyz") == 200

        os.kill(first["worker-carrier-1"], signal.SIGKILL)
        wait_for(lambda: demo.description()["pids"]["worker-carrier-1"] != first["worker-carrier-1"], timeout_s=15)
        second = demo.description()["pids"]
        assert {name for name in first if first[name] != second[name]} == {"worker-carrier-1"}
        wait_for(lambda: status_of(described["url"] + "/readyz") == 200, timeout_s=30)

        demo.process.send_signal(signal.SIGINT)
        assert demo.process.wait(timeout=60) == 0
        assert [name for name, pid in second.items() if groups.is_running(pid)] == []
        assert not (demo.directory / "demo.json").exists()
