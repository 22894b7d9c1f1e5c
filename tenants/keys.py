"""The key rings of tenants, unwrapped once per process."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings
from django.db import connections

from tenants.context import current_tenant_id
from tenants.sealing import KeyRing, SealBroken, service_ring, unwrap

SEAL, INDEX = "seal", "index"
_rings: dict[int, KeyRing] = {}


def key_purpose(tenant_id: int, purpose: str, number: int) -> str:
    return f"{purpose}:{tenant_id}:{number}"


def ring() -> KeyRing:
    """The ring of the tenant in scope."""
    return ring_of(current_tenant_id())


def ring_of(tenant_id: int, *, using: str = "default") -> KeyRing:
    """The ring of a tenant whose key rows this role may read. Raises ``SealBroken`` where there are none."""
    found = _rings.get(tenant_id)
    if found is None:
        with connections[using].cursor() as cursor:
            cursor.execute("SELECT number, purpose, wrapped FROM tenants_tenantkey WHERE tenant_id = %s", [tenant_id])
            found = _rings[tenant_id] = build_ring(tenant_id, cursor.fetchall())
    return found


def build_ring(tenant_id: int, rows: list[tuple[int, str, bytes]]) -> KeyRing:
    """A ring from the rows ``(number, purpose, wrapped)`` of tenants_tenantkey."""
    opened = {
        (purpose, number): unwrap(settings.MASTER_KEYS, wrapped, purpose=key_purpose(tenant_id, purpose, number))
        for number, purpose, wrapped in rows
    }
    seals = {number: key for (purpose, number), key in opened.items() if purpose == SEAL}
    indexes = [key for (purpose, _), key in opened.items() if purpose == INDEX]
    if not seals or not indexes:
        raise SealBroken("no keys")
    return KeyRing(owner=str(tenant_id), current=max(seals), keys=seals, index=indexes[0])


def forget_rings() -> None:
    """After a rotation, and between tests."""
    _rings.clear()


@lru_cache(maxsize=1)
def service() -> KeyRing:
    return service_ring(settings.MASTER_KEYS)
