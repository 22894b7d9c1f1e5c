"""Helpers for migrations: composite keys, forced row security and grants for a tenant's table; the one-database router.

Group roles ``todoke_app``, ``todoke_operator`` and ``todoke_carrier`` own nothing and bypass nothing; the log-ins of
the URLs are members of them (``manage.py prepare_database``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db import migrations

SCOPE: Final = "(SELECT nullif(current_setting('app.tenant_id', true), '')::bigint)"
FULL: Final = "SELECT, INSERT, UPDATE, DELETE"
KEPT: Final = "SELECT, INSERT, UPDATE"
"""Of what is emptied or put away, never deleted."""


class OneDatabaseRouter:
    """All aliases are roles on one database; the owner alone migrates."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == "owner"

    def allow_relation(self, obj1: Any, obj2: Any, **hints: Any) -> bool:
        return True


def protect(
    table: str,
    *,
    links: Mapping[str, str] | None = None,
    app: str = FULL,
    carrier: str = "",
    operator: str = "",
    referenced: bool = True,
    tenant_column: str = "tenant_id",
) -> migrations.RunSQL:
    """Fence a tenant's table.

    ``links`` maps a column to the parent's table; each becomes a foreign key ``(tenant_id, column)``. ``referenced``
    adds the unique ``(tenant_id, id)`` that children need. ``app``, ``carrier`` and ``operator`` are privileges; the
    latter two see the rows of all tenants, the application only those of its scope.
    """
    statements = [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY scope ON {table} TO todoke_app, CURRENT_USER"
        f" USING ({tenant_column} = {SCOPE}) WITH CHECK ({tenant_column} = {SCOPE})",
        f"GRANT {app} ON {table} TO todoke_app",
    ]
    if referenced:
        statements.append(f"ALTER TABLE {table} ADD CONSTRAINT {table}_tenant_id_id UNIQUE (tenant_id, id)")
    for column, parent in (links or {}).items():
        statements.append(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_fk FOREIGN KEY (tenant_id, {column})"
            f" REFERENCES {parent} (tenant_id, id) DEFERRABLE INITIALLY DEFERRED"
        )
    for role, privileges in (("carrier", carrier), ("operator", operator)):
        if privileges:
            statements.append(f"CREATE POLICY {role} ON {table} TO todoke_{role} USING (true) WITH CHECK (true)")
            statements.append(f"GRANT {privileges} ON {table} TO todoke_{role}")
    return migrations.RunSQL([(statement, None) for statement in statements], reverse_sql=migrations.RunSQL.noop)


def share(table: str, *, app: str = "", carrier: str = "", operator: str = "") -> migrations.RunSQL:
    """Grant a table that belongs to no tenant (all of them stand in tests/rules/test_tables.py)."""
    grants = [
        (role, privileges)
        for role, privileges in (("app", app), ("carrier", carrier), ("operator", operator))
        if privileges
    ]
    return migrations.RunSQL(
        [(f"GRANT {privileges} ON {table} TO todoke_{role}", None) for role, privileges in grants],
        reverse_sql=migrations.RunSQL.noop,
    )


def tune(table: str, *, fillfactor: int, options: Sequence[str] = ()) -> migrations.RunSQL:
    """Leave room in each page, so that updates stay on it (HOT)."""
    settings = ", ".join([f"fillfactor = {fillfactor}", *options])
    return migrations.RunSQL(f"ALTER TABLE {table} SET ({settings})", reverse_sql=migrations.RunSQL.noop)
