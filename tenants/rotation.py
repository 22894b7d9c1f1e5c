"""New keys for old: tenants' data keys, and the master key that wraps them, while everything runs.

A rotation is four steps, each of which may be interrupted anywhere and started again:

1. A new key is made. For ``GRACE_S`` it only opens, so that every process knows it before anybody seals with it.
2. It seals. A process that looked at the keys just before goes on with the old one for ``RING_S`` at most.
3. Every blob of an older key is sealed again, some hundred rows a transaction; rows that somebody works on are left for
   the next round.
4. Old keys that no blob uses are deleted, ``RETIRE_S`` after they stopped sealing: by then no task of that time runs.

Where a row stands is written in its blob (the number of its key), so nothing else needs to be remembered.
Runs as the tables' owner: the audit trail is append-only for everybody else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.db import connections, transaction

from tenants import keys
from tenants.context import tenant_scope
from tenants.models import Privacy, TenantOwned
from tenants.sealing import KeyRing, new_key, unwrap, wrap

OWNER: Final = "owner"
RETIRE_S: Final = 24 * 60 * 60
BATCH_ROWS: Final = 500
ROUNDS: Final = 10
_NUMBER: Final = "substring({column} from 2 for 2)"


@dataclass(frozen=True, slots=True)
class SealedColumn:
    table: str
    column: str


@dataclass(frozen=True, slots=True)
class Retired:
    """What became of a tenant's old keys: deleted, or kept because blobs use them or it is too early."""

    deleted: tuple[int, ...]
    in_use: tuple[int, ...]
    too_young: tuple[int, ...]


def sealed_columns() -> list[SealedColumn]:
    """Every column of a tenant's table that holds sealed bytes: what the models class as personal."""
    return [
        SealedColumn(model._meta.db_table, str(field.column))
        for model in apps.get_models()
        if issubclass(model, TenantOwned)
        for field in model._meta.concrete_fields
        if field.get_internal_type() == "BinaryField" and _privacy_of(model).get(field.name) is Privacy.PERSONAL
    ]


def _privacy_of(model: type[TenantOwned]) -> dict[str, Any]:
    found: dict[str, Any] = getattr(model, "privacy", {})
    return found


def begin(*, tenant_id: int, grace_s: int = keys.GRACE_S) -> int:
    """Step 1; the number of the new key. A rotation that was interrupted is gone on with: no further key is made."""
    with tenant_scope(tenant_id, using=OWNER), connections[OWNER].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('rotate_keys'), %s)", [tenant_id])
        cursor.execute(
            "SELECT number, seals_from > clock_timestamp() FROM tenants_tenantkey"
            " WHERE tenant_id = %s AND purpose = %s ORDER BY number",
            [tenant_id, keys.SEAL],
        )
        *older, (newest, is_waiting) = cursor.fetchall()
        if is_waiting or any(is_used(tenant_id=tenant_id, number=number) for number, _ in older):
            return int(newest)
        number = int(newest) + 1
        wrapped = wrap(settings.MASTER_KEYS, new_key(), purpose=keys.key_purpose(tenant_id, keys.SEAL, number))
        cursor.execute(
            "INSERT INTO tenants_tenantkey (tenant_id, number, purpose, wrapped, created_at, seals_from)"
            " VALUES (%s, %s, %s, %s, clock_timestamp(), clock_timestamp() + make_interval(secs => %s))",
            [tenant_id, number, keys.SEAL, wrapped, grace_s],
        )
    return number


def wait_s(*, tenant_id: int) -> float:
    """How long until the newest key seals and no process seals with an older one out of habit; 0 when that is so."""
    with tenant_scope(tenant_id, using=OWNER), connections[OWNER].cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM max(seals_from) - clock_timestamp()) FROM tenants_tenantkey"
            " WHERE tenant_id = %s AND purpose = %s AND number > 1",
            [tenant_id, keys.SEAL],
        )
        (seconds,) = cursor.fetchone()
    return max(0.0, float(seconds) + keys.RING_S) if seconds is not None else 0.0


def reseal(*, tenant_id: int, told: Callable[[SealedColumn, int], None] = lambda column, rows: None) -> int:
    """Step 3; how many rows were sealed again. ``told`` hears of each batch."""
    keys.forget_rings()
    done = 0
    for column in sealed_columns():
        for _ in range(ROUNDS):
            rows = sum(_reseal_round(tenant_id, column, told))
            done += rows
            if not rows:
                break
    return done


def _reseal_round(tenant_id: int, column: SealedColumn, told: Callable[[SealedColumn, int], None]) -> Iterator[int]:
    """Once through the table, in the order of its ids. The number of rows of each batch."""
    last = 0
    while True:
        with tenant_scope(tenant_id, using=OWNER):
            ring = keys.ring_of(tenant_id, using=OWNER)
            last, rows = _reseal_batch(tenant_id, ring, column, after=last)
        if not rows:
            return
        told(column, rows)
        yield rows


