"""The table of processes: what runs when Todoke runs, beside its servers.

Stages: servers are 0, the bundled SMSC 1, everything that uses them 2; a higher stage is ended first.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from devservers.environment import manage
from devservers.ports import LOOPBACK
from devservers.runner import Program
from devservers.smsc import Smsc

DEFAULT_QUEUES = ("default",)
CARRIER_QUEUES = ("carrier",)
WEB = "web"
BEAT = "beat"
SMSC = "smsc"
WORKER = "worker-default"

_SMSC_STAGE = 1
_STAGE = 2
# A carrier worker may take 30 s to drain its window and unbind (DESIGN.md §4).
_DRAIN_GRACE_S = 40.0


def carrier_worker_name(bind: int) -> str:
    """Binds count from 1."""
    return f"worker-carrier-{bind}"


def simulator(*, smsc: Smsc, environment: Mapping[str, str]) -> Program:
    """`manage.py smsc`: the bundled SMSC."""
    arguments = {
        "--host": smsc.host,
        "--port": str(smsc.port),
        "--system-id": smsc.system_id,
        "--password": smsc.password,
        "--journal": str(smsc.journal),
    }
    words = [word for pair in arguments.items() for word in pair]
    program = manage("smsc", *words, environment=environment, name=SMSC)
    return Program(name=SMSC, command=program.command, environment=environment, stage=_SMSC_STAGE)


def application(*, binds: int, port: int, directory: Path, environment: Mapping[str, str]) -> list[Program]:
    """Workers, beat and web, in the order in which they are started."""
    return [
        default_worker(environment=environment),
        *(carrier_worker(bind=bind, environment=environment) for bind in range(1, binds + 1)),
        beat(directory=directory, environment=environment),
        web(port=port, environment=environment),
    ]


def default_worker(*, environment: Mapping[str, str]) -> Program:
    """All that is no carrier's: reading rosters, expanding campaigns, sweeping."""
    command = _worker(name=WORKER, queues=DEFAULT_QUEUES, pool=("--pool=prefork", "--concurrency=2"))
    return Program(name=WORKER, command=command, environment=environment, stage=_STAGE, grace_s=20)


def carrier_worker(*, bind: int, environment: Mapping[str, str]) -> Program:
    """One process per bind, never recycled: it owns the socket, the window and the pump (DESIGN.md §4)."""
    name = carrier_worker_name(bind)
    return Program(
        name=name,
        command=_worker(name=name, queues=CARRIER_QUEUES, pool=("--pool=solo",)),
        environment={**environment, "CARRIER_WORKER": str(bind)},
        stage=_STAGE,
        grace_s=_DRAIN_GRACE_S,
    )


def beat(*, directory: Path, environment: Mapping[str, str]) -> Program:
    """Wakes up what is due."""
    schedule = directory / "beat" / "schedule"
    schedule.parent.mkdir(parents=True, exist_ok=True)
    command = (*_celery(), "beat", f"--schedule={schedule}", "--pidfile=")
    return Program(name=BEAT, command=command, environment=environment, stage=_STAGE)


def web(*, port: int, environment: Mapping[str, str]) -> Program:
    """The pages and the API."""
    command = (
        *(sys.executable, "-m", "gunicorn", "config.wsgi"),
        f"--bind={LOOPBACK}:{port}",
        "--worker-class=gthread",
        "--workers=2",
        "--threads=8",
        "--timeout=60",
        "--graceful-timeout=10",
        # Its default is one socket for all of a person's servers, in the home directory.
        "--no-control-socket",
    )
    return Program(
        name=WEB, command=command, environment=environment, stage=_STAGE, stop_signal=signal.SIGTERM, grace_s=15
    )


def _worker(*, name: str, queues: tuple[str, ...], pool: tuple[str, ...]) -> tuple[str, ...]:
    chatter = ("--without-gossip", "--without-mingle", "--without-heartbeat")
    return (*_celery(), "worker", f"--queues={','.join(queues)}", *pool, f"--hostname={name}@%h", *chatter)


def _celery() -> tuple[str, ...]:
    return (sys.executable, "-m", "celery", "--app=config")
