"""System checks: settings and servers that would endanger residents' data, with a sentence each.

``manage.py check --deploy`` tells them; in production ``config.start_up`` refuses to start with any of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import psycopg
import redis
import structlog
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

log = structlog.get_logger()

SECRET_CHARACTERS: Final = 50
DIFFERENT_CHARACTERS: Final = 10
DIFFERENT_BYTES: Final = 16
TIMEOUT_S: Final = 5
SERVING: Final = ("default", "operator", "carrier")
"""The roles that serving processes use; "owner" migrates and is not theirs."""

LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})

POWERS: Final = """
SELECT role.rolsuper, role.rolbypassrls, EXISTS (
    SELECT 1 FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
    WHERE t.relkind IN ('r', 'p') AND n.nspname = 'public' AND pg_has_role(role.oid, t.relowner, 'USAGE')
)
FROM pg_roles role WHERE role.rolname = current_user
"""


@register(Tags.security, deploy=True)
def unsafe_settings(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """What the settings alone tell."""
    return list(_settings())


def unsafe_servers() -> list[CheckMessage]:
    """What database and broker tell. A server that is away tells nothing and stops no start: pages say 503 meanwhile."""
    found: list[CheckMessage] = []
    try:
        found += _database_roles()
    except psycopg.Error as exc:
        log.warning("start_up.database_not_asked", error=type(exc).__name__)
    try:
        found += _broker()
    except redis.RedisError as exc:
        log.warning("start_up.broker_not_asked", error=type(exc).__name__)
    return found


def _settings() -> Iterator[CheckMessage]:
    if settings.DEMO:
        yield Error("DEMO is on. It shows passwords and codes on the log-in page; unset it.", id="todoke.E001")
    if settings.DEBUG:
        yield Error("DEBUG is on. It shows data in error pages; unset it.", id="todoke.E002")
    yield from _keys()
    yield from _addresses()
    if settings.DEMO_TODAY is not None:
        yield Error("DEMO_TODAY is set. Ages would be reckoned for that day; unset it.", id="todoke.E010")
    if settings.FAILPOINT:
        yield Error("FAILPOINT is set. Processes would exit while they work; unset it.", id="todoke.E011")


def _keys() -> Iterator[CheckMessage]:
    key: str = settings.SECRET_KEY
    if len(key) < SECRET_CHARACTERS or len(set(key)) < DIFFERENT_CHARACTERS or key.startswith("django-insecure-"):
        yield Error(
            f"SECRET_KEY is weak. It needs {SECRET_CHARACTERS} characters or more by chance: whoever guesses it is anybody.",
            id="todoke.E003",
        )
    if not settings.MASTER_KEYS:
        yield Error("MASTER_KEYS is empty. Without a master key nothing can be sealed.", id="todoke.E004")
    for number, master in settings.MASTER_KEYS.items():
        if len(set(master)) < DIFFERENT_BYTES:
            yield Error(f"Master key {number} is weak. It needs 32 bytes by chance.", id="todoke.E005")


def _addresses() -> Iterator[CheckMessage]:
    hosts: list[str] = settings.ALLOWED_HOSTS
    if not hosts or any(host.startswith(("*", ".")) for host in hosts):
        yield Error(
            "ALLOWED_HOSTS must name the hosts one by one: links in mails would lead wherever a request says.",
            id="todoke.E012",
        )
    if not settings.BASE_URL.startswith("https://"):
        yield Error("BASE_URL must begin with https://. Invitations lead there.", id="todoke.E013")
    if settings.OPERATOR_WEBHOOK_URL and not (
        settings.OPERATOR_WEBHOOK_URL.startswith("https://") and settings.OPERATOR_WEBHOOK_SECRET
    ):
        yield Error(
            "OPERATOR_WEBHOOK_URL needs https:// and OPERATOR_WEBHOOK_SECRET, so that incidents can be believed.",
            id="todoke.E014",
        )
    if settings.EMAIL_HOST not in LOCAL_HOSTS and not settings.EMAIL_USE_TLS and not settings.EMAIL_USE_SSL:
        yield Error(
            "EMAIL_SECURITY is none, and EMAIL_HOST is another machine: invitations would travel in clear.",
            id="todoke.E015",
        )


def _database_roles() -> Iterator[CheckMessage]:
    for alias in SERVING:
        database = settings.DATABASES[alias]
        with psycopg.connect(
            host=database["HOST"],
            port=database["PORT"] or None,
            dbname=database["NAME"],
            user=database["USER"],
            password=database["PASSWORD"],
            connect_timeout=TIMEOUT_S,
            **{name: value for name, value in database["OPTIONS"].items() if name.startswith("ssl")},
        ) as connection:
            powers = connection.execute(POWERS).fetchone()
        yield from _powers(alias, database["USER"], *(powers or (True, True, True)))


def _powers(alias: str, role: str, is_superuser: bool, bypasses: bool, owns: bool) -> Iterator[CheckMessage]:
    name = f'The database role "{role}" ({alias})'
    if is_superuser:
        yield Error(f"{name} is a superuser: row security does not bind it. Use one without powers.", id="todoke.E006")
    elif bypasses:
        yield Error(
            f"{name} bypasses row security (BYPASSRLS): it sees every tenant. Take that away.", id="todoke.E007"
        )
    elif owns:
        yield Error(f"{name} owns tables: it could lift row security. Let the owner's role own them.", id="todoke.E008")


def _broker() -> Iterator[CheckMessage]:
    with redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=None
    ) as broker:
        policy = broker.info("memory").get("maxmemory_policy")
    if policy not in {None, "noeviction"}:
        yield Error(
            f"The broker evicts ({policy}): under pressure it would drop wake-ups. Set maxmemory-policy noeviction.",
            id="todoke.E009",
        )
