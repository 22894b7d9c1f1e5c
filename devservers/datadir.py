"""The data directory of a checkout, and the right to use it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devservers import groups
from devservers.errors import CannotStart

_EARLIER_RUN_S = 60
_LOCK_NAME = "lock"


@contextmanager
def locked(directory: Path) -> Iterator[int]:
    """Hold the directory for ourselves; yields the descriptor of the lock, for the guardian to hold it too.

    A second run in the same checkout gets CannotStart. One whose runner was killed is waited for, since its guardian
    still ends what it had started.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(directory / _LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise CannotStart(
            f"{directory} can't be used ({exc.strerror}): does it belong to another user? "
            "That user's `make demo-reset` empties it."
        ) from exc
    try:
        _lock(descriptor, directory=directory)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int, *, directory: Path) -> None:
    deadline = time.monotonic() + _EARLIER_RUN_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            holder = os.pread(descriptor, 20, 0).decode()
            if holder.isdecimal() and groups.is_running(int(holder)):
                raise CannotStart(f"{directory} is in use: this checkout already runs (process {holder}).") from exc
            if time.monotonic() > deadline:
                raise CannotStart(f"{directory} is still in use by an earlier run that was killed.") from exc
            time.sleep(0.2)
        else:
            return
