"""Whose a resident's text is: the tenant's that it answers. One whose owner is in doubt is shown to nobody."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import orjson
import structlog
from django.db import transaction

from carriers.models import InboundText
from dispatch.models import Message
from dispatch.services.forgetting.ageing import tenants_of_service
from dispatch.services.receipts.recording import INBOUND_TABLE
from tenants import keys
from tenants.context import tenant_scope
from tenants.sealing import SealBroken

log = structlog.get_logger()
CARRIER: Final = "carrier"
AT_ONCE: Final = 500
ANSWERED_WITHIN: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class _Answered:
    """The latest message of one tenant that a text may be the answer to."""

    tenant_id: int
    message_id: int


def match_inbound(*, now: datetime) -> int:
    """Give each new text to the tenant that wrote to its sender by the same account within a month; how many were given.

    Where several did, nobody can tell whom the resident means, and one office must not read what is for another: the text is
    kept, belongs to none, and the operators see how many there are. Looks once at each: what is sent later is no question.
    """
    with transaction.atomic(using=CARRIER):
        new = InboundText.objects.using(CARRIER).select_for_update(skip_locked=True).filter(looked_at=None)
        texts = list(new.order_by("pk")[:AT_ONCE])
        if not texts:
            return 0
        owners = _owners(texts)
        for text in texts:
            found = owners[text.pk]
            text.looked_at = now
            if len(found) == 1:
                text.tenant_id, text.message_id = found[0].tenant_id, found[0].message_id
        InboundText.objects.using(CARRIER).bulk_update(texts, ["looked_at", "tenant_id", "message_id"])
    given = sum(text.tenant_id is not None for text in texts)
    log.info("inbound.matched", texts=len(texts), given=given)
    return given


def _owners(texts: Iterable[InboundText]) -> dict[int, list[_Answered]]:
    by_sender: dict[str, list[InboundText]] = defaultdict(list)
    for text in texts:
        by_sender[_sender(text)].append(text)
    by_sender.pop("", None)
    owners: dict[int, list[_Answered]] = defaultdict(list)
    for tenant_id in tenants_of_service() if by_sender else []:
        with tenant_scope(tenant_id):
            hashes = {keys.ring().hash("phone", sender): sender for sender in by_sender}
            for text, message_id in _questions(hashes, by_sender):
                owners[text.pk].append(_Answered(tenant_id, message_id))
    return owners


def _questions(hashes: dict[bytes, str], by_sender: dict[str, list[InboundText]]) -> Iterable[tuple[InboundText, int]]:
    """Each text that answers a message of the tenant in scope, with the latest such message."""
    earliest = min(text.received_at for texts in by_sender.values() for text in texts) - ANSWERED_WITHIN
    messages = Message.objects.filter(phone_hash__in=list(hashes), created_at__gte=earliest).order_by("-created_at")
    sent: dict[str, list[tuple[datetime, int, int]]] = defaultdict(list)
    for pk, account_id, created_at, phone_hash in messages.values_list("pk", "account_id", "created_at", "phone_hash"):
        sent[hashes[bytes(phone_hash)]].append((created_at, account_id, pk))
    for sender, texts in by_sender.items():
        for text in texts:
            since = text.received_at - ANSWERED_WITHIN
            for created_at, account_id, pk in sent[sender]:
                if account_id == text.account_id and since <= created_at <= text.received_at:
                    yield text, pk
                    break


def _sender(text: InboundText) -> str:
    """Its number in E.164; "" for one that can't be opened or came from a name."""
    try:
        sender = str(orjson.loads(keys.service().open(INBOUND_TABLE, bytes(text.sealed)))["sender"])
    except (SealBroken, KeyError, orjson.JSONDecodeError) as exc:
        log.error("inbound.not_opened", inbound_id=text.pk, error=type(exc).__name__)
        return ""
    return sender if sender.startswith("+") else ""
