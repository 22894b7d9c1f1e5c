"""The Celery app: queues, routes and schedule in one table.

PostgreSQL is the queue of record: a task only wakes somebody up, carries ids, and may be lost or repeated at any time
(RELIABILITY.md, Known traps).
"""

from __future__ import annotations

import os
from typing import Any, Final

from celery import Celery
from celery.signals import beat_init, celeryd_init
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")  # noqa: TID251 - Django's own switch

DEFAULT_QUEUE: Final = "default"
CARRIER_QUEUE: Final = "carrier"

app = Celery("todoke")


def configuration() -> dict[str, Any]:
    """Read late, because Django's settings import this package."""
    from django.conf import settings

    from dispatch import task_names as names
    from reports.task_names import WATCH_SERVICE
    from tenants.task_names import TIDY_DOOR

    routes = {names.PUMP: {"queue": CARRIER_QUEUE}}
    schedule: dict[str, dict[str, Any]] = {
        "sweep": {"task": names.SWEEP, "schedule": 5.0, "options": {"expires": 30}},
        "fold tallies": {"task": names.FOLD_TALLIES, "schedule": 60.0, "options": {"expires": 60}},
        "tidy door": {"task": TIDY_DOOR, "schedule": 600.0, "options": {"expires": 600}},
        "forget": {"task": names.FORGET, "schedule": 3600.0, "options": {"expires": 600}},
        "watch accounts": {"task": names.WATCH_ACCOUNTS, "schedule": 10.0, "options": {"expires": 20}},
        "watch service": {"task": WATCH_SERVICE, "schedule": 15.0, "options": {"expires": 30}},
    }
    return {
        "broker_url": settings.REDIS_URL,
        "broker_transport": "config.broker:Transport",
        "broker_connection_retry_on_startup": True,
        "broker_transport_options": {
            "socket_timeout": 5,
            "socket_connect_timeout": 2,
            "socket_keepalive": True,
            "socket_keepalive_options": settings.BROKER_SOCKET_OPTIONS,
            "health_check_interval": 10,
            "visibility_timeout": 3600,
        },
        "broker_pool_limit": 8,
        "task_ignore_result": True,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_default_queue": DEFAULT_QUEUE,
        "task_queues": [Queue(DEFAULT_QUEUE), Queue(CARRIER_QUEUE)],
        "task_create_missing_queues": False,
        "task_routes": routes,
        "task_serializer": "json",
        "accept_content": ["json"],
        "worker_prefetch_multiplier": 1,
        "worker_hijack_root_logger": False,
        "worker_enable_remote_control": False,
        "worker_send_task_events": False,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "beat_schedule": schedule,
        "timezone": "Asia/Tokyo",
    }


app.add_defaults(configuration)
app.autodiscover_tasks(["recipients", "dispatch", "reports", "carriers", "tenants"])
app.steps["worker"].add("dispatch.bootstep:CarrierStep")


@celeryd_init.connect
@beat_init.connect
def refuse_unsafe_start(**_given: Any) -> None:
    """Celery logs an exception of a signal's receiver and goes on; an exit it obeys."""
    from config.start_up import UnsafeToStart, refuse_unsafe

    try:
        refuse_unsafe()
    except UnsafeToStart as exc:
        raise SystemExit(str(exc)) from exc
