"""Texts that wait at a sick account go another way. Needs the tenant's scope."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import structlog
from django.db import connection

from dispatch.models import Batch, BatchState, EventKind, Message, MessageEvent, MessagePart
from dispatch.routing import AccountFacts, NoRoute, Router, RouteReason, detour
from dispatch.services.ways import Ways
from dispatch.states import Status
from dispatch.task_names import PUMP
from tenants.keys import ring
from tenants.sealing import SealBroken
from tenants.tasking import enqueue_on_commit

log = structlog.get_logger()

_MOVE: Final = """
    UPDATE dispatch_message m SET batch_id = %s, account_id = %s, parts = u.parts
    FROM unnest(%s::bigint[], %s::smallint[]) AS u (id, parts) WHERE m.id = u.id
"""


def reroute_batch(*, batch_id: int, facts: Sequence[AccountFacts], now: datetime) -> int:
    """Move what can go by a healthy account into batches of its own there; the number of texts.

    Only an unclaimed batch without parts in flight is touched, so nothing of what moves can have left. A text of which the
    old account took a part stays. Each moved text's time line says so.
    """
    batch = (
        Batch.objects.select_for_update(skip_locked=True, no_key=True)
        .filter(pk=batch_id, state=BatchState.READY, in_flight=[])
        .first()
    )
    if batch is None:
        return 0
    ways = _ways(batch, facts)
    names = {account.account_id: account for account in facts}
    for account_id, texts in ways.items():
        _move(batch, account_id, texts, why=detour(names[batch.account_id], names[account_id]), now=now)
    moved = sum(len(texts) for texts in ways.values())
    if moved:
        batch.size -= min(moved, batch.size)
        is_empty = not Message.objects.filter(batch=batch, state=Status.QUEUED).exists()
        batch.state = BatchState.DONE if is_empty else BatchState.READY
        batch.save(update_fields=["size", "state"])
        log.warning("batch.rerouted", batch_id=batch.pk, texts=moved, to=sorted(ways))
    return moved


def _ways(batch: Batch, facts: Sequence[AccountFacts]) -> dict[int, list[tuple[int, int]]]:
    """Account → (message, parts as that account cuts it) of what should not wait here."""
    router = Ways(Router(facts, tenant_id=batch.tenant_id))
    begun = set(MessagePart.objects.filter(message__batch=batch).values_list("message_id", flat=True))
    keys = ring()
    ways: dict[int, list[tuple[int, int]]] = defaultdict(list)
    waiting = Message.objects.filter(batch=batch, state=Status.QUEUED).values_list("pk", "sealed")
    for message_id, sealed in waiting:
        if message_id in begun:
            continue
        try:
            fields = keys.open_fields(Message._meta.db_table, bytes(sealed))
            choice, parts = router.choose(fields["to"], fields["text"], priority=batch.priority)
        except (SealBroken, KeyError, NoRoute):
            continue  # the pump sets aside what can't be opened; the rest waits
        account_id = choice.account.account_id
        if account_id == batch.account_id or choice.reason is RouteReason.ALL_SICK:
            continue
        ways[account_id].append((message_id, parts))
    return ways


def _move(batch: Batch, account_id: int, texts: Sequence[tuple[int, int]], *, why: str, now: datetime) -> None:
    other = Batch.objects.create(
        campaign_id=batch.campaign_id,
        department_id=batch.department_id,
        account_id=account_id,
        priority=batch.priority,
        policy=batch.policy,
        due_at=batch.due_at,
        size=len(texts),
    )
    ids, parts = [message_id for message_id, _ in texts], [count for _, count in texts]
    with connection.cursor() as cursor:
        cursor.execute(_MOVE, [other.pk, account_id, ids, parts])
    MessageEvent.objects.bulk_create(
        MessageEvent(tenant_id=batch.tenant_id, message_id=message_id, at=now, kind=EventKind.REROUTED, detail=why)
        for message_id in ids
    )
    enqueue_on_commit(PUMP, account_id=account_id)
