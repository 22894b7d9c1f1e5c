"""What Celery calls; each task is one service call."""

from __future__ import annotations

from celery import shared_task

from tenants import task_names
from tenants.account.attempts import forget_old
from tenants.account.sessions import SessionStore


@shared_task(name=task_names.TIDY_DOOR)
def tidy_door(**_later: object) -> None:
    """Sessions that are over and attempts that hold nothing back any more."""
    SessionStore.clear_expired()
    forget_old()
