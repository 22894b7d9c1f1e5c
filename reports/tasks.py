"""Celery entry points: one service call."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from reports import task_names
from reports.services import incidents


@shared_task(name=task_names.WATCH_SERVICE)
def watch_service(**_later: object) -> None:
    incidents.watch_service(now=timezone.now())
