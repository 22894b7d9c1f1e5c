"""The cast: two tenants, acme and globex, each with staff, approver, admin, auditor and viewer.

The database was prepared and migrated by ``python -m devservers test``; tests run as its restricted roles. ``db`` wraps a
test in a transaction of the application's role; ``committed`` really commits, so that the other roles see it, and empties
the tables as their owner afterwards.
"""

from __future__ import annotations

import atexit
import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Final

import psycopg
import pytest
from django.conf import settings
from django.db import connection, connections, transaction
from django.utils import timezone
from psycopg.pq import TransactionStatus

from tenants import keys, tasking, throttling
from tenants.account import factors
from tenants.actors import Actor
from tenants.context import tenant_scope
from tenants.models import Department, Tenant, User
from tenants.permissions import Role
from tenants.selectors import actor_of
from tenants.services import create_member, create_tenant, issue_api_key

pytest_plugins = ["tests.figures", "tests.memory", "tests.middleware", "tests.sharing"]

NOON = datetime(2022, 8, 15, 3, 0, tzinfo=UTC)  # 12:00 in Japan
KEPT = {"django_migrations", "django_content_type", "auth_permission"}
TABLES_OF_CAST: Final = (
    "tenants_tenant",
    "tenants_tenantkey",
    "tenants_department",
    "tenants_user",
    "tenants_membership",
    "mfa_authenticator",
    "tenants_apikey",
    "tenants_auditevent",
)
FIRST_AFTER_CASTS: Final = 1_000  # below it are the ids of acme and globex: what a test makes comes after them
# Sequences that were used begin anew with the tables that are emptied.
RESTART: Final = f"""
SELECT setval(format('%%I.%%I', s.schemaname, s.sequencename),
              CASE WHEN d.refobjid::regclass::text = ANY(%s) THEN {FIRST_AFTER_CASTS} ELSE 1 END, false)
    FROM pg_sequences AS s JOIN pg_depend AS d
    ON d.objid = format('%%I.%%I', s.schemaname, s.sequencename)::regclass AND d.refobjid::regclass::text = ANY(%s)
    WHERE s.last_value IS NOT NULL
"""  # noqa: S608 - a number of ours


@dataclass(frozen=True)
class Cast:
    """A tenant with its people, one of each role, all in ``department``."""

    tenant: Tenant
    department: Department
    users: dict[Role, User] = field(default_factory=dict)
    actors: dict[Role, Actor] = field(default_factory=dict)
    keys: dict[Role, str] = field(default_factory=dict)
    totp_secrets: dict[Role, str] = field(default_factory=dict)

    @property
    def staff(self) -> Actor:
        return self.actors[Role.STAFF]

    @property
    def approver(self) -> Actor:
        return self.actors[Role.APPROVER]

    @property
    def admin(self) -> Actor:
        return self.actors[Role.ADMIN]

    @property
    def auditor(self) -> Actor:
        return self.actors[Role.AUDITOR]

    @property
    def viewer(self) -> Actor:
        return self.actors[Role.VIEWER]

    def scope(self) -> Any:
        return tenant_scope(self.tenant.pk)


@pytest.fixture(scope="session")
def django_db_setup() -> None:
    """The runner of the tests prepared the database; nothing is created here."""


@pytest.fixture(autouse=True)
def _fresh_keys() -> Iterator[None]:
    yield
    keys.forget_rings()
    throttling.forget_all()


@pytest.fixture
def committed(django_db_blocker: Any) -> Iterator[None]:
    """Real commits, seen by every role; the tables are emptied afterwards."""
    with django_db_blocker.unblock():
        try:
            yield
        finally:
            empty_tables()
            close_what_is_not_idle()


def close_what_is_not_idle() -> None:
    """The next test goes on with the connections that a test left between two transactions: to make one takes longer."""
    for opened in connections.all(initialized_only=True):
        inner = opened.connection
        if inner is None or inner.closed or inner.info.transaction_status is not TransactionStatus.IDLE:
            opened.close()


def admin_url() -> str:
    """The test's database, as its superuser."""
    return psycopg.conninfo.make_conninfo(settings.DATABASE_ADMIN_URL, dbname=settings.DATABASES["owner"]["NAME"])


def empty_tables(*apps: str) -> None:
    """Those of these apps, or all; as the superuser and without triggers."""
    with superuser_without_triggers() as superuser:
        tables = delete_rows(superuser, *apps)
        superuser.execute(RESTART, [list(TABLES_OF_CAST), tables])


@contextmanager
def superuser_without_triggers() -> Iterator[psycopg.Connection]:
    """One connection for all tests that still answers, else a new one."""
    url = admin_url()
    superuser = _superusers.get(url)
    try:
        if superuser is not None:
            superuser.execute("SELECT 1")
    except psycopg.OperationalError:  # the server was away
        superuser = None
    if superuser is None:
        superuser = _superusers[url] = psycopg.connect(url, autocommit=True)
        atexit.register(superuser.close)
        superuser.execute("SET session_replication_role = replica")
    yield superuser


