"""Private servers with a migrated database, for a benchmark that is a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from devservers import environment as servers_environment

ROOT: Final = Path(__file__).resolve().parent.parent


@contextmanager
def prepared_servers(**more: str) -> Iterator[dict[str, str]]:
    """Their environment and ``more``, which this process then has too; Django is set up. PostgreSQL has ``fsync`` on."""
    with servers_environment.servers(fsync=True, settings="config.settings.test") as environment:
        environment.update(more)
        os.environ.update(environment)  # noqa: TID251 - what config/env.py reads
        _manage("prepare_database")
        _manage("migrate", "--database=owner", "--no-input", "-v0")
        import django

        django.setup()
        yield environment


def _manage(*arguments: str) -> None:
    subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
