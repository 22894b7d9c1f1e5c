"""A PostgreSQL and a Valkey of one's own, to be frozen, killed, emptied and started again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import psycopg
import redis
from django.conf import settings
from django.db import connections

from devservers import environment as environments
from devservers import groups, ports, postgres, programs, valkey
from devservers import keys as keys_of
from devservers.environment import ServerUrls
from devservers.groups import Group
from devservers.runner import Runner
from devservers.stopping import StopRequest

ALIASES = {
    "default": "DATABASE_URL",
    "owner": "DATABASE_OWNER_URL",
    "operator": "DATABASE_OPERATOR_URL",
    "carrier": "DATABASE_CARRIER_URL",
}
POSTGRES, VALKEY = "postgres", "valkey"


class Servers:
    """Both, prepared, with the environment that leads to them. Use it as a context manager."""

    def __init__(self, folder: Path, *, address: str = ports.LOOPBACK, within: tuple[str, ...] = ()) -> None:
        self._runner = Runner(logs=folder / "logs", stop=StopRequest())
        keys = keys_of.load_or_create(folder)
        found = programs.find_postgres()
        self.cluster = postgres.Cluster(
            programs=found,
            directory=folder / "postgres" / str(found.version),
            port=ports.free_port(),
            password=keys.postgres_password,
            fsync=False,
            address=address,
            within=within,
        )
        self.broker = valkey.Broker(
            program=programs.find_valkey(),
            directory=folder / "valkey",
            port=ports.free_port(),
            password=keys.valkey_password,
            address=address,
            within=within,
        )
        urls = ServerUrls(admin_database=self.cluster.admin_url, redis=self.broker.url)
        composed = environments.compose(
            urls=urls, keys=keys, settings="config.settings.test", base=environments.outside()
        )
        # What this process seals must open in those that it starts.
        given = dict(os.environ)  # noqa: TID251 - handed on to processes as it is
        self.environment = composed | {name: given[name] for name in ("SECRET_KEY", "MASTER_KEYS")}
        self._name = environments.database_name(suffix=keys.suffix)

    def __enter__(self) -> Servers:
        self.start_postgres()
        self.start_valkey()
        environments.prepare(runner=self._runner, environment=self.environment)
        return self

    def __exit__(self, *_exception: object) -> None:
        for name in (POSTGRES, VALKEY):
            self.thaw(name)
        self._runner.__exit__()

    @property
    def admin_url(self) -> str:
        return urlunsplit(urlsplit(self.cluster.admin_url)._replace(path=f"/{self._name}"))

    def start_postgres(self) -> None:
        postgres.start(self.cluster, runner=self._runner)

    def start_valkey(self) -> None:
        valkey.start(self.broker, runner=self._runner)

    def stop(self, name: str, number: signal.Signals) -> None:
        """Send the signal and wait for the end; SIGQUIT is PostgreSQL's immediate shutdown."""
        os.kill(self.pid(name), number)
        while self._runner.is_alive(name):
            time.sleep(0.02)
        groups.kill(self._group(name))

    def freeze(self, name: str) -> None:
        for pid in self._family(name):
            os.kill(pid, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        if self._runner.is_alive(name):
            for pid in self._family(name):
                os.kill(pid, signal.SIGCONT)

    def empty_broker(self) -> None:
        with redis.Redis.from_url(self.broker.url) as broker:
            broker.flushall()

    def kill_connections(self) -> int:
        """End every session but our own; answers how many there were."""
        with psycopg.connect(self.cluster.admin_url) as connection:
            found = connection.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            ).fetchone()
        return int(found[0]) if found else 0

    def pid(self, name: str) -> int:
        return self._runner.pids()[name]

    def _group(self, name: str) -> Group:
        return Group(name=name, pid=self.pid(name), stage=0, stop_signal=signal.SIGTERM, grace_s=0)

    def _family(self, name: str) -> list[int]:
        """The process and its children (PostgreSQL's each lead a group of their own)."""
        parent = self.pid(name)
        return [parent, *(int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split())]


@contextmanager
def pointed_at(servers: Servers) -> Iterator[None]:
    """This process's own Django works on them too, for as long as the block lasts."""
    before = {alias: dict(connections[alias].settings_dict) for alias in ALIASES}
    admin = settings.DATABASE_ADMIN_URL
    try:
        for alias, name in ALIASES.items():
            parts = urlsplit(servers.environment[name])
            connections[alias].close()
            connections[alias].settings_dict.update(
                HOST=parts.hostname,
                PORT=str(parts.port),
                NAME=parts.path.lstrip("/"),
                USER=unquote(parts.username or ""),
                PASSWORD=unquote(parts.password or ""),
            )
        settings.DATABASE_ADMIN_URL = servers.cluster.admin_url
        yield
    finally:
        settings.DATABASE_ADMIN_URL = admin
        for alias, values in before.items():
            connections[alias].close()
            connections[alias].settings_dict.update(values)
