"""The environment that config/env.py reads, and the servers that it names.

Servers named by DATABASE_URL (an administrator's) and REDIS_URL come first, then private ones.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
import redis
from psycopg import sql

from devservers import keys as keys_of
from devservers import ports, postgres, programs, valkey
from devservers.errors import CannotStart
from devservers.keys import Keys
from devservers.runner import Program, Runner
from devservers.stopping import StopRequest

_STEP_TIMEOUT_S = 300


@dataclass(frozen=True, slots=True)
class ServerUrls:
    """Where PostgreSQL (as a superuser) and Valkey answer."""

    admin_database: str
    redis: str


# What `compose` sets of it, and a person may set to name servers of their own.
_SERVER_NAMES = ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_OPERATOR_URL", "DATABASE_CARRIER_URL", "REDIS_URL")
_OURS = "DATABASE_ADMIN_URL"


def outside() -> dict[str, str]:
    """The environment that we were started in, less the servers that another of us put there.

    A benchmark that a test starts gets servers of its own: the DATABASE_URL of the test's is a role's, not an
    administrator's.
    """
    given = dict(os.environ)  # noqa: TID251 - this makes what config/env.py reads, and can't import it
    if given.pop(_OURS, None) is not None:
        for name in _SERVER_NAMES:
            given.pop(name, None)
    return given


@contextmanager
def servers(*, fsync: bool = True, settings: str = "config.settings.test") -> Iterator[dict[str, str]]:
    """Servers with an empty data directory, for as long as the block lasts; yields the environment for `manage.py`.

    For benchmarks and tests. `prepare` makes the database and its roles. `fsync=False` trades durability for speed.
    """
    with tempfile.TemporaryDirectory(prefix="todoke-") as name:
        directory = Path(name)
        with Runner(logs=directory / "logs", stop=StopRequest()) as runner:
            keys = keys_of.load_or_create(directory)
            urls = start_servers(runner=runner, directory=directory, keys=keys, fsync=fsync, given=outside())
            try:
                yield compose(urls=urls, keys=keys, settings=settings, base=outside())
            finally:
                forget(urls=urls, keys=keys, given=outside())


def start_servers(*, runner: Runner, directory: Path, keys: Keys, fsync: bool, given: Mapping[str, str]) -> ServerUrls:
    """Use the servers that `given` names, start private ones for the rest; CannotStart where neither can be had."""
    return ServerUrls(
        admin_database=start_database(runner=runner, directory=directory, keys=keys, fsync=fsync, given=given),
        redis=start_broker(runner=runner, directory=directory, keys=keys, given=given),
    )


def start_database(*, runner: Runner, directory: Path, keys: Keys, fsync: bool, given: Mapping[str, str]) -> str:
    """The administrator's URL of the PostgreSQL that `given` names, or of a private one."""
    if named := given.get("DATABASE_URL", ""):
        check_database(named)
        return named
    found = programs.find_postgres()
    cluster = postgres.Cluster(
        programs=found,
        directory=directory / "postgres" / str(found.version),
        port=ports.free_port(),
        password=keys.postgres_password,
        fsync=fsync,
    )
    postgres.start(cluster, runner=runner)
    return cluster.admin_url


def start_broker(*, runner: Runner, directory: Path, keys: Keys, given: Mapping[str, str], name: str = "valkey") -> str:
    """The URL of the Redis or Valkey that `given` names, or of a private one; `name` is the process's."""
    if named := given.get("REDIS_URL", ""):
        check_broker(named)
        return named
    broker = valkey.Broker(
        program=programs.find_valkey(),
        directory=directory / "valkey",
        port=ports.free_port(),
        password=keys.valkey_password,
        name=name,
    )
    valkey.start(broker, runner=runner)
    return broker.url


def compose(*, urls: ServerUrls, keys: Keys, settings: str, base: Mapping[str, str]) -> dict[str, str]:
    """`base` with all that config/env.py must find. Each role of the database logs in under a name of its own."""

    def database(role: str, password: str) -> str:
        return role_url(admin_url=urls.admin_database, role=role, password=password, suffix=keys.suffix)

    return {
        **base,
        "DATABASE_URL": database("app", keys.app_password),
        "DATABASE_OWNER_URL": database("owner", keys.owner_password),
        "DATABASE_OPERATOR_URL": database("operator", keys.operator_password),
        "DATABASE_CARRIER_URL": database("carrier", keys.carrier_password),
        _OURS: urls.admin_database,
        "REDIS_URL": urls.redis,
        "SECRET_KEY": keys.secret_key,
        "MASTER_KEYS": keys.master_keys,
        "DJANGO_SETTINGS_MODULE": settings,
        "PYTHONUNBUFFERED": "1",
    }


