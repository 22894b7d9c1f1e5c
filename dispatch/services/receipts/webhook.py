"""Receipts that a carrier brings by HTTP: proved, stored, then answered. The pump's desk matches them at once.

Runs in the web process, with the carrier's role.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import structlog
from django.db import connections, transaction

from carriers.base import Receipt
from carriers.errors import MalformedReceipt, NotAuthentic, Refusal
from carriers.models import CarrierAccount, CarrierTally, StoredReceipt
from carriers.registry import provider_named
from dispatch.services.receipts.recording import RECEIPT_TABLE, fitted
from dispatch.task_names import PUMP
from tenants import keys
from tenants.failpoints import failpoint
from tenants.tasking import enqueue

log = structlog.get_logger()
CARRIER: Final = "carrier"

_TAKE_CALL: Final = """
    INSERT INTO carriers_webhookcall (account_id, body_hash, received_at) VALUES (%s, %s, %s)
    ON CONFLICT (account_id, body_hash) DO NOTHING
"""


# However often somebody calls, an account's row is written every five seconds at most, and read otherwise.
_REFUSE_AGAIN: Final = """
    UPDATE carriers_callrefusal SET refused_at = %(now)s, reason = %(reason)s
    WHERE account_id = %(account_id)s AND refused_at < %(now)s - interval '5 seconds'
"""
_REFUSE_FIRST: Final = """
    INSERT INTO carriers_callrefusal (account_id, reason, refused_at) VALUES (%(account_id)s, %(reason)s, %(now)s)
    ON CONFLICT (account_id) DO NOTHING
"""
_TAKE_AGAIN: Final = """
    UPDATE carriers_callrefusal SET authentic_at = %s
    WHERE account_id = %s AND (authentic_at IS NULL OR authentic_at <= refused_at)
"""


class NoSuchHook(Exception):
    """No account has this address, or its receipts do not come by webhook."""


class HookFailed(Exception):
    """The account or its provider is of no use: the carrier should call again, and the operator is told."""


def take_webhook_call(*, account_id: UUID, headers: Mapping[str, str], body: bytes, now: datetime) -> int:
    """How many receipts were stored; 0 for a body that was stored before. ``account_id`` is the public one.

    Raises ``NoSuchHook``, ``HookFailed``, ``carriers.errors.NotAuthentic`` and ``MalformedReceipt``; then no receipt is
    stored, and all but the first leave a mark for the operator.
    """
    account = CarrierAccount.objects.using(CARRIER).filter(public_id=account_id).first()
    if account is None:
        raise NoSuchHook
    receipts = _read(account, headers, body, now=now)
    with transaction.atomic(using=CARRIER):
        _execute(_TAKE_AGAIN, [now, account.pk])
        if not _is_first(account, body, now=now):
            return 0
        _store(account, receipts, now=now)
    failpoint("webhook.after_store")
    enqueue(PUMP, account_id=account.pk)
    return len(receipts)


def _read(account: CarrierAccount, headers: Mapping[str, str], body: bytes, *, now: datetime) -> list[Receipt]:
    try:
        hook = provider_named(account.provider).receipt_hook(account.full_config)
        if hook is None:
            raise NoSuchHook
        hook.check(headers, body, now=now)
        return [fitted(receipt) for receipt in hook.read(body)]
    except (NotAuthentic, MalformedReceipt) as exc:
        _mark(account, exc.code if isinstance(exc, NotAuthentic) else Refusal.NO_RECEIPTS.value, now=now)
        raise
    except NoSuchHook:
        raise
    except Exception as exc:  # misconfigured, or a provider that fails: it costs its own account only
        log.exception("webhook.provider_failed", account_id=account.pk)
        _mark(account, Refusal.FAILED.value, now=now)
        raise HookFailed from exc


def _mark(account: CarrierAccount, reason: str, *, now: datetime) -> None:
    values = {"account_id": account.pk, "reason": reason[:20], "now": now}
    if not _execute(_REFUSE_AGAIN, values):
        _execute(_REFUSE_FIRST, values)


def _execute(statement: str, parameters: Any) -> int:
    with connections[CARRIER].cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)


def _is_first(account: CarrierAccount, body: bytes, *, now: datetime) -> bool:
    """Of two calls with the same body at once the second waits for the first one's commit."""
    return _execute(_TAKE_CALL, [account.pk, keys.service().hash("webhook", body), now]) == 1


def _store(account: CarrierAccount, receipts: Sequence[Receipt], *, now: datetime) -> None:
    service = keys.service()
    seal, keyed_hash = service.sealer(RECEIPT_TABLE), service.hasher("phone")
    StoredReceipt.objects.using(CARRIER).bulk_create(
        StoredReceipt(
            account_id=account.pk,
            carrier_id=receipt.carrier_id,
            status=receipt.status.value,
            code=receipt.code,
            reason=receipt.reason,
            received_at=now,
            done_at=receipt.done_at,
            reference=receipt.reference,
            to_hash=keyed_hash(receipt.to) if receipt.to else None,
            sealed=seal(receipt.raw),
        )
        for receipt in receipts
    )
    minute = now.replace(second=0, microsecond=0)
    CarrierTally.objects.using(CARRIER).bulk_create(
        CarrierTally(account_id=account.pk, minute=minute, kind="receipt", code=status, n=n)
        for status, n in Counter(receipt.status.value for receipt in receipts).items()
    )
