"""Being asked to stop: by a signal, or by a `make` that was told to."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

_SLICE_S = 0.1


class StopRequest:
    """Turns SIGINT, SIGTERM and SIGHUP into a question that loops ask between two steps.

    No exception is raised from a signal's handler: it could fall between starting a process and noting that it runs.
    """

    def __init__(self) -> None:
        self._signal: int | None = None
        self._make = MakeParent.of_this_process()

    def listen(self) -> None:
        """Take the signals from now on. Must be called in the main thread."""
        signal.signal(signal.SIGINT, self._note)
        signal.signal(signal.SIGTERM, self._note)
        # Under nohup the terminal may go; without it nobody would be left to press Ctrl-C.
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._note)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._signal = number

    def is_made(self) -> bool:
        return self._signal is not None or (self._make is not None and self._make.wants_to_end())

    def wait(self, *, seconds: float, unless: Callable[[], bool] = lambda: False) -> None:
        """Return after that time, or sooner when a stop was asked for or `unless` holds."""
        deadline = time.monotonic() + seconds
        while not self.is_made() and not unless():
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(_SLICE_S, left))


class MakeParent:
    """The `make` that started us, if one did.

    GNU make passes SIGTERM on to its recipe but not SIGINT, since a terminal sends that to the whole group: told to
    stop alone (`kill -INT`), it only waits for us to end. While it does, SIGINT is blocked in it, and that can be
    seen. Killed, it is gone, and nobody is left who would stop us.
    """

    def __init__(self, *, pid: int) -> None:
        self._pid = pid

    @classmethod
    def of_this_process(cls) -> MakeParent | None:
        parent = os.getppid()
        try:
            name = Path(f"/proc/{parent}/comm").read_text().strip()
        except OSError:
            return None
        return cls(pid=parent) if name in {"make", "gmake"} else None

    def wants_to_end(self) -> bool:
        if os.getppid() != self._pid:
            return True
        try:
            status = Path(f"/proc/{self._pid}/status").read_text()
        except OSError:
            return True
        blocked = next(line.split()[1] for line in status.splitlines() if line.startswith("SigBlk:"))
        return bool(int(blocked, 16) >> (signal.SIGINT - 1) & 1)
