"""`make test`: the suite against real servers that live in a temporary directory and end with it."""

from __future__ import annotations

import json
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from devservers import browser
from devservers import environment as environments
from devservers import keys as keys_of
from devservers.errors import Interrupted
from devservers.keys import Keys
from devservers.runner import Program, Runner
from devservers.stopping import StopRequest

SETTINGS = "config.settings.test"
WORKERS = "TEST_WORKERS"
"""Names the variable by which each worker of a parallel run finds its own database and broker (config/settings/test.py)."""
_WORKERS_OPTION = "--workers="
_INTERRUPTED = 130


def test(arguments: Sequence[str]) -> int:
    """Run pytest with these arguments, a prepared database and a browser; returns its exit code.

    With ``--workers=2`` first, two processes share the files of tests (tests/sharing.py), each with a database and a broker
    of its own.
    """
    chromium = browser.provide(given=environments.outside())
    workers = 1
    if arguments and arguments[0].startswith(_WORKERS_OPTION):
        workers, arguments = int(arguments[0].removeprefix(_WORKERS_OPTION)), arguments[1:]
    if environments.outside().get("REDIS_URL"):
        workers = 1  # tests empty their broker
    if workers > 1:
        arguments = [f"--numprocesses={workers}", *arguments]
    command = (sys.executable, "-m", "pytest", *arguments)
    return run_with_servers(command, extra={"CHROMIUM_PATH": chromium}, workers=workers)


def run_with_servers(command: Sequence[str], *, extra: dict[str, str] | None = None, workers: int = 1) -> int:
    """Run a command with private, empty, prepared servers in its environment; returns its exit code."""
    stop = StopRequest()
    stop.listen()
    given = environments.outside()
    with tempfile.TemporaryDirectory(prefix="todoke-test-") as name:
        directory = Path(name)
        keys = keys_of.load_or_create(directory)
        try:
            with Runner(logs=directory / "logs", stop=stop) as runner:
                urls = environments.start_servers(
                    runner=runner, directory=directory, keys=keys, fsync=False, given=given
                )
                try:
                    composed = environments.compose(urls=urls, keys=keys, settings=SETTINGS, base=given)
                    environments.prepare(runner=runner, environment=composed)
                    others = [
                        _own_servers(number, runner=runner, directory=directory, keys=keys, environment=composed)
                        for number in range(1, workers)
                    ]
                    by_worker = {f"gw{number}": own for number, own in enumerate([{}, *others])}
                    environment = {**composed, **(extra or {}), WORKERS: json.dumps(by_worker)}
                    return runner.run_in_foreground(_foreground(command, environment))
                finally:
                    environments.forget(urls=urls, keys=keys, given=given)
        except Interrupted:
            return _INTERRUPTED


def _own_servers(
    number: int, *, runner: Runner, directory: Path, keys: Keys, environment: Mapping[str, str]
) -> dict[str, str]:
    """What another worker's environment has of its own: a copy of the prepared database, and a broker."""
    broker = environments.start_broker(
        runner=runner, directory=directory / f"gw{number}", keys=keys, given={}, name=f"valkey-gw{number}"
    )
    return {**environments.copy_database(environment, name_ending=f"_gw{number}"), "REDIS_URL": broker}


def _foreground(command: Sequence[str], environment: Mapping[str, str]) -> Program:
    return Program(
        name="command",
        command=tuple(command),
        environment=environment,
        stage=2,
        # So that pytest still takes its fixtures down, and whatever they have started.
        stop_signal=signal.SIGINT,
        grace_s=30,
    )
