"""Celery entry points: ids in, one service call."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from dispatch import task_names
from dispatch.models import Campaign
from dispatch.services import campaigns, expansion
from tenants.tasking import ScopelessTenantTask, TenantTask


@shared_task(base=TenantTask, name=task_names.PREPARE_CAMPAIGN)
def prepare_campaign(*, tenant_id: int, campaign_id: int, **_later: object) -> None:
    campaigns.prepare_campaign(campaign=Campaign.objects.select_related("roster").get(pk=campaign_id))


@shared_task(base=ScopelessTenantTask, name=task_names.EXPAND_CAMPAIGN)
def expand_campaign(*, tenant_id: int, campaign_id: int, **_later: object) -> None:
    expansion.expand_campaign(tenant_id=tenant_id, campaign_id=campaign_id, now=timezone.now())
