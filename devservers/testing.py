"""`make test`: the suite against real servers that live in a temporary directory and end with it."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from devservers import browser
from devservers import environment as environments
from devservers import keys as keys_of
from devservers.errors import Interrupted
from devservers.runner import Program, Runner
from devservers.stopping import StopRequest

SETTINGS = "config.settings.test"
_INTERRUPTED = 130


def test(arguments: Sequence[str]) -> int:
    """Run pytest with these arguments, a prepared database and a browser; returns its exit code."""
    chromium = browser.provide(given=environments.outside())
    command = (sys.executable, "-m", "pytest", *arguments)
    return run_with_servers(command, extra={"CHROMIUM_PATH": chromium}, prepare=True)


def run_with_servers(
    command: Sequence[str], *, extra: dict[str, str] | None = None, prepare: bool = True, settings: str = SETTINGS
) -> int:
    """Run a command with private, empty servers in its environment; returns its exit code."""
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
                    composed = environments.compose(urls=urls, keys=keys, settings=settings, base=given)
                    environment = composed | (extra or {})
                    if prepare:
                        environments.prepare(runner=runner, environment=environment)
                    return runner.run_in_foreground(
                        Program(
                            name="command",
                            command=tuple(command),
                            environment=environment,
                            stage=2,
                            # So that pytest still takes its fixtures down, and whatever they have started.
                            stop_signal=signal.SIGINT,
                            grace_s=30,
                        )
                    )
                finally:
                    environments.forget(urls=urls, keys=keys, given=given)
        except Interrupted:
            return _INTERRUPTED
