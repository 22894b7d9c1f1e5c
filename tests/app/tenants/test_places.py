"""Long tasks leave a process of their worker's pool free, whatever becomes of those that hold a place."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from recipients.task_names import READ_ROSTER
from recipients.tasks import read_roster
from tenants import places, tasking
from tenants.places import Places


def hold_in_a_child(mine: Places) -> tuple[int, int]:
    """(pid, what it read from the pipe: b"1" for a place) of a process that was forked off and keeps what it got."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        with mine.one() as is_mine:
            os.write(writing, b"1" if is_mine else b"0")
            signal.pause()
    os.close(writing)
    with open(reading, "rb") as pipe:
        return pid, int(pipe.read(1))


class TestPlaces:
    def test_are_for_so_many_processes_and_come_back_from_one_that_is_killed(self) -> None:
        mine = Places(1)
        first, first_has = hold_in_a_child(mine)
        second, second_has = hold_in_a_child(mine)
        with mine.one() as third_has:
            assert (first_has, second_has, third_has) == (1, 0, False)
        for pid in (first, second):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

        with mine.one() as has_one:
            assert has_one


class TestLongTasks:
    def test_go_to_the_end_of_the_queue_where_there_is_no_place(self, monkeypatch: pytest.MonkeyPatch) -> None:
        again: list[tuple[str, dict[str, Any]]] = []
        mine = Places(1)
        monkeypatch.setattr(places, "_places", mine)
        monkeypatch.setattr(tasking, "enqueue", lambda name, **ids: again.append((name, ids)))
        pid, _has = hold_in_a_child(mine)
        try:
            read_roster(tenant_id=1, roster_id=2)
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

        assert again == [(READ_ROSTER, {"tenant_id": 1, "roster_id": 2})]
