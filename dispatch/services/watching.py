"""The carrier accounts' health, judged every few seconds, and the texts that wait at a sick one.

Facts over all tenants are read as the operator; texts are moved in their tenant's scope.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.db import connections, transaction

from carriers.health import Condition, Signs, judged
from carriers.models import AccountHealth, BindState, CarrierAccount, CarrierBind
from carriers.registry import provider_named
from dispatch.selectors.accounts import account_facts
from dispatch.services.receipts import rematch
from dispatch.services.rerouting import reroute_batch
from dispatch.services.sending.abandoned import ABANDONED_AFTER, give_back_abandoned
from dispatch.services.sending.claims import REPEAT_WITHIN, Rings
from dispatch.services.sending.database import connect
from tenants.context import tenant_scope

log = structlog.get_logger()
OPERATOR: Final = "operator"
SEEN_WITHIN: Final = timedelta(seconds=10)
REFUSED_WITHIN: Final = timedelta(seconds=90)  # it is seen while it rests, and tried again within 40 s
STALE_AFTER: Final = timedelta(minutes=2)
FORGET_CALLS_AFTER: Final = timedelta(days=8)
STRAYS_WITHIN_S: Final = 7 * 86_400
MOST_BATCHES: Final = 500

_TRAFFIC: Final = """
    SELECT account_id,
        coalesce(sum(n) FILTER (WHERE kind IN ('submitted', 'error') AND minute > %(now)s - interval '3 minutes'), 0),
        coalesce(sum(n) FILTER (WHERE kind = 'trouble' AND minute > %(now)s - interval '3 minutes'), 0),
        coalesce(sum(n) FILTER (WHERE kind = 'submitted' AND minute > %(now)s - interval '25 minutes'
            AND minute < %(now)s - interval '10 minutes'), 0),
        coalesce(sum(n) FILTER (WHERE kind = 'receipt' AND minute > %(now)s - interval '25 minutes'), 0),
        coalesce(sum(n) FILTER (WHERE kind = 'receipt'), 0) > 0
    FROM carriers_carriertally WHERE minute > %(now)s - interval '1 day' GROUP BY account_id
"""
_WAITING: Final = """
    SELECT tenant_id, id FROM dispatch_batch
    WHERE account_id = ANY(%s) AND state = 0 AND in_flight = '{}' ORDER BY priority DESC, due_at, id LIMIT %s
"""
_LEFT_BEHIND: Final = """
    SELECT DISTINCT account_id FROM dispatch_batch
    WHERE account_id = ANY(%s) AND state = 1 AND lease_until < clock_timestamp() - %s::interval
"""
_STRAY_ACCOUNTS: Final = """
    SELECT DISTINCT r.account_id FROM carriers_storedreceipt r
    WHERE r.message_id IS NULL AND r.received_at > %(now)s - interval '7 days' AND NOT EXISTS (
        SELECT 1 FROM carriers_carrierbind b
        WHERE b.account_id = r.account_id AND b.state = 'bound' AND b.seen_at > %(now)s - interval '10 seconds')
"""


def watch_accounts(*, now: datetime) -> None:
    """One round: judge, move what waits at the sick and at those switched off, match what came for accounts that nobody
    serves."""
    shut = judge_accounts(now=now) | _switched_off()
    if shut:
        take_from_the_dead(shut)
        move_waiting(shut, now=now)
    match_strays(now=now)


def judge_accounts(*, now: datetime) -> set[int]:
    """Write down how each account stands; answers the sick ones' ids."""
    traffic = {account_id: figures for account_id, *figures in _rows(_TRAFFIC, {"now": now})}
    sick: set[int] = set()
    for account in CarrierAccount.objects.using(OPERATOR).filter(is_enabled=True).order_by("pk"):
        signs = _signs(account, traffic.get(account.pk, [0, 0, 0, 0, False]), now=now)
        if not _judge(account, signs, now=now).is_healthy:
            sick.add(account.pk)
    return sick


def _judge(account: CarrierAccount, signs: Signs, *, now: datetime) -> Condition:
    with transaction.atomic(using=OPERATOR):
        rows = AccountHealth.objects.using(OPERATOR)
        rows.get_or_create(account=account, defaults={"since": now, "bound_at": now, "checked_at": now})
        row = rows.select_for_update().get(account=account)
        before = Condition(row.is_healthy, row.since, row.bound_at, row.reason, row.detail, row.well_since)
        if now - row.checked_at > STALE_AFTER:  # nobody looked: what was written then says nothing of now
            before = Condition(True, now, now)
        after = judged(before, signs, now=now)
        row.is_healthy, row.reason, row.detail = after.is_healthy, after.reason, after.detail[:200]
        row.since, row.bound_at, row.well_since, row.checked_at = after.since, after.bound_at, after.well_since, now
        row.save(using=OPERATOR)
    if after.is_healthy is not before.is_healthy:
        log.warning("account.health", account_id=account.pk, is_healthy=after.is_healthy, reason=after.reason)
    return after


