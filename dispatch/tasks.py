"""Celery entry points: ids in, one service call."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from dispatch import bootstep, task_names
from dispatch.models import Campaign
from dispatch.services import campaigns, expansion, follow_ups, forgetting, inbound, sweeping, tallies, watching
from tenants.tasking import ScopelessTenantTask, TenantTask, enqueue


@shared_task(base=TenantTask, name=task_names.PREPARE_CAMPAIGN)
def prepare_campaign(*, tenant_id: int, campaign_id: int, **_later: object) -> None:
    campaigns.prepare_campaign(campaign=Campaign.objects.select_related("roster").get(pk=campaign_id))


@shared_task(base=ScopelessTenantTask, name=task_names.EXPAND_CAMPAIGN)
def expand_campaign(*, tenant_id: int, campaign_id: int, **_later: object) -> None:
    expansion.expand_campaign(tenant_id=tenant_id, campaign_id=campaign_id, now=timezone.now())


@shared_task(name=task_names.PUMP)
def pump(*, account_id: int, **_later: object) -> None:
    """A wake-up for the pump of this process; it looks for itself each second too."""
    bootstep.wake(account_id)


@shared_task(base=ScopelessTenantTask, name=task_names.CLOSE_LOOP)
def close_loop(*, tenant_id: int, **_later: object) -> None:
    follow_ups.close_loop(tenant_id=tenant_id, now=timezone.now())


@shared_task(name=task_names.SWEEP)
def sweep(**_later: object) -> None:
    sweeping.sweep(now=timezone.now())


@shared_task(name=task_names.FORGET)
def forget(**_later: object) -> None:
    forgetting.forget_what_belongs_to_nobody(now=timezone.now())
    for tenant_id in forgetting.tenants_of_service():
        enqueue(task_names.FORGET_OLD, tenant_id=tenant_id)


@shared_task(base=ScopelessTenantTask, name=task_names.FORGET_OLD)
def forget_old(*, tenant_id: int, **_later: object) -> None:
    forgetting.forget_what_is_old(tenant_id=tenant_id, now=timezone.now())


@shared_task(name=task_names.FOLD_TALLIES)
def fold_tallies(**_later: object) -> None:
    tallies.fold_tallies()


@shared_task(name=task_names.WATCH_ACCOUNTS)
def watch_accounts(**_later: object) -> None:
    watching.watch_accounts(now=timezone.now())
    inbound.match_inbound(now=timezone.now())
    watching.forget_webhook_calls(now=timezone.now())
