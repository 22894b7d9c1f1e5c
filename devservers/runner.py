"""Supervision: processes are started in order, started again when they die, and ended in order."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from devservers import groups
from devservers.errors import CannotStart, Interrupted
from devservers.groups import Group
from devservers.guardian import Guardian
from devservers.stopping import StopRequest

ROOT = Path(__file__).resolve().parent.parent
RESTART_AFTER_S = 1.0
_LOG_LINES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Program:
    """A process to run: what, in which environment, and how it is ended."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    stage: int = 1
    stop_signal: int = signal.SIGTERM
    grace_s: float = 10.0


@dataclass(slots=True)
class _Running:
    program: Program
    process: subprocess.Popen[bytes]
    died_at: float | None = field(default=None)

    def group(self) -> Group:
        program = self.program
        return Group(
            name=program.name,
            pid=self.process.pid,
            stage=program.stage,
            stop_signal=program.stop_signal,
            grace_s=program.grace_s,
        )


class Runner:
    """Starts processes, each leading its own group with its output in its own log, and leaves none behind.

    Use it as a context manager: on the way out, whatever the reason, everything it started is ended, the highest stage
    first. A guardian does the same should this process be killed.
    """

    def __init__(self, *, logs: Path, stop: StopRequest, keep_open: Sequence[int] = ()) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        for old in logs.glob("*.log"):
            old.replace(old.with_suffix(".log.before"))
        self.logs = logs
        self.stop_request = stop
        self._running: dict[str, _Running] = {}
        self._guardian = Guardian(log=logs / "guardian.log", keep_open=keep_open)

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()
        self._guardian.dismiss()

    def log_of(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def start(self, program: Program) -> int:
        """Start it and look after it from now on; returns its process id."""
        running = _Running(program=program, process=self._spawn(program))
        self._running[program.name] = running
        self._tell_guardian()
        return running.process.pid

    def run(self, program: Program, *, timeout_s: float) -> str:
        """Run something that ends by itself; returns what it printed.

        Raises CannotStart with the end of its log when it fails or takes too long, Interrupted when a stop was asked.
        """
        with tempfile.TemporaryFile() as output:
            running = _Running(program=program, process=self._spawn(program, stdout=output.fileno()))
            self._running[program.name] = running
            self._tell_guardian()
            self.stop_request.wait(seconds=timeout_s, unless=lambda: running.process.poll() is not None)
            code = running.process.poll()
            self._end([running])
            output.seek(0)
            printed = output.read().decode()
        if code is None and self.stop_request.is_made():
            raise Interrupted
        if code != 0:
            what = f"failed ({_reason(code)})" if code is not None else f"did not end within {timeout_s:.0f} s"
            raise CannotStart(f"{program.name} {what}.\n{self.tail(program.name)}")
        return printed

    def run_in_foreground(self, program: Program) -> int:
        """Run something on our own terminal until it ends; returns its exit code. A stop is passed on to it."""
        process = subprocess.Popen(program.command, cwd=ROOT, env=dict(program.environment), start_new_session=True)
        running = _Running(program=program, process=process)
        self._running[program.name] = running
        self._tell_guardian()
        while process.poll() is None and not self.stop_request.is_made():
            time.sleep(0.05)
        was_stopped = process.poll() is None
        self._end([running])
        return 128 + signal.SIGINT if was_stopped else process.wait()

    def supervise(self, *, until: Callable[[], bool], on_restart: Callable[[str], None]) -> None:
        """Start again, after a second, whatever dies, until a stop is asked for or `until` holds.

        `on_restart` is told the name of each process that was started again.
        """
        while not self.stop_request.is_made() and not until():
            for running in list(self._running.values()):
                self._look_after(running, on_restart=on_restart)
            self.stop_request.wait(seconds=0.1)

    def pids(self) -> dict[str, int]:
        """Name to process id of all that is looked after."""
        return {name: running.process.pid for name, running in self._running.items()}

    def is_alive(self, name: str) -> bool:
        return name in self._running and self._running[name].process.poll() is None

    def tail(self, name: str) -> str:
        """The last lines of a log, for a person to read."""
        log = self.log_of(name)
        lines = log.read_text(errors="replace").splitlines()[-_LOG_LINES_SHOWN:] if log.exists() else []
        return "\n".join([f"The end of {log}:", *(f"  {line}" for line in lines)])

    def stop(self, *names: str) -> None:
        """End these, or everything."""
        self._end([running for name, running in self._running.items() if not names or name in names])

    def _spawn(self, program: Program, *, stdout: int | None = None) -> subprocess.Popen[bytes]:
        with self.log_of(program.name).open("ab") as log:
            return subprocess.Popen(
                program.command,
                cwd=ROOT,
                env=dict(program.environment),
                stdin=subprocess.DEVNULL,
                stdout=log if stdout is None else stdout,
                stderr=log,
                start_new_session=True,
            )

    def _look_after(self, running: _Running, *, on_restart: Callable[[str], None]) -> None:
        code = running.process.poll()
        if code is None:
            return
        name = running.program.name
        if running.died_at is None:
            running.died_at = time.monotonic()
            groups.kill(running.group())  # a pool outlives its killed worker, and would keep its port and its tasks
            print(
                f"{name} ended by itself ({_reason(code)}); starting it again. Its log: {self.log_of(name)}", flush=True
            )
        elif time.monotonic() - running.died_at >= RESTART_AFTER_S:
            self.start(running.program)
            on_restart(name)

    def _end(self, ending: Sequence[_Running]) -> None:
        def reap() -> None:
            for running in ending:
                running.process.poll()

        groups.stop([running.group() for running in ending], reap=reap)
        for running in ending:
            running.process.wait()
            del self._running[running.program.name]
        self._tell_guardian()

    def _tell_guardian(self) -> None:
        self._guardian.watch([running.group() for running in self._running.values()])


def _reason(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
