"""A tenant is erased: its keys first, so that nothing of it can ever be read again, then its rows, then its people.

Once the keys are gone (crypto-shredding) copies are worth nothing either, but for a backup that still has the keys and
a master key that wrapped them (docs/runbooks/erase-a-tenant.md). May be interrupted anywhere and started again.
Runs as the tables' owner.
"""

from __future__ import annotations

from datetime import datetime
from graphlib import TopologicalSorter
from typing import Any, Final

import orjson
from django.apps import apps
from django.db import connections, transaction
from django.utils import timezone

from tenants import keys
from tenants.context import tenant_scope
from tenants.models import Session, Tenant, TenantErasure, TenantKey, TenantOwned, User

OWNER: Final = "owner"
BATCH_ROWS: Final = 5_000
# Tables of the service with a tenant's rows.
BESIDE: Final = ("carriers_storedreceipt", "carriers_inboundtext", "dispatch_tenantturn")
USERS: Final = User._meta.db_table


class StillActive(Exception):
    """The tenant works: it is closed first, so that nobody erases an office by a wrong number."""


def erase_tenant(*, tenant_id: int, reason: str, by: str, now: datetime) -> TenantErasure:
    """Erase, or go on erasing; the certificate. Raises ``StillActive`` and ``Tenant.DoesNotExist``."""
    tenant = Tenant.objects.using(OWNER).get(pk=tenant_id)
    if tenant.is_active:
        raise StillActive
    erasure, _ = TenantErasure.objects.using(OWNER).get_or_create(
        tenant_id=tenant_id, defaults={"tenant_name": tenant.name, "reason": reason, "by": by, "started_at": now}
    )
    if erasure.done_at is not None:
        return erasure
    _destroy_keys(erasure)
    for table in [*_tables(), *BESIDE]:
        while _delete_batch(erasure, table):
            pass
    _delete_people(erasure)
    erasure.done_at = timezone.now()
    erasure.digest = digest_of(erasure)
    erasure.save(using=OWNER)
    return erasure


def digest_of(erasure: TenantErasure) -> bytes:
    """A keyed hash (service's key) over all that the certificate says."""
    return keys.service().hash("tenant erasure", orjson.dumps(_said(erasure), option=orjson.OPT_SORT_KEYS))


def _said(erasure: TenantErasure) -> dict[str, Any]:
    instants = (erasure.started_at, erasure.keys_destroyed_at, erasure.done_at)
    return {
        "id": str(erasure.public_id),
        "tenant": [erasure.tenant_id, erasure.tenant_name],
        "reason": erasure.reason,
        "by": erasure.by,
        "instants": [instant.isoformat() if instant else None for instant in instants],
        "counts": erasure.counts,
    }


def _destroy_keys(erasure: TenantErasure) -> None:
    with tenant_scope(erasure.tenant_id, using=OWNER), connections[OWNER].cursor() as cursor:
        cursor.execute("DELETE FROM tenants_tenantkey WHERE tenant_id = %s", [erasure.tenant_id])
        _count(erasure, TenantKey._meta.db_table, cursor.rowcount)
        erasure.keys_destroyed_at = erasure.keys_destroyed_at or timezone.now()
        erasure.save(using=OWNER)
        Session.objects.using(OWNER).filter(user__tenant_id=erasure.tenant_id).delete()
    keys.forget_rings()


def _tables() -> list[str]:
    """The tenants' tables, children before what they point at: a deletion then finds nothing that is left behind."""
    graph: TopologicalSorter[str] = TopologicalSorter()
    for model in apps.get_models():
        if issubclass(model, TenantOwned):
            graph.add(model._meta.db_table)
            for field in model._meta.concrete_fields:
                parent = field.related_model
                if isinstance(parent, type) and issubclass(parent, TenantOwned) and parent is not model:
                    graph.add(parent._meta.db_table, model._meta.db_table)
    return list(graph.static_order())


def _delete_batch(erasure: TenantErasure, table: str) -> int:
    with tenant_scope(erasure.tenant_id, using=OWNER), connections[OWNER].cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE tenant_id = %s LIMIT %s)"  # noqa: S608 - our own names
            " AND tenant_id = %s",
            [erasure.tenant_id, BATCH_ROWS, erasure.tenant_id],
        )
        rows: int = cursor.rowcount
        _count(erasure, table, rows)
        erasure.save(using=OWNER)
    return rows


def _delete_people(erasure: TenantErasure) -> None:
    """Log-ins, factors and addresses of mail go with their owners."""
    with tenant_scope(erasure.tenant_id, using=OWNER):
        _, deleted = User.objects.using(OWNER).filter(tenant_id=erasure.tenant_id).delete()
        _count(erasure, USERS, deleted.get("tenants.User", 0))
        erasure.save(using=OWNER)


def _count(erasure: TenantErasure, table: str, rows: int) -> None:
    if rows:
        erasure.counts[table] = erasure.counts.get(table, 0) + rows


def close_tenant(*, tenant_id: int) -> None:
    """Nobody comes in and nothing is sent any more; can be undone until the tenant is erased."""
    with transaction.atomic(using=OWNER):
        Tenant.objects.using(OWNER).filter(pk=tenant_id).update(is_active=False)
        User.objects.using(OWNER).filter(tenant_id=tenant_id).update(is_active=False)
