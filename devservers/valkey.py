"""A private Valkey (or Redis): behind a password, in memory only; on the loopback address unless a test asks for another."""

from __future__ import annotations

import os
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import redis

from devservers.errors import CannotStart, Interrupted
from devservers.ports import LOOPBACK
from devservers.runner import Program, Runner

_READY_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Broker:
    """One server and how it is reached."""

    program: Path
    directory: Path
    port: int
    password: str
    name: str = "valkey"
    address: str = LOOPBACK
    within: tuple[str, ...] = ()
    """The words before its command that put it elsewhere: into a network namespace, say."""

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{self.address}:{self.port}/0"


def start(broker: Broker, *, runner: Runner) -> int:
    """Start it and wait until it answers; returns its process id."""
    broker.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    configuration = broker.directory / "valkey.conf"
    configuration.unlink(missing_ok=True)
    # In a file, not on the command line, where everybody on the machine could read the password.
    configuration.touch(mode=0o600)
    configuration.write_text(_configuration(broker))
    pid = runner.start(
        Program(
            name=broker.name,
            command=(*broker.within, str(broker.program), str(configuration)),
            environment={"PATH": os.defpath, "LC_ALL": "C"},
            stage=0,
        )
    )
    _wait_until_ready(broker, runner=runner)
    return pid


def _configuration(broker: Broker) -> str:
    """PostgreSQL is the queue of record: nothing is saved, and nothing is ever evicted behind a worker's back."""
    lines = [
        f"bind {broker.address}",
        f"port {broker.port}",
        f"requirepass {broker.password}",
        f'dir "{broker.directory}"',
        'save ""',
        "appendonly no",
        "maxmemory-policy noeviction",
        "daemonize no",
        'logfile ""',
    ]
    return "\n".join(lines) + "\n"


def _wait_until_ready(broker: Broker, *, runner: Runner) -> None:
    deadline = time.monotonic() + _READY_TIMEOUT_S
    with closing(redis.Redis.from_url(broker.url, socket_connect_timeout=1, socket_timeout=1)) as client:
        while time.monotonic() < deadline and runner.is_alive(broker.name):
            if runner.stop_request.is_made():
                raise Interrupted
            try:
                client.ping()
            except (redis.ConnectionError, redis.TimeoutError):
                time.sleep(0.05)
            else:
                return
    raise CannotStart(f"Valkey did not start.\n{runner.tail(broker.name)}")
