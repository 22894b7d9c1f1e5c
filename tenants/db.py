"""Helpers for migrations: composite keys, forced row security and grants for a tenant's table; the one-database router.

Group roles ``todoke_app``, ``todoke_operator`` and ``todoke_carrier`` own nothing and bypass nothing; the log-ins of
the URLs are members of them (``manage.py prepare_database``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from django.db import migrations

SCOPE: Final = "(SELECT nullif(current_setting('app.tenant_id', true), '')::bigint)"
FULL: Final = "SELECT, INSERT, UPDATE, DELETE"


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


def seal_text(table: str, column: str) -> migrations.RunPython:
    """A column of clear text becomes sealed bytes, tenant by tenant, a thousand rows at once."""

    def forwards(apps: Any, schema_editor: Any) -> None:
        from tenants.keys import ROWS_OF, build_ring  # needs settings, which reading a migration does not

        with schema_editor.connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} ADD COLUMN sealed_{column} bytea")
            cursor.execute("SELECT id FROM tenants_tenant ORDER BY id")
            for (tenant_id,) in cursor.fetchall():
                cursor.execute("SELECT set_config('app.tenant_id', %s, true)", [str(tenant_id)])
                cursor.execute(ROWS_OF, [tenant_id])
                if key_rows := cursor.fetchall():  # none is left of a tenant that was erased, nor any row
                    _seal_rows(cursor, table, column, tenant_id, build_ring(tenant_id, key_rows).sealer(table))
            cursor.execute("SELECT set_config('app.tenant_id', '', true)")
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
            cursor.execute(f"ALTER TABLE {table} RENAME COLUMN sealed_{column} TO {column}")
            cursor.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL")

    return migrations.RunPython(forwards, migrations.RunPython.noop)


def _seal_rows(cursor: Any, table: str, column: str, tenant_id: int, seal: Callable[[bytes], bytes]) -> None:
    while True:
        cursor.execute(
            f"SELECT id, {column} FROM {table} WHERE tenant_id = %s AND sealed_{column} IS NULL ORDER BY id LIMIT 1000",  # noqa: S608 - our own names
            [tenant_id],
        )
        rows = cursor.fetchall()
        if not rows:
            return
        cursor.execute(
            f"UPDATE {table} AS t SET sealed_{column} = u.blob FROM unnest(%s::bigint[], %s::bytea[]) AS u (id, blob)"  # noqa: S608 - our own names
            " WHERE t.tenant_id = %s AND t.id = u.id",
            [[pk for pk, _ in rows], [seal(text.encode()) for _, text in rows], tenant_id],
        )


def tune(table: str, *, fillfactor: int, options: Sequence[str] = ()) -> migrations.RunSQL:
    """Leave room in each page, so that updates stay on it (HOT)."""
    settings = ", ".join([f"fillfactor = {fillfactor}", *options])
    return migrations.RunSQL(f"ALTER TABLE {table} SET ({settings})", reverse_sql=migrations.RunSQL.noop)
