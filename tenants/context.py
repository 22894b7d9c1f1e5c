"""The scope of a request or task: one tenant, one transaction.

Row security reads ``app.tenant_id``, which is set for the transaction only, so that a pooled connection can never carry
one tenant's scope into the next request.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import connections, transaction

_tenant_id: ContextVar[int | None] = ContextVar("tenant_id", default=None)


class TenantScopeMissing(RuntimeError):
    """A tenant's table was asked for outside ``tenant_scope()``."""


class TenantScopeConflict(RuntimeError):
    """A scope was opened inside another tenant's."""


def current_tenant_id() -> int:
    """The tenant of the open scope. Raises ``TenantScopeMissing``."""
    tenant_id = _tenant_id.get()
    if tenant_id is None:
        raise TenantScopeMissing
    return tenant_id


def has_scope() -> bool:
    return _tenant_id.get() is not None


@contextmanager
def tenant_scope(tenant_id: int, *, using: str = "default") -> Iterator[None]:
    """Open a transaction in which only this tenant's rows exist. Re-entrant for the same tenant."""
    outer = _tenant_id.get()
    if outer is not None and outer != tenant_id:
        raise TenantScopeConflict
    with transaction.atomic(using=using):
        if outer is None:
            with connections[using].cursor() as cursor:
                cursor.execute("SELECT set_config('app.tenant_id', %s, true)", [str(tenant_id)])
        token = _tenant_id.set(tenant_id)
        try:
            yield
        finally:
            _tenant_id.reset(token)
            if outer is None and not connections[using].needs_rollback:
                _forget(using)


def _forget(using: str) -> None:
    """Inside a longer transaction (tests) the setting would outlive the scope."""
    connection = connections[using]
    if connection.in_atomic_block and len(connection.savepoint_ids) > 0 and connection.is_usable():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('app.tenant_id', '', true)")
