"""The thread beside a carrier's Celery worker that owns socket, window and pump.

Only a worker of the ``carrier`` queue has it. The task ``pump(account_id)`` is a wake-up, not a unit of work.
"""

from __future__ import annotations

import asyncio
import os
import threading
from typing import Any

import structlog
from celery import bootsteps

from dispatch.services.sending.pump import DRAIN_S
from dispatch.services.sending.worker import CarrierWorker
from tenants.collecting import spare_what_is_loaded

log = structlog.get_logger()
CARRIER_QUEUE = "carrier"
_running: CarrierThread | None = None


class CarrierThread(threading.Thread):
    """Runs a ``CarrierWorker`` on its own event loop; a worker that ends by itself ends the process."""

    def __init__(self) -> None:
        super().__init__(name="carrier", daemon=True)
        self._loop = asyncio.new_event_loop()
        self._worker: CarrierWorker | None = None
        self._ready = threading.Event()
        self._is_stopping = False

    def run(self) -> None:
        spare_what_is_loaded()
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException:
            log.exception("carrier_thread.ended")
        if not self._is_stopping:
            os._exit(70)  # the supervisor starts a fresh one

    async def _serve(self) -> None:
        self._worker = CarrierWorker()
        self._ready.set()
        await self._worker.run()

    def wake(self, account_id: int) -> None:
        if self._ready.wait(5) and self._worker is not None:
            self._loop.call_soon_threadsafe(self._worker.wake, account_id)

    def stop(self) -> None:
        """Drain for at most 30 s, unbind, end."""
        self._is_stopping = True
        if self._ready.wait(5) and self._worker is not None and self.is_alive():
            self._loop.call_soon_threadsafe(self._worker.stop)
        self.join(DRAIN_S + 10)


class CarrierStep(bootsteps.StartStopStep):
    """Starts the thread with the worker and stops it before the pool."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **options: Any) -> None:
        self.enabled = CARRIER_QUEUE in parent.app.amqp.queues.consume_from
        self.thread: CarrierThread | None = None

    def include_if(self, parent: Any) -> bool:
        return bool(self.enabled)

    def start(self, parent: Any) -> None:
        global _running
        self.thread = _running = CarrierThread()
        self.thread.start()

    def stop(self, parent: Any) -> None:
        if self.thread is not None:
            self.thread.stop()

    terminate = stop


def wake(account_id: int) -> None:
    """For the task ``pump``, in the process that has the thread."""
    if _running is not None:
        _running.wake(account_id)
