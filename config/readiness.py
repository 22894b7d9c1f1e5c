"""Is everything that this service needs there? Asked by load balancers every few seconds.

Each check opens a connection of its own with a short time-out, so that a frozen server costs two seconds at most and
takes nothing from the pages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import psycopg
import redis
from django.conf import settings

TIMEOUT_S: Final = 2
BIND_SEEN_WITHIN_S: Final = 30

SILENT_ACCOUNTS: Final = """
SELECT account.name FROM carriers_carrieraccount account
WHERE account.is_enabled AND NOT EXISTS (
    SELECT 1 FROM carriers_carrierbind bind
    WHERE bind.account_id = account.id AND bind.seen_at > now() - make_interval(secs => %s)
)
ORDER BY account.name
"""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was asked; ``detail`` says what is wrong."""

    name: str
    is_well: bool
    detail: str = ""


def check_all() -> list[Check]:
    """Database, broker and carrier workers, in this order. Never raises for what it checks."""
    return [
        _checked("database", _database, psycopg.Error),
        _checked("broker", _broker, redis.RedisError),
        _checked("carrier_workers", _carrier_workers, psycopg.Error),
    ]


def _checked(name: str, ask: Callable[[], str], failure: type[Exception]) -> Check:
    try:
        wrong = ask()
    except failure as exc:
        return Check(name=name, is_well=False, detail=type(exc).__name__)
    return Check(name=name, is_well=not wrong, detail=wrong)


def _database() -> str:
    with _connected() as connection:
        connection.execute("SELECT 1")
    return ""


def _broker() -> str:
    with redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=None
    ) as broker:
        broker.ping()
    return ""


def _carrier_workers() -> str:
    """The enabled accounts of which no worker was seen lately."""
    with _connected() as connection:
        return ", ".join(name for (name,) in connection.execute(SILENT_ACCOUNTS, [BIND_SEEN_WITHIN_S]))


def _connected() -> psycopg.Connection[Any]:
    database = settings.DATABASES["default"]
    options = {key: value for key, value in database["OPTIONS"].items() if key.startswith("ssl")}
    return psycopg.connect(
        host=database["HOST"],
        port=database["PORT"] or None,
        dbname=database["NAME"],
        user=database["USER"],
        password=database["PASSWORD"],
        connect_timeout=TIMEOUT_S,
        options=f"-c statement_timeout={TIMEOUT_S * 1000}",
        autocommit=True,
        **options,
    )
