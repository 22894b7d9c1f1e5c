"""Rows into a tenant's table thousands at a time: COPY into a temporary table, then INSERT … SELECT.

COPY into the table itself is refused under row security; ``unnest`` costs twice as much.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection


@dataclass(frozen=True, slots=True)
class BulkInsert:
    """``columns`` maps the incoming columns to their types; ``insert`` selects from ``incoming``."""

    incoming: str
    columns: dict[str, str]
    insert: str

    def run(self, rows: Iterable[Sequence[Any]], parameters: Sequence[Any]) -> None:
        """Needs the tenant's scope; a row that breaks a constraint fails the whole."""
        columns = ", ".join(f"{name} {kind}" for name, kind in self.columns.items())
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {self.incoming} ({columns}) ON COMMIT DELETE ROWS")
            with cursor.cursor.copy(f"COPY {self.incoming} FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(list(self.columns.values()))
                write = copy.write_row
                for row in rows:
                    write(row)
            cursor.execute(self.insert, parameters)
            cursor.execute(f"TRUNCATE {self.incoming}")