_superusers: dict[str, psycopg.Connection] = {}


def delete_rows(superuser: psycopg.Connection, *apps: str) -> list[str]:
    """The tables that are empty now.

    TRUNCATE would make some two hundred files anew, which takes seconds on a slow disk; to delete few rows takes none.
    """
    found = superuser.execute("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'").fetchall()
    tables = sorted(name for (name,) in found if name not in KEPT and (not apps or name.partition("_")[0] in apps))
    superuser.execute("; ".join(f"DELETE FROM {table}" for table in tables))  # noqa: S608 - our own names
    return tables


def make_cast(name: str, **rules: Any) -> Cast:
    """A tenant that asks for no approval and sends at all hours unless told otherwise."""
    defaults: dict[str, Any] = {
        "requires_approval": False,
        "requires_consent": True,
        "sms_age_limit": 60,
        "send_from": "00:00",
        "send_until": "00:00",
    }
    tenant = create_tenant(name=name, office_name=f"{name} office", now=timezone.now(), **{**defaults, **rules})
    tenant.refresh_from_db()
    with tenant_scope(tenant.pk):
        department = Department.objects.create(name="健康課")
        cast = Cast(tenant=tenant, department=department)
        for role in Role:
            user = create_member(
                email=f"{role}@{name}.example",
                name=f"{name} {role}",
                password="x" * 16,
                role=role,
                department=department if role in {Role.STAFF, Role.VIEWER} else None,
            )
            cast.users[role] = user
            cast.actors[role] = actor_of(user)
            cast.totp_secrets[role] = factors.new_secret()
            factors.set_app_secret(user=user, secret=cast.totp_secrets[role], now=timezone.now())
            cast.keys[role] = issue_api_key(
                owner=user, name=f"{role}", role=role, department=None, by=None, now=timezone.now()
            ).token
    return cast


@dataclass(frozen=True)
class KeptCast:
    """A cast and its rows, table by table as JSON, so that a test may have it without waiting for the services."""

    cast: Cast
    rows: dict[str, str]

    def write(self) -> Cast:
        """The cast, as if the services had just made it."""
        with self.cast.scope(), transaction.atomic(), connection.cursor() as cursor:
            for table, rows in self.rows.items():
                cursor.execute(
                    f"INSERT INTO {table} SELECT * FROM json_populate_recordset(NULL::{table}, %s)",  # noqa: S608
                    [rows],
                )
        return copy.deepcopy(self.cast)


@pytest.fixture(scope="session")
def kept_casts(django_db_blocker: Any) -> dict[str, KeptCast]:
    """acme and globex, made once for a process and taken back."""
    count_from(1)
    with django_db_blocker.unblock(), transaction.atomic():
        kept = {name: _keep(make_cast(name)) for name in ("acme", "globex")}
        transaction.set_rollback(True)
    count_from(FIRST_AFTER_CASTS)
    return kept


def count_from(first: int) -> None:
    with psycopg.connect(admin_url(), autocommit=True) as superuser:
        for table in TABLES_OF_CAST:
            superuser.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s, false)", [table, first])


def _keep(cast: Cast) -> KeptCast:
    rows = {}
    with cast.scope(), connection.cursor() as cursor:
        for table in TABLES_OF_CAST:
            is_its = "id = %s" if table == "tenants_tenant" else "tenant_id = %s"
            if table == "mfa_authenticator":
                is_its = "user_id IN (SELECT id FROM tenants_user WHERE tenant_id = %s)"
            cursor.execute(f"SELECT json_agg(t)::text FROM {table} AS t WHERE {is_its}", [cast.tenant.pk])  # noqa: S608
            rows[table] = cursor.fetchone()[0]
    return KeptCast(cast, rows)


@pytest.fixture
def acme(request: pytest.FixtureRequest, kept_casts: dict[str, KeptCast]) -> Cast:
    _need_database(request)
    return kept_casts["acme"].write()


@pytest.fixture
def globex(request: pytest.FixtureRequest, kept_casts: dict[str, KeptCast]) -> Cast:
    _need_database(request)
    return kept_casts["globex"].write()


def _need_database(request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("committed" if "committed" in request.fixturenames else "db")


@pytest.fixture
def enqueued(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What services asked the workers to do, in order, instead of publishing it."""
    return publish_to_a_list(monkeypatch)


def publish_to_a_list(patch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    published: list[tuple[str, dict[str, Any]]] = []
    patch.setattr(tasking, "enqueue", lambda name, **ids: published.append((name, ids)))
    at_once = SimpleNamespace(on_commit=lambda function, using="default": function())
    patch.setattr(tasking, "transaction", at_once)
    return published


@pytest.fixture
def signed_in(client: Any) -> Callable[[User], Any]:
    """A browser session of a person, who just passed the second factor."""
    return lambda user: sign_in(client, user)


def sign_in(browser: Any, user: User) -> Any:
    """``browser`` with a session of ``user`` as it is after password and code."""
    browser.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
    session = browser.session
    session[factors.PROOF] = {"user": user.pk, "at": time.time()}
    session.save()
    return browser
