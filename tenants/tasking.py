"""Celery tasks of a tenant, and enqueueing after commit."""

from __future__ import annotations

from typing import Any, ClassVar

import structlog
from celery import Task, current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from tenants.context import TenantScopeMissing, tenant_scope

log = structlog.get_logger()


class TenantTask(Task):  # type: ignore[type-arg]  # celery cannot be subscripted at run time
    """A task that runs for one tenant and refuses to run for none.

    ``opens_scope`` runs the body in one ``tenant_scope()``; a task that works in several transactions sets it to False
    and opens its own.
    """

    abstract = True
    opens_scope: ClassVar[bool] = True

    def __call__(self, *args: Any, **ids: Any) -> Any:
        tenant_id = ids.get("tenant_id")
        if not isinstance(tenant_id, int):
            raise TenantScopeMissing
        if not self.opens_scope:
            return super().__call__(*args, **ids)
        with tenant_scope(tenant_id):
            return super().__call__(*args, **ids)


class ScopelessTenantTask(TenantTask):
    """A tenant's task that opens its scopes itself, one per piece of work."""

    abstract = True
    opens_scope = False


def enqueue_on_commit(name: str, *, using: str = "default", **ids: int | str) -> None:
    """Wake a worker up once the transaction is committed. A broker that is away costs a delay: a sweep finds it."""
    transaction.on_commit(lambda: enqueue(name, **ids), using=using)


def enqueue(name: str, **ids: int | str) -> None:
    """Publish now, with ids only."""
    try:
        current_app.send_task(name, kwargs=ids, retry=False, ignore_result=True)
    except (OperationalError, OSError) as exc:
        log.warning("task.not_published", task=name, error=type(exc).__name__)
