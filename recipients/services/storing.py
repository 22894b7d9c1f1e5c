"""Rows of a roster into the database: sealed, hashed and written thousands at a time.

ON CONFLICT costs nothing measurable and makes a chunk safe to repeat; rows are never deleted, since each deletion would
look for messages and calls that point at it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from recipients import routing_rules as rules
from recipients.checking import CheckedRow
from recipients.models import Recipient, Route
from recipients.services.duplicates import SameAs
from tenants.bulk import BulkInsert
from tenants.context import current_tenant_id
from tenants.sealing import KeyRing

ROUTES: Final[Mapping[rules.Route, int]] = {route: int(Route[route.name]) for route in rules.Route}
_ROWS: Final = BulkInsert(
    incoming="incoming_recipients",
    columns={
        "row": "int4",
        "route": "int2",
        "reason": "text",
        "is_mended": "bool",
        "phone_hash": "bytea",
        "id_hash": "bytea",
        "sealed": "bytea",
    },
    insert="""
        INSERT INTO recipients_recipient
            (tenant_id, roster_id, row, route, reason, is_mended, phone_hash, id_hash, sealed)
        SELECT %s, %s, row, route, reason, is_mended, phone_hash, id_hash, sealed FROM incoming_recipients
        ON CONFLICT (tenant_id, roster_id, row) DO UPDATE SET
            route = EXCLUDED.route, reason = EXCLUDED.reason, is_mended = EXCLUDED.is_mended,
            phone_hash = EXCLUDED.phone_hash, id_hash = EXCLUDED.id_hash, sealed = EXCLUDED.sealed
    """,
)


class StoredRow(NamedTuple):
    """The columns of ``recipients_recipient`` in the order of ``_ROWS``."""

    row: int
    route: int
    reason: str
    is_mended: bool
    phone_hash: bytes | None
    id_hash: bytes | None
    sealed: bytes


class RowSealer:
    """From a checked row to a stored one, with keys and columns looked up once."""

    def __init__(self, ring: KeyRing, *, phone_header: str) -> None:
        self._seal = ring.sealer(Recipient._meta.db_table)
        self.phone_hash: Callable[[str], bytes] = ring.hasher("phone")
        self.id_hash: Callable[[str], bytes] = ring.hasher("id")
        self._phone_header = phone_header

    def seal(self, row: int, checked: CheckedRow, *, same_as: SameAs | None = None, by_hand: bool = False) -> StoredRow:
        """``same_as`` is the earlier row that stands for this one too; ``by_hand`` says that a person mended a cell."""
        fields = personal_fields(checked, phone_header=self._phone_header)
        route, reason = ROUTES[checked.route], str(checked.reason)
        if same_as is not None:
            route, reason = ROUTES[rules.Route.SKIP], str(same_as.reason)
            fields |= {"detail": str(same_as.row), "rule": str(same_as.rule)}
        return StoredRow(
            row,
            route,
            reason,
            by_hand or bool(checked.mended),
            self.phone_hash(checked.phone) if checked.phone else None,
            self.id_hash(checked.external_id) if checked.external_id else None,
            self._seal(_dump(fields)),
        )


def personal_fields(checked: CheckedRow, *, phone_header: str) -> dict[str, Any]:
    """What the blob of a recipient holds."""
    return {
        "name": checked.name,
        "kana": checked.kana,
        "phone": checked.phone,
        "number_kind": checked.number_kind,
        "phone_raw": checked.cells.get(phone_header, ""),
        "external_id": checked.external_id,
        "birth_on": checked.birth_on,
        "age": checked.age,
        "rule": checked.rule,
        "detail": checked.detail,
        "mended": checked.mended,
        "cells": checked.cells,
    }


def store_rows(*, roster_id: int, rows: Sequence[StoredRow]) -> None:
    """Write rows in one go; a row that is already there is replaced. Needs the tenant's scope."""
    _ROWS.run(rows, [current_tenant_id(), roster_id])


def _dump(fields: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(fields)
    except TypeError:  # a lone surrogate, which no encoding carries and no database stores
        return orjson.dumps(_without_surrogates(fields))


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return str(value).encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_surrogates(inner) for inner in value]
    return value
