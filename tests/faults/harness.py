"""Todoke as real processes, to be killed: a supervisor that starts each again after a second, and the simulated SMSC.

The processes use the database of the test and a broker database of their own, or servers that the test named.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import redis
from django.conf import settings

from carriers.models import BindState, CarrierAccount, CarrierBind
from carriers.services import configure_account
from carriers.simulator.journal import JournalReport, read_journal
from devservers import groups, ports, processes
from devservers.environment import manage
from devservers.groups import Group
from devservers.runner import RESTART_AFTER_S, Program, Runner
from devservers.stopping import StopRequest
from tests.conftest import admin_url
from tests.faults.outcome import Outcome, first_taken_after, judge

W: Final = 10
FAILPOINT_EXIT: Final = 137
PASSWORD: Final = "secret"
BROKER_DATABASE: Final = 9
SETTLING_S: Final = 20
SMSC: Final = "smsc"


class Waited(AssertionError):
    """Something that should have come about did not, in time."""


def wait_until(holds: Callable[[], Any], *, timeout_s: float, what: str, every_s: float = 0.1) -> float:
    """The seconds that it took. Raises ``Waited``."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > timeout_s:
            raise Waited(f"not within {timeout_s:.0f} s: {what}")
        time.sleep(every_s)
    return time.monotonic() - began