def without_superuser(environment: Mapping[str, str]) -> dict[str, str]:
    """What processes get that only serve: as in production, they can't become the superuser."""
    return {name: value for name, value in environment.items() if name != _OURS}


def role_url(*, admin_url: str, role: str, password: str, suffix: str) -> str:
    """The URL by which one of our roles reaches our database on the administrator's server."""
    parts = urlsplit(admin_url)
    host = parts.netloc.rpartition("@")[2]
    user_info = f"{login_name(role=role, suffix=suffix)}:{quote(password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{user_info}@{host}", path=f"/{database_name(suffix=suffix)}"))


def database_name(*, suffix: str) -> str:
    """Two checkouts may share one server, so both their names carry something of their own."""
    return f"todoke_{suffix}"


def login_name(*, role: str, suffix: str) -> str:
    return f"todoke_{suffix}_{role}"


def manage(*arguments: str, environment: Mapping[str, str], name: str | None = None) -> Program:
    """`manage.py` with these arguments."""
    command = (sys.executable, "manage.py", *arguments)
    return Program(name=name or arguments[0], command=command, environment=environment)


def prepare(*, runner: Runner, environment: Mapping[str, str]) -> None:
    """Make the database and its roles, and bring its tables up to date; harmless to repeat."""
    runner.run(manage("prepare_database", environment=environment), timeout_s=_STEP_TIMEOUT_S)
    runner.run(manage("migrate", "--database=owner", "--no-input", environment=environment), timeout_s=_STEP_TIMEOUT_S)


def copy_database(environment: Mapping[str, str], *, name_ending: str) -> dict[str, str]:
    """Copy a prepared database on its server; the variables that lead the same roles to the copy."""
    name = urlsplit(environment["DATABASE_URL"]).path.removeprefix("/")
    owner = urlsplit(environment["DATABASE_OWNER_URL"]).username or ""
    urls = [variable for variable in _SERVER_NAMES if variable.startswith("DATABASE")]
    with psycopg.connect(environment[_OURS], autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(
                sql.Identifier(name + name_ending), sql.Identifier(name), sql.Identifier(owner)
            )
        )
        logins = {urlsplit(environment[url]).username or "" for url in urls}
        # Who may come in is the one thing that a copy does not take along.
        copy = sql.Identifier(name + name_ending)
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(copy))
        connection.execute(
            sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(
                copy, sql.SQL(", ").join(map(sql.Identifier, sorted(logins)))
            )
        )
    return {url: urlunsplit(urlsplit(environment[url])._replace(path=f"/{name}{name_ending}")) for url in urls}


def forget(*, urls: ServerUrls, keys: Keys, given: Mapping[str, str]) -> None:
    """Take our databases and log-ins off a server that is not ours; a private one goes with its directory."""
    if not given.get("DATABASE_URL"):
        return
    name = database_name(suffix=keys.suffix)
    with psycopg.connect(urls.admin_database, autocommit=True) as connection:
        databases = connection.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s) OR starts_with(datname, %s)",
            [name, f"test_{name}"],
        ).fetchall()
        for (database,) in databases:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))
        logins = connection.execute(
            "SELECT rolname FROM pg_roles WHERE starts_with(rolname, %s)", [f"{name}_"]
        ).fetchall()
        for (login,) in logins:
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(login)))


def check_database(url: str) -> None:
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    except psycopg.Error as exc:
        raise CannotStart(f"The PostgreSQL that DATABASE_URL names does not let us in: {exc}") from exc
    if row is None or not row[0]:
        raise CannotStart("DATABASE_URL must name a superuser of PostgreSQL: we make a database and its roles there.")


def check_broker(url: str) -> None:
    try:
        with closing(redis.Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5)) as client:
            client.ping()
    except (redis.RedisError, ValueError) as exc:
        raise CannotStart(f"The Redis or Valkey that REDIS_URL names does not let us in: {exc}") from exc
