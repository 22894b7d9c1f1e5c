"""The key rings of tenants, unwrapped once a minute per process.

A new key seals only ``GRACE_S`` after it was made: by then every process has looked again and can open what it seals
(tenants.rotation).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from django.conf import settings
from django.db import connections

from tenants.context import current_tenant_id
from tenants.sealing import KeyRing, SealBroken, service_ring, unwrap

SEAL, INDEX = "seal", "index"
RING_S: Final = 60
GRACE_S: Final = 2 * RING_S
ROWS_OF: Final = """
SELECT number, purpose, wrapped, seals_from <= clock_timestamp() FROM tenants_tenantkey WHERE tenant_id = %s
"""
KeyRow = tuple[int, str, bytes, bool]
_rings: dict[int, tuple[float, KeyRing]] = {}


def key_purpose(tenant_id: int, purpose: str, number: int) -> str:
    return f"{purpose}:{tenant_id}:{number}"


def ring() -> KeyRing:
    """The ring of the tenant in scope."""
    return ring_of(current_tenant_id())


def ring_of(tenant_id: int, *, using: str = "default") -> KeyRing:
    """The ring of a tenant whose key rows this role may read. Raises ``SealBroken`` where there are none."""
    read_at, found = _rings.get(tenant_id, (0.0, None))
    if found is None or time.monotonic() - read_at > RING_S:
        with connections[using].cursor() as cursor:
            cursor.execute(ROWS_OF, [tenant_id])
            found = build_ring(tenant_id, cursor.fetchall())
        _rings[tenant_id] = time.monotonic(), found
    return found


def build_ring(tenant_id: int, rows: Sequence[KeyRow]) -> KeyRing:
    """A ring from the rows of ``ROWS_OF``. Raises ``SealBroken`` where the keys are missing or were destroyed."""
    opened = {
        (purpose, number): unwrap(settings.MASTER_KEYS, wrapped, purpose=key_purpose(tenant_id, purpose, number))
        for number, purpose, wrapped, _seals in rows
    }
    seals = {number: key for (purpose, number), key in opened.items() if purpose == SEAL}
    indexes = [key for (purpose, _), key in opened.items() if purpose == INDEX]
    current = max((number for number, purpose, _, may_seal in rows if purpose == SEAL and may_seal), default=None)
    if current is None or not indexes:
        raise SealBroken("no keys")
    return KeyRing(owner=str(tenant_id), current=current, keys=seals, index=indexes[0])


def forget_rings() -> None:
    """After a rotation, and between tests."""
    _rings.clear()


@lru_cache(maxsize=1)
def service() -> KeyRing:
    return service_ring(settings.MASTER_KEYS)
