"""Retention: each kind of data is kept as long as its tenant says, and forgotten in small transactions after that.

Any number of runs, and kills at any point, end in the same; the next run goes on. The audit trail goes through a
function of its owner, which forgets only what is too old.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import connection, connections, transaction
from django.db.models import Exists, OuterRef

from dispatch.models import Campaign, CampaignState
from dispatch.services.forgetting.emptying import blank_call, blank_message, empty_calls, empty_messages
from dispatch.states import FINAL
from recipients.models import Roster, RosterState
from recipients.services import forgetting
from tenants.context import tenant_scope
from tenants.models import IdempotencyKey, SentForm, Tenant
from tenants.services import record

log = structlog.get_logger()

BATCH_ROWS: Final = 1_000
MOST_BATCHES: Final = 200  # of one kind, tenant and run; the next run goes on
ANSWERS_KEPT: Final = timedelta(days=1)
STRAYS_KEPT: Final = timedelta(days=90)
INBOUND_KEPT: Final = timedelta(days=3 * 365 + 1)
UNDER_WAY: Final = (CampaignState.APPROVED, CampaignState.SCHEDULED, CampaignState.SENDING, CampaignState.PAUSED)
_OLD_MESSAGES: Final = """
    SELECT id FROM dispatch_message
    WHERE tenant_id = %s AND created_at < %s AND length(sealed) <> %s AND state = ANY(%s)
    ORDER BY created_at LIMIT %s FOR UPDATE SKIP LOCKED
"""
_OLD_CALLS: Final = """
    SELECT id FROM dispatch_call
    WHERE tenant_id = %s AND created_at < %s AND length(sealed) <> %s AND state = 'done'
    ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
"""
_OLD_AUDIT: Final = "SELECT tenants_forget_audit(%s)"
_OLD_STRAYS: Final = """
    UPDATE carriers_storedreceipt SET sealed = '', to_hash = NULL
    WHERE message_id IS NULL AND received_at < %s AND sealed <> ''
"""
_OLD_INBOUND: Final = "DELETE FROM carriers_inboundtext WHERE received_at < %s"
_TENANTS: Final = """
    SELECT id FROM tenants_tenant t
    WHERE NOT EXISTS (SELECT 1 FROM tenants_tenanterasure e WHERE e.tenant_id = t.id) ORDER BY id
"""
Step = Callable[[Tenant, datetime], int]


def forget_what_is_old(*, tenant_id: int, now: datetime) -> dict[str, int]:
    """Kind → how many rows were forgotten in this run. Opens its own scopes."""
    done = {kind: _repeat(tenant_id, step, now) for kind, step in STEPS.items()}
    forgotten = {kind: rows for kind, rows in done.items() if rows}
    if forgotten:
        with tenant_scope(tenant_id):
            record(action="data.forgotten", by=None, now=now, kind="tenant", details=forgotten)
        log.info("data.forgotten", tenant_id=tenant_id, **forgotten)
    return forgotten


def forget_what_belongs_to_nobody(*, now: datetime) -> None:
    """Raw receipts that never found their text, and texts that residents sent to our numbers."""
    with transaction.atomic(using="carrier"), connections["carrier"].cursor() as cursor:
        cursor.execute(_OLD_STRAYS, [now - STRAYS_KEPT])
        cursor.execute(_OLD_INBOUND, [now - INBOUND_KEPT])


def _repeat(tenant_id: int, step: Step, now: datetime) -> int:
    total = 0
    for _ in range(MOST_BATCHES):
        with tenant_scope(tenant_id):
            rows = step(Tenant.objects.get(pk=tenant_id), now)
        total += rows
        if not rows:
            break
    return total


def _messages(tenant: Tenant, now: datetime) -> int:
    before = now - timedelta(days=tenant.keep_messages_days)
    states = [int(state) for state in FINAL]
    with connection.cursor() as cursor:
        cursor.execute(_OLD_MESSAGES, [tenant.pk, before, len(blank_message()), states, BATCH_ROWS])
        message_ids = [message_id for (message_id,) in cursor.fetchall()]
    return empty_messages(message_ids)[0] if message_ids else 0


def _calls(tenant: Tenant, now: datetime) -> int:
    before = now - timedelta(days=tenant.keep_calls_days)
    with connection.cursor() as cursor:
        cursor.execute(_OLD_CALLS, [tenant.pk, before, len(blank_call()), BATCH_ROWS])
        call_ids = [call_id for (call_id,) in cursor.fetchall()]
    return empty_calls(call_ids)[0] if call_ids else 0


def _rosters(tenant: Tenant, now: datetime) -> int:
    """One roster a time; its rows in one transaction, since half a roster is of no use to anybody."""
    before = now - timedelta(days=tenant.keep_rosters_days)
    busy = Campaign.objects.filter(roster_id=OuterRef("pk"), state__in=UNDER_WAY)
    old = Roster.objects.select_for_update(skip_locked=True).filter(created_at__lt=before)
    old = old.exclude(failure_code=forgetting.EXPIRED).exclude(state=RosterState.READING)
    roster: Roster | None = old.exclude(Exists(busy)).order_by("pk").first()
    if roster is None:
        return 0
    for after_row in range(0, roster.rows, forgetting.BATCH_ROWS):
        forgetting.empty_rows(roster=roster, after_row=after_row)
    forgetting.close_roster(roster=roster, now=now)
    return max(1, int(roster.rows))


def _audit(tenant: Tenant, now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_OLD_AUDIT, [BATCH_ROWS])
        return int(cursor.fetchone()[0])


def _answers(tenant: Tenant, now: datetime) -> int:
    old = (table.objects.filter(created_at__lt=now - ANSWERS_KEPT) for table in (IdempotencyKey, SentForm))
    return sum(int(rows.delete()[0]) for rows in old)


STEPS: Final[dict[str, Step]] = {
    "messages": _messages,
    "calls": _calls,
    "rosters": _rosters,
    "audit": _audit,
    "answers": _answers,
}


def tenants_of_service() -> list[int]:
    """All that are not erased, asked as the operator."""
    with transaction.atomic(using="operator"), connections["operator"].cursor() as cursor:
        cursor.execute(_TENANTS)
        return [tenant_id for (tenant_id,) in cursor.fetchall()]