def is_answering(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://{ports.LOOPBACK}:{port}/healthz", timeout=60).close()  # noqa: S310 - our own port
    except OSError:
        return False
    return True


def own_environment() -> dict[str, str]:
    """What this test runs in, for processes that serve; with a broker database that no other test uses."""
    given = dict(os.environ)  # noqa: TID251 - handed on to processes as it is
    given.pop("DATABASE_ADMIN_URL", None)
    given["REDIS_URL"] = broker_url(BROKER_DATABASE)
    return given


def broker_url(number: int) -> str:
    return urlunsplit(urlsplit(settings.REDIS_URL)._replace(path=f"/{number}"))


class System:
    """The processes of one try. Use it as a context manager; what it starts it ends."""

    def __init__(
        self,
        folder: Path,
        *,
        environment: Mapping[str, str] | None = None,
        smsc_address: str = ports.LOOPBACK,
        smsc_within: tuple[str, ...] = (),
    ) -> None:
        self.folder = folder
        self.smsc_address = smsc_address
        self.smsc_within = smsc_within
        self.environment = dict(environment) if environment is not None else own_environment()
        self.deaths: dict[str, list[int]] = {}
        self.killed_at: datetime | None = None
        self.kills = 0
        self.journal_path = folder / "journal.jsonl"
        self.smsc_port = ports.free_port()
        self.control_port = ports.free_port()
        self._runner = Runner(logs=folder / "logs", stop=StopRequest())
        self._programs: dict[str, Program] = {}
        self._resting: set[str] = set()  # meant to be down
        self._died_at: dict[str, float] = {}
        self._lock = threading.RLock()
        self._ending = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, name="supervisor", daemon=True)

    def __enter__(self) -> System:
        with redis.Redis.from_url(self.environment["REDIS_URL"]) as broker:
            broker.flushdb()
        self.journal_path.touch()
        self._supervisor.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ending.set()
        self._supervisor.join()
        for program in self._programs.values():
            self._kill_group(program.name)
        self._runner.__exit__()

    # Processes

    def start(self, program: Program, *, failpoint: str = "", within: tuple[str, ...] = (), **more: str) -> None:
        """Start it, supervised from now on; ``within`` runs it on another host. Started again, it has no failpoint."""
        program = replace(program, command=(*within, *program.command))
        with self._lock:
            self._programs[program.name] = program
            self._resting.discard(program.name)
            self._died_at.pop(program.name, None)
            environment = {**program.environment, **more}
            self._runner.start(replace(program, environment={**environment, "FAILPOINT": failpoint}))

    def start_smsc(self, *accounts: str, **knobs: object) -> None:
        """The simulator, with receipts that come soon; ``accounts`` are system_ids beside "todoke"."""
        words = ["--host", self.smsc_address, "--port", str(self.smsc_port), "--control-port", str(self.control_port)]
        words += ["--system-id", "todoke", "--password", PASSWORD, "--journal", str(self.journal_path)]
        for name in accounts:
            words += ["--account", f"{name}:{PASSWORD}"]
        for name, value in {"receipt_delay": "0.1:0.3", **knobs}.items():
            words += [f"--{name.replace('_', '-')}", str(value)]
        self.start(manage("smsc", *words, environment=self.environment, name=SMSC), within=self.smsc_within)
        is_up = ports.wait_until_listening(
            host=self.smsc_address, port=self.smsc_port, timeout_s=60, is_alive=lambda: True
        )
        if not is_up:
            raise Waited(f"the simulator is not up: {self._runner.tail(SMSC)}")

    def start_carrier(self, number: int = 1, *, failpoint: str = "", within: tuple[str, ...] = (), **more: str) -> str:
        program = processes.carrier_worker(bind=number, environment=self.environment)
        self.start(program, failpoint=failpoint, within=within, **more)
        return program.name

    def start_default(
        self, *, failpoint: str = "", name: str = processes.WORKER, within: tuple[str, ...] = (), **more: str
    ) -> str:
        program = replace(processes.default_worker(environment=self.environment), name=name)
        self.start(program, failpoint=failpoint, within=within, **more)
        return name

    def start_beat(self, name: str = processes.BEAT) -> str:
        folder = self.folder / name
        self.start(replace(processes.beat(directory=folder, environment=self.environment), name=name))
        return name

    def start_web(self, port: int, *, name: str = processes.WEB, failpoint: str = "") -> str:
        environment = {**self.environment, "PORT": str(port), "BASE_URL": f"http://{ports.LOOPBACK}:{port}"}
        program = replace(processes.web(port=port, environment=environment), name=name)
        self.start(program, failpoint=failpoint)
        wait_until(lambda: is_answering(port), timeout_s=180, what=f"{name} answers")
        return program.name

    def pid(self, name: str) -> int:
        return self._runner.pids()[name]

    def is_alive(self, name: str) -> bool:
        return self._runner.is_alive(name)

    def log(self, name: str) -> str:
        return self._runner.log_of(name).read_text(errors="replace")

    def kill(self, name: str) -> None:
        """kill -9 of the process and all its children; the supervisor starts it again."""
        with self._lock:
            self.killed_at = datetime.now(UTC)
            self.kills += 1
            self._kill_group(name)

    def terminate(self, name: str) -> None:
        """SIGTERM, as a deployment does; it is started again when it has ended."""
        os.kill(self.pid(name), signal.SIGTERM)

    def signal(self, name: str, number: signal.Signals) -> None:
        os.killpg(self.pid(name), number)

    def stop(self, name: str) -> None:
        """End it in good order; it stays down until ``resume``."""
        with self._lock:
            self._resting.add(name)
        os.kill(self.pid(name), signal.SIGTERM)
        wait_until(lambda: not self.is_alive(name), timeout_s=60, what=f"{name} ends")

    def rest(self, name: str) -> None:
        """When it dies now, it stays down until ``resume``."""
        with self._lock:
            self._resting.add(name)

    def resume(self, name: str) -> None:
        with self._lock:
            self._resting.discard(name)

    # The carrier

    def account(self, name: str = "todoke", *, port: int | None = None, **options: Any) -> CarrierAccount:
        """An account that leads to the simulator, as an operator would make it."""
        fields = {"window": W, "binds": 1, "texts_per_s": None}
        fields |= {key: options.pop(key) for key in tuple(options) if key in fields}
        config = {"host": self.smsc_address, "port": port or self.smsc_port, "system_id": name, **options}
        return configure_account(name=name, provider="smpp", config=config, secrets={"password": PASSWORD}, **fields)

    def turn(self, **knobs: object) -> None:
        """Turn the simulator's knobs while it runs."""
        self._control("/set", knobs)

    def disconnect(self) -> None:
        self._control("/disconnect", {})

    def _control(self, path: str, values: Mapping[str, object]) -> None:
        url = f"http://{ports.LOOPBACK}:{self.control_port}{path}"
        urllib.request.urlopen(url, json.dumps(values).encode(), timeout=10).close()  # noqa: S310 - our own port

    def state(self) -> dict[str, Any]:
        """What the simulator shows of itself."""
        url = f"http://{ports.LOOPBACK}:{self.control_port}/state"
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own port
            found: dict[str, Any] = json.loads(answer.read())
        return found

    def journal(self) -> JournalReport:
        return read_journal(self.journal_path)

    def accepted(self) -> int:
        return len(self.journal().accepted)

    def wait_for_binds(self, count: int = 1, *, timeout_s: float = 60) -> float:
        def bound() -> bool:
            return CarrierBind.objects.using("operator").filter(state=BindState.BOUND).count() >= count

        return wait_until(bound, timeout_s=timeout_s, what=f"{count} binds")

    def wait_for_texts(self, count: int, *, timeout_s: float = 60) -> float:
        return wait_until(lambda: self.accepted() >= count, timeout_s=timeout_s, what=f"{count} texts with the SMSC")

    # The judgement

    def judge(self, *, texts: int, recovered_s: float | None = None) -> Outcome:
        return judge(
            admin_url=admin_url(), journal=self.journal_path, texts=texts, kills=self.kills, recovered_s=recovered_s
        )

    def judge_when_settled(
        self, *, texts: int, recovered_s: float | None = None, timeout_s: float = SETTLING_S
    ) -> Outcome:
        """The judgement once nothing is wrong any more, or after that time: receipts and counters may take a moment."""
        deadline = time.monotonic() + timeout_s
        while (outcome := self.judge(texts=texts, recovered_s=recovered_s)).faults and time.monotonic() < deadline:
            time.sleep(0.5)
        return outcome

    def recovered_s(self, since: datetime, *, not_binds: Sequence[int] = ()) -> float | None:
        """Seconds from ``since`` until the SMSC took a text over a new bind; None while it has not."""
        at = first_taken_after(self.journal_path, since, not_binds=not_binds)
        return None if at is None else (at - since).total_seconds()

    def binds(self) -> set[int]:
        return {part.bind for part in self.journal().accepted}

    # Supervision

    def _kill_group(self, name: str) -> None:
        with suppress(KeyError):
            groups.kill(Group(name=name, pid=self.pid(name), stage=0, stop_signal=signal.SIGKILL, grace_s=0))

    def _supervise(self) -> None:
        while not self._ending.wait(0.05):
            with self._lock:
                for name, program in self._programs.items():
                    if not self._runner.is_alive(name):
                        self._look_after(name, program)

    def _look_after(self, name: str, program: Program) -> None:
        now = time.monotonic()
        if name not in self._died_at:
            self._died_at[name] = now
            self.deaths.setdefault(name, []).append(self._exit_code(name))
            self._kill_group(name)  # a pool outlives its killed worker
        elif name not in self._resting and now - self._died_at[name] > RESTART_AFTER_S:
            del self._died_at[name]
            self._runner.start(program)

    def _exit_code(self, name: str) -> int:
        running = self._runner._running[name]  # the runner's own bookkeeping: it has no question for this
        return running.process.wait()