def _reseal_batch(tenant_id: int, ring: KeyRing, column: SealedColumn, *, after: int) -> tuple[int, int]:
    """(the last id, how many rows). What another transaction holds is skipped: it may be sealing the row itself."""
    table, name = column.table, column.column
    number = _NUMBER.format(column=name)
    with connections[OWNER].cursor() as cursor:
        cursor.execute(
            f"SELECT id, {name} FROM {table} WHERE tenant_id = %s AND id > %s AND length({name}) > 2 AND {number} <> %s"  # noqa: S608 - our own names
            " ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED",
            [tenant_id, after, ring.current.to_bytes(2, "big"), BATCH_ROWS],
        )
        rows = cursor.fetchall()
        if not rows:
            return after, 0
        seal = ring.sealer(table)
        cursor.execute(
            f"UPDATE {table} AS t SET {name} = u.blob FROM unnest(%s::bigint[], %s::bytea[]) AS u (id, blob)"  # noqa: S608 - our own names
            " WHERE t.tenant_id = %s AND t.id = u.id",
            [[pk for pk, _ in rows], [seal(ring.open(table, blob)) for _, blob in rows], tenant_id],
        )
    return rows[-1][0], len(rows)


def retire(*, tenant_id: int, retire_s: int = RETIRE_S) -> Retired:
    """Step 4: delete the data keys that no blob uses and that have not sealed for ``retire_s``."""
    deleted, in_use, too_young = [], [], []
    with tenant_scope(tenant_id, using=OWNER), connections[OWNER].cursor() as cursor:
        cursor.execute(
            "SELECT k.number, (SELECT min(n.seals_from) FROM tenants_tenantkey n WHERE n.tenant_id = k.tenant_id"
            "  AND n.purpose = k.purpose AND n.number > k.number) + make_interval(secs => %s) <= clock_timestamp()"
            " FROM tenants_tenantkey k WHERE k.tenant_id = %s AND k.purpose = %s ORDER BY k.number",
            [retire_s, tenant_id, keys.SEAL],
        )
        for number, is_old in cursor.fetchall()[:-1]:
            if not is_old:
                too_young.append(number)
            elif is_used(tenant_id=tenant_id, number=number):
                in_use.append(number)
            else:
                cursor.execute(
                    "DELETE FROM tenants_tenantkey WHERE tenant_id = %s AND purpose = %s AND number = %s",
                    [tenant_id, keys.SEAL, number],
                )
                deleted.append(number)
    keys.forget_rings()
    return Retired(tuple(deleted), tuple(in_use), tuple(too_young))


def is_used(*, tenant_id: int, number: int) -> bool:
    """Whether some blob of the tenant was sealed with this data key. Needs the owner's scope."""
    with connections[OWNER].cursor() as cursor:
        for column in sealed_columns():
            cursor.execute(
                f"SELECT EXISTS (SELECT 1 FROM {column.table} WHERE tenant_id = %s AND length({column.column}) > 2"  # noqa: S608 - our own names
                f" AND {_NUMBER.format(column=column.column)} = %s)",
                [tenant_id, number.to_bytes(2, "big")],
            )
            if cursor.fetchone()[0]:
                return True
    return False


def rewrap(*, tenant_id: int) -> int:
    """The tenant's keys under the current master key; how many were under another. One transaction."""
    current, done = max(settings.MASTER_KEYS), 0
    with tenant_scope(tenant_id, using=OWNER), connections[OWNER].cursor() as cursor:
        cursor.execute(
            "SELECT id, number, purpose, wrapped FROM tenants_tenantkey WHERE tenant_id = %s FOR UPDATE", [tenant_id]
        )
        for pk, number, purpose, wrapped in cursor.fetchall():
            if bytes(wrapped)[0] == current:
                continue
            bound = keys.key_purpose(tenant_id, purpose, number)
            key = unwrap(settings.MASTER_KEYS, wrapped, purpose=bound)
            fresh = wrap(settings.MASTER_KEYS, key, purpose=bound)
            cursor.execute("UPDATE tenants_tenantkey SET wrapped = %s WHERE id = %s", [fresh, pk])
            done += 1
    keys.forget_rings()
    return done


def wrapped_by(number: int, *, tenant_id: int) -> int:
    """How many of the tenant's keys a master key still wraps."""
    with tenant_scope(tenant_id, using=OWNER), connections[OWNER].cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM tenants_tenantkey WHERE tenant_id = %s AND get_byte(wrapped, 0) = %s",
            [tenant_id, number],
        )
        return int(cursor.fetchone()[0])


def tenant_ids() -> list[int]:
    with transaction.atomic(using=OWNER), connections[OWNER].cursor() as cursor:
        cursor.execute("SELECT id FROM tenants_tenant ORDER BY id")
        return [pk for (pk,) in cursor.fetchall()]


def has_keys(*, tenant_id: int) -> bool:
    """False for a tenant that was erased."""
    with tenant_scope(tenant_id, using=OWNER), connections[OWNER].cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM tenants_tenantkey WHERE tenant_id = %s)", [tenant_id])
        return bool(cursor.fetchone()[0])
