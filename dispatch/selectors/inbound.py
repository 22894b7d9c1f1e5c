"""What residents wrote back, for the departments whose messages they answered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
import structlog
from django.db.models import QuerySet

from carriers.models import InboundText
from dispatch.models import Message
from tenants import keys
from tenants.actors import Actor
from tenants.context import current_tenant_id
from tenants.sealing import SealBroken
from tenants.selectors import seen_by

log = structlog.get_logger()
TABLE: Final = InboundText._meta.db_table
MISSING: Final = "…"  # stands for a part of a long text that has not come


@dataclass(frozen=True, slots=True)
class Reply:
    """A resident's text, whole as far as its parts have come, and the message that it answers."""

    received_at: datetime
    sender: str
    text: str
    name: str
    message: Message


def inbound_texts(by: Actor) -> QuerySet[InboundText]:
    """Newest first; by the tenant's scope and the person's departments."""
    answered = Message.objects.filter(seen_by(by, "campaign", "batch"))
    found: QuerySet[InboundText] = InboundText.objects.filter(
        tenant_id=current_tenant_id(), message_id__in=answered.values("pk")
    )
    return found.order_by("-received_at", "-pk")


def replies_of(texts: Sequence[InboundText]) -> list[Reply]:
    """The texts as people read them: parts of one long text joined, each where its newest part stands."""
    messages = Message.objects.select_related("campaign").in_bulk([text.message_id for text in texts])
    return [
        Reply(
            received_at=first.received_at,
            sender=sender,
            text="".join(pieces.get(number, MISSING) for number in range(1, parts + 1)),
            name=_name(messages[first.message_id]),
            message=messages[first.message_id],
        )
        for first, sender, parts, pieces in _joined(texts)
    ]


def _joined(texts: Sequence[InboundText]) -> Iterable[tuple[InboundText, str, int, dict[int, str]]]:
    """(newest part, sender, number of parts, part → text). References come again: a part that stands already begins another."""
    wholes: list[tuple[InboundText, str, int, dict[int, str]]] = []
    latest: dict[tuple[Any, ...], dict[int, str]] = {}
    for text in texts:
        fields = _opened(text)
        reference, number, parts = fields["part"]
        key = (text.account_id, fields["sender"], reference, parts)
        pieces = latest.get(key) if parts > 1 else None
        if pieces is None or number in pieces:
            pieces = latest[key] = {}
            wholes.append((text, fields["sender"], parts, pieces))
        pieces[number] = fields["text"]
    return wholes


def _opened(text: InboundText) -> dict[str, Any]:
    fields: dict[str, Any] = {"sender": "", "text": "", "part": [0, 1, 1]}
    try:
        fields |= orjson.loads(keys.service().open(TABLE, bytes(text.sealed)))
    except SealBroken:
        log.error("inbound.not_opened", inbound_id=text.pk)
    return fields


def _name(message: Message) -> str:
    try:
        return str(message.personal.get("name", ""))
    except SealBroken:
        return ""
