"""Fence one: a query on a tenant's table cannot be built without a scope."""

from __future__ import annotations

from typing import Any

from django.db import models

from tenants.context import current_tenant_id


class TenantManager(models.Manager[Any]):
    """Filters by the tenant of the scope and fills it in on creation."""

    use_in_migrations = False

    def get_queryset(self) -> models.QuerySet[Any]:
        return super().get_queryset().filter(tenant_id=current_tenant_id())

    def create(self, **fields: Any) -> Any:
        fields.setdefault("tenant_id", current_tenant_id())
        return super().create(**fields)


class TenantForeignKey(models.ForeignKey[Any, Any]):
    """A link inside one tenant. The database's constraint carries the tenant (``tenants.db.protect`` writes it)."""

    def __init__(self, to: Any, on_delete: Any, **options: Any) -> None:
        options["db_constraint"] = False
        super().__init__(to, on_delete, **options)
