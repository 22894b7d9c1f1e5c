"""The demonstration as a new user runs it: all of it is up, it mends itself, and it leaves nothing behind (DESIGN.md §7).

The last file of this folder: it stops what the others clicked through.
"""

from __future__ import annotations

import http.client
import os
import signal
from urllib.parse import urlsplit

import pytest

from devservers import groups
from tests.e2e.demonstration import STOPPING_S, Demonstration, wait_until

pytestmark = pytest.mark.e2e
PROCESSES = {"web", "worker-default", "worker-carrier-1", "beat", "postgres", "valkey", "smsc"}


def is_ready(demo: Demonstration) -> bool:
    parts = urlsplit(demo.url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    finally:
        connection.close()


class TestTheDemonstration:
    def test_is_all_there_mends_itself_and_leaves_nothing_behind(self, demo: Demonstration) -> None:
        if demo.process is None:
            pytest.skip("E2E_DEMO names one that is not ours to stop")
        described = demo.description()
        first = dict(described["pids"])
        assert set(first) == PROCESSES
        assert {"staff", "approver", "admin", "operator", "other_tenant_staff"} <= set(described["users"])
        assert {"tenant", "other_tenant"} <= set(described["api_keys"])
        wait_until(lambda: is_ready(demo), timeout_s=30, what="it is ready")

        os.kill(first["worker-carrier-1"], signal.SIGKILL)
        wait_until(
            lambda: demo.pid("worker-carrier-1") != first["worker-carrier-1"],
            timeout_s=15,
            what="the worker is started again",
        )
        second = demo.description()["pids"]
        assert {name for name in first if first[name] != second[name]} == {"worker-carrier-1"}
        wait_until(lambda: is_ready(demo), timeout_s=30, what="it is ready again")

        demo.process.send_signal(signal.SIGINT)
        assert demo.process.wait(timeout=STOPPING_S) == 0
        assert [name for name, pid in second.items() if groups.is_running(pid)] == []
        assert not demo.description_file.exists()
