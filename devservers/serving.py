"""`python -m devservers serve`: only the servers, for as long as it runs, with the environment to use them by."""

from __future__ import annotations

import shlex
from pathlib import Path

from devservers import environment as environments
from devservers import keys as keys_of
from devservers.datadir import locked
from devservers.errors import Interrupted
from devservers.runner import Runner
from devservers.stopping import StopRequest


def serve(*, directory: Path, settings: str) -> int:
    """Start the servers, print `export` lines for a shell, and look after them until a stop; returns the exit code."""
    stop = StopRequest()
    stop.listen()
    given = environments.outside()
    with locked(directory) as lock:
        try:
            with Runner(logs=directory / "logs", stop=stop, keep_open=[lock]) as runner:
                keys = keys_of.load_or_create(directory)
                urls = environments.start_servers(
                    runner=runner, directory=directory, keys=keys, fsync=True, given=given
                )
                composed = environments.compose(urls=urls, keys=keys, settings=settings, base={})
                for name, value in composed.items():
                    print(f"export {name}={shlex.quote(value)}", flush=True)
                runner.supervise(until=lambda: False, on_restart=lambda _name: None)
        except Interrupted:
            return 130
    return 0
