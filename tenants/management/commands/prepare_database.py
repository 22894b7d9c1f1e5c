"""Create the database, the group roles and the log-ins that the URLs name."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import unquote, urlsplit

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand
from psycopg import sql

GROUPS: Final = {
    "default": "todoke_app",
    "owner": "todoke_owner",
    "operator": "todoke_operator",
    "carrier": "todoke_carrier",
}


class Command(BaseCommand):
    help = "Creates the database and its roles from DATABASE_ADMIN_URL (a superuser). Harmless to repeat."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        admin_url = settings.DATABASE_ADMIN_URL
        name = settings.DATABASES["default"]["NAME"]
        with psycopg.connect(admin_url, autocommit=True) as connection:
            for alias, group in GROUPS.items():
                ensure_role(connection, group, login=settings.DATABASES[alias])
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0").format(
                        sql.Identifier(name), sql.Identifier(settings.DATABASES["owner"]["USER"])
                    )
                )
            let_in_only(connection, name, [settings.DATABASES[alias]["USER"] for alias in GROUPS])
        with psycopg.connect(with_database(admin_url, name), autocommit=True) as connection:
            connection.execute(
                sql.SQL("GRANT CREATE, USAGE ON SCHEMA public TO {}").format(
                    sql.Identifier(settings.DATABASES["owner"]["USER"])
                )
            )


def ensure_role(connection: psycopg.Connection[Any], group: str, *, login: dict[str, Any]) -> None:
    """A group role without log-in and the log-in that is a member of it; neither bypasses row security."""
    exists = "SELECT 1 FROM pg_roles WHERE rolname = %s"
    if not connection.execute(exists, [group]).fetchone():
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN NOBYPASSRLS").format(sql.Identifier(group)))
    user = sql.Identifier(login["USER"])
    if not connection.execute(exists, [login["USER"]]).fetchone():
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS").format(user))
    connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(user, sql.Literal(login["PASSWORD"])))
    connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(group), user))


def let_in_only(connection: psycopg.Connection[Any], name: str, users: list[str]) -> None:
    """The group roles are the whole server's: without this, another installation's log-ins could open this database."""
    database = sql.Identifier(name)
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    logins = sql.SQL(", ").join(map(sql.Identifier, dict.fromkeys(users)))
    connection.execute(sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(database, logins))


def with_database(url: str, name: str) -> str:
    """The same server, another database."""
    parts = urlsplit(url)
    return parts._replace(path=f"/{unquote(name)}").geturl()
