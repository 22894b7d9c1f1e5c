"""The beat's one job: find what is due or left behind, over all tenants, and set it going again.

A lost task is late, never lost. What it looks for is read as the operator (columns without people's data); each repair
runs in its own tenant's scope, changes rows on condition of their old state, and is harmless to repeat by two beats at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.db import connections

from dispatch.services.repairs import (
    align_batches,
    expire_silent_messages,
    hold_outside_hours,
    settle_campaign,
    start_scheduled,
)
from dispatch.task_names import CLOSE_LOOP, EXPAND_CAMPAIGN, PREPARE_CAMPAIGN, PUMP
from recipients.selectors.rosters import rosters_left_behind
from recipients.task_names import READ_ROSTER
from tenants.context import tenant_scope
from tenants.tasking import enqueue

log = structlog.get_logger()
Found = tuple[Any, ...]

BEAT_S: Final = 5

SCHEDULED_DUE: Final = "SELECT tenant_id, id FROM dispatch_campaign WHERE state = 'scheduled' AND send_at <= %s"
UNEXPANDED: Final = """
    SELECT tenant_id, id FROM dispatch_campaign
    WHERE started_at IS NOT NULL AND NOT is_expanded AND expand_tries < 3
      AND started_at < clock_timestamp() - interval '3 seconds'
      AND (expand_lease_until IS NULL OR expand_lease_until < clock_timestamp())
"""
UNPREPARED: Final = """
    SELECT tenant_id, id FROM dispatch_campaign
    WHERE state = 'draft' AND parts = 0 AND sms_rows > 0 AND created_at > clock_timestamp() - interval '1 day'
      AND created_at < clock_timestamp() - interval '20 seconds'
"""
FOLLOW_UPS_DUE: Final = """
    SELECT DISTINCT tenant_id FROM dispatch_followup WHERE due_at <= clock_timestamp() AND tries < 3
"""
UNDER_WAY: Final = """
    SELECT tenant_id, id FROM dispatch_campaign WHERE is_expanded AND state = 'sending'
"""
NOT_DONE: Final = """
    SELECT tenant_id, id FROM dispatch_campaign
    WHERE is_expanded AND state = 'sent' AND started_at > %s - interval '90 days'
"""
DISAGREEING: Final = """
    SELECT DISTINCT c.tenant_id, c.id FROM dispatch_campaign c
    JOIN dispatch_batch b ON b.tenant_id = c.tenant_id AND b.campaign_id = c.id
    WHERE c.started_at IS NOT NULL AND (
        (c.state = 'sending' AND b.state = 3) OR (c.state = 'paused' AND b.state = 0)
        OR (c.state = 'cancelled' AND b.state IN (0, 3) AND c.started_at > %s - interval '30 days'))
"""
WAITING_TENANTS: Final = "SELECT DISTINCT tenant_id FROM dispatch_batch WHERE state IN (0, 1) AND due_at <= %s"
WAITING_ACCOUNTS: Final = """
    SELECT DISTINCT account_id FROM dispatch_batch
    WHERE state IN (0, 1) AND due_at < clock_timestamp() - interval '2 seconds'
      AND (state = 0 OR lease_until < clock_timestamp())
"""
TENANTS: Final = "SELECT id FROM tenants_tenant WHERE is_active"


def sweep(*, now: datetime) -> None:
    """One round. A step that fails is logged and the others go on."""
    steps: list[Callable[[], None]] = [
        lambda: _each(SCHEDULED_DUE, [now], lambda campaign_id: start_scheduled(campaign_id=campaign_id, now=now)),
        lambda: _each(
            WAITING_TENANTS, [now], lambda: hold_outside_hours(now=now, soon=now + timedelta(seconds=BEAT_S))
        ),
        lambda: _each(DISAGREEING, [now], lambda campaign_id: align_batches(campaign_id=campaign_id, now=now)),
        lambda: _each(UNDER_WAY, [], lambda campaign_id: settle_campaign(campaign_id=campaign_id, now=now)),
        lambda: _wake(UNEXPANDED, EXPAND_CAMPAIGN, "tenant_id", "campaign_id"),
        lambda: _wake(UNPREPARED, PREPARE_CAMPAIGN, "tenant_id", "campaign_id"),
        _wake_readers,
        lambda: _wake(FOLLOW_UPS_DUE, CLOSE_LOOP, "tenant_id"),
        lambda: _wake(WAITING_ACCOUNTS, PUMP, "account_id"),
    ]
    if now.second < BEAT_S:
        steps += [
            lambda: _each(TENANTS, [], lambda: expire_silent_messages(now=now)),
            lambda: _each(NOT_DONE, [now], lambda campaign_id: settle_campaign(campaign_id=campaign_id, now=now)),
        ]
    for step in steps:
        try:
            step()
        except Exception:  # one broken step must not keep the others from being done; the next beat tries again
            log.exception("sweep.step_failed")


def _find(statement: str, parameters: list[Any]) -> list[Found]:
    with connections["operator"].cursor() as cursor:
        cursor.execute(statement, parameters)
        found: list[Found] = cursor.fetchall()
    return found


def _each(statement: str, parameters: list[Any], repair: Callable[..., object]) -> None:
    """Run ``repair`` with the rest of each row found, in the scope of the tenant that the row names first."""
    for tenant_id, *ids in _find(statement, parameters):
        try:
            with tenant_scope(tenant_id):
                repair(*ids)
        except Exception:  # one tenant's trouble is no other's
            log.exception("sweep.repair_failed", tenant_id=tenant_id)


def _wake_readers() -> None:
    for tenant_id, roster_id in rosters_left_behind():
        enqueue(READ_ROSTER, tenant_id=tenant_id, roster_id=roster_id)


def _wake(statement: str, task: str, *names: str) -> None:
    for ids in _named(statement, names):
        enqueue(task, **ids)


def _named(statement: str, names: tuple[str, ...]) -> Iterator[dict[str, int]]:
    for row in _find(statement, []):
        yield dict(zip(names, row, strict=True))
