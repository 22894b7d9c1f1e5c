"""The cast: two tenants, acme and globex, each with staff, approver, admin, auditor and viewer.

The database was prepared and migrated by ``python -m devservers test``; tests run as its restricted roles. ``db`` wraps a
test in a transaction of the application's role; ``committed`` really commits, so that the other roles see it, and empties
the tables as their owner afterwards.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connections
from django.utils import timezone

from tenants import keys, tasking
from tenants.account import factors
from tenants.actors import Actor
from tenants.context import tenant_scope
from tenants.models import Department, Tenant, User
from tenants.permissions import Role
from tenants.selectors import actor_of
from tenants.services import create_member, create_tenant, issue_api_key

pytest_plugins = ["tests.figures", "tests.sharing"]

NOON = datetime(2022, 8, 15, 3, 0, tzinfo=UTC)  # 12:00 in Japan
KEPT = {"django_migrations", "django_content_type", "auth_permission"}
# Sequences that were used begin anew with the tables that are emptied.
RESTART = """
SELECT setval(format('%%I.%%I', s.schemaname, s.sequencename), 1, false) FROM pg_sequences AS s JOIN pg_depend AS d
    ON d.objid = format('%%I.%%I', s.schemaname, s.sequencename)::regclass AND d.refobjid::regclass::text = ANY(%s)
    WHERE s.last_value IS NOT NULL
"""


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


@pytest.fixture
def committed(django_db_blocker: Any) -> Iterator[None]:
    """Real commits, seen by every role; the tables are emptied afterwards."""
    with django_db_blocker.unblock():
        try:
            yield
        finally:
            empty_tables()
            for connection in connections.all():
                connection.close()


def admin_url() -> str:
    """The test's database, as its superuser."""
    return psycopg.conninfo.make_conninfo(settings.DATABASE_ADMIN_URL, dbname=settings.DATABASES["owner"]["NAME"])


def empty_tables(*apps: str) -> None:
    """Those of these apps, or all; as the superuser and without triggers.

    TRUNCATE would make some two hundred files anew, which takes seconds on a slow disk; to delete few rows takes none.
    """
    with psycopg.connect(admin_url(), autocommit=True) as superuser:
        found = superuser.execute("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'").fetchall()
        tables = sorted(name for (name,) in found if name not in KEPT and (not apps or name.partition("_")[0] in apps))
        superuser.execute("SET session_replication_role = replica")
        superuser.execute("; ".join(f"DELETE FROM {table}" for table in tables))  # noqa: S608 - our own names
        superuser.execute(RESTART, [tables])


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


@pytest.fixture
def acme(request: pytest.FixtureRequest) -> Cast:
    _need_database(request)
    return make_cast("acme")


@pytest.fixture
def globex(request: pytest.FixtureRequest) -> Cast:
    _need_database(request)
    return make_cast("globex")


def _need_database(request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("committed" if "committed" in request.fixturenames else "db")


@pytest.fixture
def enqueued(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What services asked the workers to do, in order, instead of publishing it."""
    published: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(tasking, "enqueue", lambda name, **ids: published.append((name, ids)))
    at_once = SimpleNamespace(on_commit=lambda function, using="default": function())
    monkeypatch.setattr(tasking, "transaction", at_once)
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
