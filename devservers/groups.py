"""Process groups: who still lives in them, and how they are ended.

Each process of ours leads a group of its own, so that its children can be found and ended with it: a worker's pool
outlives a worker that was killed.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_POLL_S = 0.05
_AFTER_KILL_S = 5.0


@dataclass(frozen=True, slots=True)
class Group:
    """A process and its descendants. `pid` is the leader's, and the group's number too."""

    name: str
    pid: int
    stage: int
    """Groups of a higher stage were started later and are ended first."""
    stop_signal: int
    """What asks the leader to end in good order."""
    grace_s: float
    """How long it may take over that before the whole group is killed."""


@dataclass(frozen=True, slots=True)
class _Entry:
    pid: int
    pgid: int
    is_zombie: bool


def _entry(pid: int) -> _Entry | None:
    """One process by /proc (proc(5), /proc/pid/stat); None where there is none of that number."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    # The command's name stands in brackets and may hold brackets and spaces itself.
    state, _parent, pgid = stat.rpartition(")")[2].split()[:3]
    return _Entry(pid=pid, pgid=int(pgid), is_zombie=state in {"Z", "X"})


def _entries() -> Iterator[_Entry]:
    for directory in Path("/proc").iterdir():
        entry = _entry(int(directory.name)) if directory.name.isdecimal() else None
        if entry is not None:
            yield entry


def living(groups: Collection[Group]) -> frozenset[int]:
    """The numbers of those groups in which a process runs; one that only waits to be reaped is dead."""
    wanted = {group.pid for group in groups}
    return frozenset(entry.pgid for entry in _entries() if entry.pgid in wanted and not entry.is_zombie)


def is_running(pid: int) -> bool:
    """Whether this process is there and is no zombie."""
    entry = _entry(pid)
    return entry is not None and not entry.is_zombie


def kill(group: Group) -> None:
    """End all of the group at once."""
    with suppress(ProcessLookupError):
        os.killpg(group.pid, signal.SIGKILL)


def stop(groups: Sequence[Group], *, reap: Callable[[], None] = lambda: None) -> None:
    """End the groups in good order, the highest stage first; kill what is left when its time is over.

    `reap` is called again and again while we wait, for a parent that has children to collect.
    """
    for stage in sorted({group.stage for group in groups}, reverse=True):
        _stop_together([group for group in groups if group.stage == stage], reap=reap)


def _stop_together(groups: Sequence[Group], *, reap: Callable[[], None]) -> None:
    for group in groups:
        # The leader alone: it ends its children in its own way (a pool lets its task finish).
        with suppress(ProcessLookupError):
            os.kill(group.pid, group.stop_signal)
    began = time.monotonic()
    waiting = list(groups)
    while waiting:
        reap()
        for group in [group for group in waiting if not is_running(group.pid)]:
            kill(group)  # what the leader left behind
            waiting.remove(group)
        for group in [group for group in waiting if time.monotonic() - began > group.grace_s]:
            kill(group)
            waiting.remove(group)
        if waiting:
            time.sleep(_POLL_S)
    deadline = time.monotonic() + _AFTER_KILL_S
    while living(groups) and time.monotonic() < deadline:
        reap()
        time.sleep(_POLL_S)
