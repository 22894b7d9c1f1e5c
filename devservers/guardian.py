"""Ends what a runner started when the runner itself was killed.

A runner that gets SIGKILL cannot stop anything. So each runner has a guardian: a small process in a session of its
own that is told, over a pipe, which groups are alive. When the pipe closes it ends those that it last heard of, in the
same order as the runner would. (PR_SET_PDEATHSIG would reach children only, not theirs, all of them at the same
instant, and it fires when the *thread* that started them ends.)
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from devservers import groups
from devservers.groups import Group

_ROOT = Path(__file__).resolve().parent.parent


class Guardian:
    """The runner's end of the pipe."""

    def __init__(self, *, log: Path, keep_open: Sequence[int] = ()) -> None:
        """`keep_open`: descriptors that the guardian holds until it is done, such as the lock of the data directory."""
        self._log = log
        self._keep_open = tuple(keep_open)
        self._start()

    def watch(self, alive: Sequence[Group]) -> None:
        """From now on these, and only these, are to be ended when we die."""
        line = json.dumps([asdict(group) for group in alive]).encode() + b"\n"
        try:
            os.write(self._pipe, line)
        except BrokenPipeError:  # somebody killed it
            self._process.wait()
            os.close(self._pipe)
            self._start()
            os.write(self._pipe, line)

    def dismiss(self) -> None:
        """Nothing is left to guard."""
        self.watch([])
        os.close(self._pipe)
        self._process.wait()

    def _start(self) -> None:
        reading, self._pipe = os.pipe()
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "devservers.guardian"],
                cwd=_ROOT,
                stdin=reading,
                stdout=output,
                stderr=output,
                start_new_session=True,
                pass_fds=self._keep_open,
            )
        os.close(reading)


def main() -> None:
    """Read until the pipe closes, then end what is left. A terminal's signals are not for us."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    alive: list[Group] = []
    with os.fdopen(0, "rb") as pipe:
        for line in pipe:
            if line.endswith(b"\n"):  # else its writer was killed over it; the line before still holds
                alive = [Group(**fields) for fields in json.loads(line)]
    groups.stop(alive)


if __name__ == "__main__":
    main()