def _signs(account: CarrierAccount, figures: list[Any], *, now: datetime) -> Signs:
    binds = list(CarrierBind.objects.using(OPERATOR).filter(account=account, number__lte=account.binds))
    is_bound = any(
        bind.state == BindState.BOUND and bind.seen_at is not None and bind.seen_at > now - SEEN_WITHIN
        for bind in binds
    )
    refused = [
        bind
        for bind in binds
        if bind.state == BindState.REFUSED and bind.seen_at is not None and bind.seen_at > now - REFUSED_WITHIN
    ]
    answers, troubles, accepted, receipts, used_to_report = figures
    return Signs(
        is_bound=is_bound,
        is_refused=bool(refused),
        error=next((bind.error for bind in binds if bind.error), ""),
        answers=int(answers),
        troubles=int(troubles),
        accepted=int(accepted),
        receipts=int(receipts),
        used_to_report=bool(used_to_report),
    )


def _switched_off() -> set[int]:
    return set(CarrierAccount.objects.using(OPERATOR).filter(is_enabled=False).values_list("pk", flat=True))


def take_from_the_dead(account_ids: set[int]) -> None:
    """What a worker died with at these accounts is flagged or waits again, though no other binds there."""
    accounts = CarrierAccount.objects.using(OPERATOR).filter(pk__in=_rows_of_dead(account_ids))
    patience = {account.pk: REPEAT_WITHIN if _takes_keys(account) else ABANDONED_AFTER for account in accounts}
    if patience:
        asyncio.run(_give_back(patience))


def _rows_of_dead(account_ids: set[int]) -> list[int]:
    return [account_id for (account_id,) in _rows(_LEFT_BEHIND, [list(account_ids), ABANDONED_AFTER])]


def _takes_keys(account: CarrierAccount) -> bool:
    """Whether its own next worker may repeat safely what was in flight; no, where the provider can't be made any more."""
    try:
        link = provider_named(account.provider).link(account.full_config, window=account.window)
    except Exception as exc:  # whatever is wrong with it, it costs this account only
        log.warning("account.unusable", account_id=account.pk, error=type(exc).__name__)
        return False
    return link.capabilities.idempotent


async def _give_back(patience: Mapping[int, timedelta]) -> None:
    connection = await connect()
    try:
        await give_back_abandoned(connection, patience, rings=Rings())
    finally:
        await connection.close()


def move_waiting(sick: set[int], *, now: datetime) -> int:
    """Give the batches that wait at sick accounts, and of which nothing can be under way, to the next account; the number
    of texts. One that fails is logged, and its neighbours go on."""
    facts = account_facts()
    if not any(account.is_enabled and account.is_healthy for account in facts):
        return 0
    moved = 0
    for tenant_id, batch_id in _rows(_WAITING, [list(sick), MOST_BATCHES]):
        try:
            with tenant_scope(tenant_id):
                moved += reroute_batch(batch_id=batch_id, facts=facts, now=now)
        except Exception:
            log.exception("batch.not_rerouted", batch_id=batch_id)
    return moved


def match_strays(*, now: datetime) -> None:
    """Receipts that a webhook stored for an account without a bind find their message all the same."""
    account_ids = [account_id for (account_id,) in _rows(_STRAY_ACCOUNTS, {"now": now})]
    if account_ids:
        asyncio.run(_match(account_ids))


async def _match(account_ids: list[int]) -> None:
    connection, rings = await connect(), Rings()
    try:
        for account_id in account_ids:
            await rematch(connection, account_id=account_id, within_s=STRAYS_WITHIN_S, rings=rings)
    finally:
        await connection.close()


def forget_webhook_calls(*, now: datetime) -> None:
    """A body that comes again after so long is no replay that a signature's time would let through."""
    with connections[OPERATOR].cursor() as cursor:
        cursor.execute("DELETE FROM carriers_webhookcall WHERE received_at < %s", [now - FORGET_CALLS_AFTER])


def _rows(statement: str, parameters: Any) -> Iterator[tuple[Any, ...]]:
    with connections[OPERATOR].cursor() as cursor:
        cursor.execute(statement, parameters)
        yield from cursor.fetchall()
