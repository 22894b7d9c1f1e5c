"""A private PostgreSQL: a cluster of our own, behind a password; on the loopback address unless a test asks for another."""

from __future__ import annotations

import os
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

from devservers import groups, privileges
from devservers.errors import CannotStart, Interrupted
from devservers.groups import Group
from devservers.ports import LOOPBACK
from devservers.privileges import Descent
from devservers.programs import PostgresPrograms
from devservers.runner import Program, Runner

SUPERUSER = "postgres"
_INITDB_TIMEOUT_S = 120
_READY_TIMEOUT_S = 60
_BUILTIN_LOCALES_SINCE = 17
_SCRAM_ITERATIONS_SINCE = 16
_STAGE = 0


@dataclass(frozen=True, slots=True)
class Cluster:
    """One data directory and how it is served."""

    programs: PostgresPrograms
    directory: Path
    port: int
    password: str
    fsync: bool
    """Off only for tests: a crash of the *machine* may then lose the cluster. A killed process never does."""
    address: str = LOOPBACK
    within: tuple[str, ...] = ()
    """The words before its command that put it elsewhere: into a network namespace, say."""

    @property
    def admin_url(self) -> str:
        return f"postgresql://{SUPERUSER}:{self.password}@{self.address}:{self.port}/postgres"


def start(cluster: Cluster, *, runner: Runner) -> int:
    """Make the cluster where it does not exist yet, start it, wait until it answers; returns its process id."""
    parent = cluster.directory.parent
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descent = privileges.choose(program=cluster.programs.path("postgres"), directory=parent)
    _end_orphan(cluster.directory)
    if not cluster.directory.exists():
        _initialise(cluster, descent=descent, runner=runner)
    privileges.give(directory=cluster.directory, to=descent)
    pid = runner.start(program(cluster, descent=descent))
    _wait_until_ready(cluster, runner=runner)
    return pid


def program(cluster: Cluster, *, descent: Descent) -> Program:
    """The server. SIGINT is its fast shutdown: it does not wait for clients to leave (PostgreSQL 18 §18.5)."""
    options = {
        "listen_addresses": cluster.address,
        "port": str(cluster.port),
        "unix_socket_directories": "",
        "max_connections": "200",
        "shared_buffers": "256MB",
        "max_wal_size": "2GB",
        "jit": "off",
        "timezone": "UTC",
        "log_line_prefix": "%m [%p] ",
        # An erring statement and its detail quote what it was about: names and numbers stay out of logs.
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
    }
    if not cluster.fsync:
        # Not synchronous_commit: without it a *killed server* loses commits too, and tests kill servers.
        options |= {"fsync": "off", "full_page_writes": "off"}
    settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    return Program(
        name="postgres",
        command=(
            *cluster.within,
            *descent.prefix,
            *(cluster.programs.path("postgres"), "-D", str(cluster.directory)),
            *settings,
        ),
        environment=_environment(),
        stage=_STAGE,
        stop_signal=signal.SIGINT,
        grace_s=20,
    )


def _initialise(cluster: Cluster, *, descent: Descent, runner: Runner) -> None:
    """initdb into a folder beside, renamed when it is whole: an interrupted one is never taken for a cluster."""
    unfinished = cluster.directory.with_name(cluster.directory.name + ".new")
    password_file = unfinished.with_suffix(".password")
    shutil.rmtree(unfinished, ignore_errors=True)
    password_file.unlink(missing_ok=True)
    password_file.touch(mode=0o600)
    password_file.write_text(cluster.password)
    privileges.give(directory=password_file, to=descent)
    try:
        command = (*descent.prefix, *_initdb(cluster, directory=unfinished, password_file=password_file))
        runner.run(Program(name="initdb", command=command, environment=_environment()), timeout_s=_INITDB_TIMEOUT_S)
    finally:
        password_file.unlink()
    if cluster.address != LOOPBACK:  # initdb lets in this machine only
        with (unfinished / "pg_hba.conf").open("a") as rules:
            rules.write("host all all samenet scram-sha-256\n")
    unfinished.rename(cluster.directory)


def _initdb(cluster: Cluster, *, directory: Path, password_file: Path) -> tuple[str, ...]:
    builtin = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
    return (
        cluster.programs.path("initdb"),
        f"--pgdata={directory}",
        f"--username={SUPERUSER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        # The same order and the same letters everywhere, whatever locales the machine has.
        *(builtin if cluster.programs.version >= _BUILTIN_LOCALES_SINCE else ("--locale=C.UTF-8",)),
        *(() if cluster.fsync else ("--no-sync",)),
        *_cheap_passwords(cluster),
    )


def _cheap_passwords(cluster: Cluster) -> tuple[str, ...]:
    """Tests connect thousands of times: a third of each time goes into repeating the hash of a random password."""
    is_for_tests = not cluster.fsync and cluster.programs.version >= _SCRAM_ITERATIONS_SINCE
    return ("-c", "scram_iterations=1") if is_for_tests else ()


def _environment() -> dict[str, str]:
    """No PGHOST, PGOPTIONS, … of the person who starts us."""
    return {"PATH": os.defpath, "LC_ALL": "C"}


def _wait_until_ready(cluster: Cluster, *, runner: Runner) -> None:
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while time.monotonic() < deadline and runner.is_alive("postgres"):
        if runner.stop_request.is_made():
            raise Interrupted
        try:
            psycopg.connect(cluster.admin_url, connect_timeout=2).close()
        except psycopg.OperationalError as exc:
            if "password authentication failed" in str(exc):
                raise CannotStart(
                    f"The data in {cluster.directory} was made with another password; `make demo-reset` empties it."
                ) from exc
            time.sleep(0.05)
        else:
            return
    raise CannotStart(f"PostgreSQL did not start.\n{runner.tail('postgres')}")


def _end_orphan(directory: Path) -> None:
    """Stop a server that an earlier run left on this cluster (its runner and the guardian were both killed)."""
    lock = directory / "postmaster.pid"
    try:
        pid = int(lock.read_text().splitlines()[0])
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError, IndexError):
        return
    if str(directory).encode() in command:
        groups.stop([Group(name="postgres", pid=pid, stage=_STAGE, stop_signal=signal.SIGINT, grace_s=20)])
