"""Places for work that takes minutes: a worker keeps one process of its pool for what must be done within seconds.

A place is a byte of a nameless file, locked by the process that holds it (POSIX record locks), so that one that is killed
gives its place back. Where a worker has no pool there is nothing to keep.
"""

from __future__ import annotations

import fcntl
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, Final

from celery.signals import worker_init

ASK_EVERY_S: Final = 0.02


class Places:
    """``count`` places for a process and those that are forked off it."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process

    @contextmanager
    def one(self, *, wait_s: float = 0.0) -> Iterator[bool]:
        """Whether there is a place within ``wait_s``; it is held until the end of the block."""
        until = time.monotonic() + wait_s
        while (place := next(filter(self._take, range(self._count)), None)) is None and time.monotonic() < until:
            time.sleep(ASK_EVERY_S)
        try:
            yield place is not None
        finally:
            if place is not None:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, place)

    def _take(self, place: int) -> bool:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except OSError:  # another process holds it
            return False
        return True


_places: Places | None = None


@worker_init.connect
def _keep_a_process(sender: Any, **_given: Any) -> None:
    """Before the pool is forked."""
    global _places
    _places = Places(sender.concurrency - 1) if sender.concurrency > 1 else None


@contextmanager
def place_for_long_work(*, wait_s: float) -> Iterator[bool]:
    if _places is None:
        yield True
        return
    with _places.one(wait_s=wait_s) as is_mine:
        yield is_mine
