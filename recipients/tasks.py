"""Celery entry points."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from recipients import services
from recipients.task_names import READ_ROSTER
from tenants.tasking import ScopelessTenantTask


@shared_task(base=ScopelessTenantTask, name=READ_ROSTER)
def read_roster(*, tenant_id: int, roster_id: int, **_later: object) -> None:
    services.read_roster(tenant_id=tenant_id, roster_id=roster_id, now=timezone.now())
