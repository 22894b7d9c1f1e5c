"""Receipts that a carrier brings by HTTP: proved, stored, then answered. The pump's desk matches them at once.

Runs in the web process, with the carrier's role.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from django.db import connections, transaction

from carriers.base import Receipt, ReceiptHook
from carriers.errors import Misconfigured
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


class NoSuchHook(Exception):
    """No account has this address, or its receipts do not come by webhook."""


def take_webhook_call(*, account_id: UUID, headers: Mapping[str, str], body: bytes, now: datetime) -> int:
    """How many receipts were stored; 0 for a body that was stored before. ``account_id`` is the public one.

    Raises ``NoSuchHook``, ``carriers.errors.NotAuthentic`` and ``MalformedReceipt``; then nothing is stored.
    """
    account = CarrierAccount.objects.using(CARRIER).filter(public_id=account_id).first()
    hook = _hook_of(account) if account is not None else None
    if account is None or hook is None:
        raise NoSuchHook
    hook.check(headers, body, now=now)
    receipts = [fitted(receipt) for receipt in hook.read(body)]
    with transaction.atomic(using=CARRIER):
        if not _is_first(account, body, now=now):
            return 0
        _store(account, receipts, now=now)
    failpoint("webhook.after_store")
    enqueue(PUMP, account_id=account.pk)
    return len(receipts)


def _hook_of(account: CarrierAccount) -> ReceiptHook | None:
    try:
        return provider_named(account.provider).receipt_hook(account.full_config)
    except Misconfigured:
        log.exception("webhook.misconfigured", account_id=account.pk)
        return None


def _is_first(account: CarrierAccount, body: bytes, *, now: datetime) -> bool:
    """Of two calls with the same body at once the second waits for the first one's commit."""
    with connections[CARRIER].cursor() as cursor:
        cursor.execute(_TAKE_CALL, [account.pk, keys.service().hash("webhook", body), now])
        return bool(cursor.rowcount == 1)


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
