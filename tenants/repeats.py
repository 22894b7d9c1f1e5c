"""What a request that comes twice is known by, and how the first one takes it (``idempotency``, ``once``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection
from django.http import QueryDict
from django.utils import timezone

from tenants import keys
from tenants.context import current_tenant_id


def claim(table: str, **columns: Any) -> int | None:
    """The id of a new row of this tenant with these values, or None where its unique index has them already.

    Waits for a transaction that is under way with the same.
    """
    values = {"tenant_id": current_tenant_id(), **columns, "created_at": timezone.now()}
    places = ", ".join(["%s"] * len(values))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places}) ON CONFLICT DO NOTHING RETURNING id",  # noqa: S608
            list(values.values()),
        )
        row = cursor.fetchone()
    return row[0] if row else None


def content_of(fields: QueryDict, files: Any) -> Mapping[str, Any]:
    """What was typed and chosen in a form, and a keyed hash of each file. Needs the tenant's scope."""
    typed = {name: fields.getlist(name) for name in fields if name not in files}
    return {"fields": typed, "files": {name: [_digest(file) for file in files.getlist(name)] for name in files}}


def _digest(file: Any) -> str:
    file.seek(0)
    digest = keys.ring().hash_pieces("idempotency file", file.chunks()).hex()
    file.seek(0)
    return f"{file.name}:{digest}"
