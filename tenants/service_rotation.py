"""What the service's own keys seal (stored receipts, carriers' passwords, second factors), under a new master key.

These keys are derived from the master keys, so each blob names its master key. Hashes under the service's index, which
comes from the oldest master key, are short-lived: attempts to log in, and numbers of receipts that wait for their text.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Final

from django.apps import apps
from django.db import connections, models, transaction

from tenants import keys
from tenants.models import Privacy, TenantOwned
from tenants.rotation import BATCH_ROWS, OWNER, SealedColumn

CARRIER: Final = "carrier"  # sees the receipts of all tenants
FACTORS: Final = "mfa_authenticator"


def service_columns() -> list[SealedColumn]:
    """Columns that the service's key seals: of models without a tenant, the sealed ones."""
    return [
        SealedColumn(model._meta.db_table, str(field.column))
        for model in apps.get_models()
        if not issubclass(model, TenantOwned)
        for field in model._meta.concrete_fields
        if isinstance(field, models.BinaryField)
        and field.name.startswith("sealed")
        and getattr(model, "privacy", {}).get(field.name) in {Privacy.PERSONAL, Privacy.SECRET}
    ]


def reseal_service(*, told: Callable[[SealedColumn, int], None] = lambda column, rows: None) -> int:
    """Seal again what an older master key's key sealed; how many blobs. May be interrupted and run again."""
    done = reseal_factors()
    for column in service_columns():
        last = 0
        while True:
            last, rows = _reseal_batch(column, after=last)
            if not rows:
                break
            done += rows
            told(column, rows)
    return done


def _reseal_batch(column: SealedColumn, *, after: int) -> tuple[int, int]:
    table, name, ring = column.table, column.column, keys.service()
    with transaction.atomic(using=CARRIER), connections[CARRIER].cursor() as cursor:
        cursor.execute(
            f"SELECT id, {name} FROM {table} WHERE id > %s AND length({name}) > 2"  # noqa: S608 - our own names
            f" AND substring({name} from 2 for 2) <> %s ORDER BY id LIMIT %s FOR UPDATE",
            [after, ring.current.to_bytes(2, "big"), BATCH_ROWS],
        )
        rows = cursor.fetchall()
        if not rows:
            return after, 0
        cursor.execute(
            f"UPDATE {table} AS t SET {name} = u.blob FROM unnest(%s::bigint[], %s::bytea[]) AS u (id, blob)"  # noqa: S608 - our own names
            " WHERE t.id = u.id",
            [[pk for pk, _ in rows], [ring.seal(table, ring.open(table, blob)) for _, blob in rows]],
        )
    return rows[-1][0], len(rows)


def reseal_factors() -> int:
    """The secrets of authenticator apps, which django-allauth keeps as base64 in its JSON."""
    ring, done = keys.service(), 0
    with transaction.atomic(using=OWNER), connections[OWNER].cursor() as cursor:
        cursor.execute(f"SELECT id, data ->> 'secret' FROM {FACTORS} WHERE data ? 'secret' ORDER BY id FOR UPDATE")  # noqa: S608 - our own names
        for pk, secret in cursor.fetchall():
            blob = base64.b64decode(secret)
            if int.from_bytes(blob[1:3], "big") == ring.current:
                continue
            fresh = base64.b64encode(ring.seal(FACTORS, ring.open(FACTORS, blob))).decode()
            cursor.execute(
                f"UPDATE {FACTORS} SET data = jsonb_set(data, '{{secret}}', to_jsonb(%s::text)) WHERE id = %s",  # noqa: S608 - our own names
                [fresh, pk],
            )
            done += 1
    return done


def sealed_under(number: int) -> int:
    """How many of the service's blobs still need this master key."""
    wanted, found = number.to_bytes(2, "big"), 0
    with transaction.atomic(using=CARRIER), connections[CARRIER].cursor() as cursor:
        for column in service_columns():
            name = column.column
            cursor.execute(
                f"SELECT count(*) FROM {column.table} WHERE length({name}) > 2 AND substring({name} from 2 for 2) = %s",  # noqa: S608 - our own names
                [wanted],
            )
            found += cursor.fetchone()[0]
    with transaction.atomic(using=OWNER), connections[OWNER].cursor() as cursor:
        cursor.execute(f"SELECT data ->> 'secret' FROM {FACTORS} WHERE data ? 'secret'")  # noqa: S608 - our own names
        found += sum(base64.b64decode(secret)[1:3] == wanted for (secret,) in cursor.fetchall())
    return found
