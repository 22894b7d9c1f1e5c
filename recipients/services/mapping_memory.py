"""How a department's people mapped a set of headers the last time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from recipients.columns import normalise_header
from recipients.models import ColumnMemory
from tenants.context import current_tenant_id
from tenants.keys import ring


def recall_mapping(*, department_id: int | None, header: Iterable[str]) -> dict[str, str] | None:
    """Field → column header, or None where nobody of this department ever changed a guess about these headers."""
    memory = ColumnMemory.objects.filter(department_id=department_id, headers_hash=_hash_headers(header)).first()
    return dict(memory.personal["mapping"]) if memory else None


def remember_mapping(
    *, department_id: int | None, header: Iterable[str], mapping: Mapping[str, str], now: datetime
) -> None:
    """The last one counts."""
    fresh = ColumnMemory(
        tenant_id=current_tenant_id(), department_id=department_id, headers_hash=_hash_headers(header), used_at=now
    )
    fresh.seal({"mapping": dict(mapping)})
    ColumnMemory.objects.bulk_create(
        [fresh],
        update_conflicts=True,
        unique_fields=["tenant", "department", "headers_hash"],
        update_fields=["sealed", "used_at"],
    )


def _hash_headers(header: Iterable[str]) -> bytes:
    """The same for the same set of headers in any order and width."""
    return ring().hash("headers", "\x1f".join(sorted(normalise_header(name) or name for name in header)))
