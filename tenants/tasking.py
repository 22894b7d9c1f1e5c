"""Celery tasks of a tenant, and enqueueing after commit."""

from __future__ import annotations

import os
import queue
import threading
from typing import Any, ClassVar, Final

import structlog
from celery import Task, current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from tenants.context import TenantScopeMissing, tenant_scope
from tenants.failpoints import failpoint

log = structlog.get_logger()
MOST_WAITING: Final = 1_000  # wake-ups; the sweep finds again what is dropped beyond them


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
    """Publish soon, with ids only, and never wait for a broker that is away (it takes seconds to say no)."""
    _publisher.put(name, ids)


class Publisher:
    """A thread of this process that publishes what it is given, in order. What it can't publish is late, never lost."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[tuple[str, dict[str, int | str]]] = queue.Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def put(self, name: str, ids: dict[str, int | str]) -> None:
        try:
            self._waiting.put_nowait((name, ids))
        except queue.Full:
            log.warning("task.not_published", task=name, error="Full")
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            name, ids = self._waiting.get()
            failpoint("publish.before_send")
            try:
                current_app.send_task(name, kwargs=ids, retry=False, ignore_result=True)
            except (OperationalError, OSError) as exc:
                log.warning("task.not_published", task=name, error=type(exc).__name__)
            except Exception:  # the thread must outlive whatever a broken connection comes up with
                log.exception("task.not_published", task=name)


def _begin_anew() -> None:
    """A forked child has no threads, and maybe a lock that nobody will open."""
    global _publisher
    _publisher = Publisher()


_publisher = Publisher()
os.register_at_fork(after_in_child=_begin_anew)
