"""What is known of messages: by number, reference or id; each one's time line, for pages, certificates and the API."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import QuerySet

from carriers.models import CarrierAccount, StoredReceipt
from dispatch.models import Batch, EventKind, Message, MessageEvent, MessagePart
from dispatch.states import Status
from tenants import keys
from tenants.actors import Actor
from tenants.models import AuditEvent
from tenants.selectors import seen_by

PARTS_PER_SEQ: Final = 256
RECEIPT_TABLE: Final = "carriers_storedreceipt"
# The octet before a receipt's text is its length (SMPP 3.4 §4.6.1), which may read as a letter: "iid:…".
READABLE: Final = re.compile(rb"(?!.id:)[\x20-\x7e]{16,}", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a message.

    ``kind``: created, approved, released, queued, accepted, receipt, failed, or one of ``EventKind``. ``detail`` is a
    code: of a receipt its status, of a failure its reason. ``by`` is the person's name, ``raw`` the carrier's own bytes
    (hexadecimal), ``part`` counts from 1 in a text of several parts.
    """

    at: datetime
    kind: str
    detail: str = ""
    by: str = ""
    code: str = ""
    reason: str = ""
    raw: str = ""
    part: int = 0

    @property
    def raw_words(self) -> str:
        """What a person can read of ``raw``."""
        return " ".join(found.decode("ascii") for found in READABLE.findall(bytes.fromhex(self.raw)))


@dataclass(frozen=True, slots=True)
class Shown:
    """A message with everything that the API and the pages show of it, but its events."""

    message: Message
    campaign_id: UUID | None
    state: str
    carrier: str
    carrier_message_ids: tuple[str, ...]
    parts: int

    @property
    def to(self) -> str:
        return str(self.message.personal.get("to", ""))

    @property
    def text(self) -> str:
        return str(self.message.personal.get("text", ""))


def messages(*, by: Actor, phone: str = "", reference: str = "", since: datetime | None = None) -> QuerySet[Message]:
    """The messages to an E.164 number, with the caller's reference, made since an instant; all that are given hold.

    Whoever reads for some departments only sees their messages, and those that belong to no department.
    """
    found: QuerySet[Message] = Message.objects.filter(seen_by(by, "campaign", "batch")).select_related("campaign")
    if phone:
        found = found.filter(phone_hash=keys.ring().hash("phone", phone))
    if reference:
        found = found.filter(reference_hash=keys.ring().hash("reference", reference))
    if since:
        found = found.filter(created_at__gte=since)
    return found


def shown(rows: Sequence[Message]) -> list[Shown]:
    """The messages as they stand, by four queries whatever their number."""
    in_flight = _in_flight(rows)
    carriers = dict(CarrierAccount.objects.filter(pk__in={row.account_id for row in rows}).values_list("pk", "name"))
    ids_of_parts = _ids_of_parts(rows)
    return [
        Shown(
            message=row,
            campaign_id=row.campaign.public_id if row.campaign else None,
            state=_state_word(row, in_flight.get(row.batch_id, frozenset())),
            carrier=carriers.get(row.account_id, ""),
            carrier_message_ids=(row.carrier_id,) if row.carrier_id else ids_of_parts.get(row.pk, ()),
            parts=row.parts,
        )
        for row in rows
    ]


def just_queued(message: Message, *, by: Actor) -> tuple[Shown, tuple[Event, ...]]:
    """A text without a campaign that this very transaction queued, and its time line: no carrier can have said anything yet."""
    carrier = CarrierAccount.objects.filter(pk=message.account_id).values_list("name", flat=True).first()
    one = Shown(message, None, message.status.word, carrier or "", (), message.parts)
    created = Event(at=message.created_at, kind="created", by=by.name, detail=by.api_key_name)
    return one, (created, *_own_events(message), *(event for _pk, event in _noted_events([message.pk])))


def _in_flight(rows: Iterable[Message]) -> dict[int, frozenset[int]]:
    """Batch → the numbers of the texts of which a part was handed over and is not answered yet."""
    waiting = {row.batch_id for row in rows if row.status is Status.QUEUED}
    batches = Batch.objects.filter(pk__in=waiting).exclude(in_flight=[]).values_list("pk", "in_flight")
    return {pk: frozenset(slot // PARTS_PER_SEQ for slot in slots) for pk, slots in batches}


def _state_word(row: Message, sending: frozenset[int]) -> str:
    if row.status is Status.QUEUED and row.seq in sending:
        return Status.SENDING.word
    return row.status.word


def _ids_of_parts(rows: Iterable[Message]) -> dict[int, tuple[str, ...]]:
    long = [row.pk for row in rows if row.parts > 1]
    if not long:
        return {}
    found: dict[int, list[str]] = defaultdict(list)
    parts = MessagePart.objects.filter(message_id__in=long, carrier_id__isnull=False).order_by("message_id", "part")
    for message_id, carrier_id in parts.values_list("message_id", "carrier_id"):
        found[message_id].append(carrier_id)
    return {message_id: tuple(ids) for message_id, ids in found.items()}


def timeline_of(message: Message) -> tuple[Event, ...]:
    """Everything that happened to this message, in its order: who made, approved and sent it, what the carrier said."""
    return timelines_of([message])[message.pk]


def timelines_of(rows: Sequence[Message]) -> dict[int, tuple[Event, ...]]:
    """The same for several messages, by their ids; a fixed number of queries."""
    ids = [row.pk for row in rows]
    senders = _senders(rows)
    found: dict[int, list[Event]] = {
        row.pk: [*(senders.get(row.batch_id, []) if row.campaign_id is None else []), *_own_events(row)] for row in rows
    }
    part_of = _part_numbers(rows)
    for message_id, event in _noted_events(ids):
        found[message_id].append(event)
    for receipt in StoredReceipt.objects.filter(message_id__in=ids).order_by("id"):
        found[receipt.message_id or 0].append(_receipt_event(receipt, part_of.get(receipt.carrier_id, 0)))
    return {pk: tuple(sorted(events, key=lambda event: event.at)) for pk, events in found.items()}


def _noted_events(message_ids: Sequence[int]) -> Iterator[tuple[int, Event]]:
    for row in MessageEvent.objects.filter(message_id__in=message_ids).select_related("user").order_by("id"):
        yield row.message_id, Event(at=row.at, kind=row.kind, detail=row.detail, by=row.user.name if row.user else "")


def _own_events(row: Message) -> Iterator[Event]:
    """What the message's own row, and its campaign's, say."""
    campaign = row.campaign
    if campaign is not None:
        people = {
            person.pk: person.name for person in (campaign.created_by, campaign.approved_by, campaign.sent_by) if person
        }
        yield Event(at=campaign.created_at, kind="created", by=people.get(campaign.created_by_id, ""))
        if campaign.approved_at:
            yield Event(at=campaign.approved_at, kind="approved", by=people.get(campaign.approved_by_id, ""))
        if campaign.started_at:
            yield Event(at=campaign.started_at, kind="released", by=people.get(campaign.sent_by_id, ""))
    yield Event(at=row.created_at, kind="queued")
    if row.accepted_at:
        yield Event(at=row.accepted_at, kind="accepted", detail=row.carrier_id or "")
    if row.status is Status.FAILED and row.final_at:
        yield Event(
            at=row.final_at, kind="failed", detail=row.reason or "", code=row.code or "", reason=row.reason or ""
        )
    if row.status is Status.CANCELLED and row.final_at:
        yield Event(at=row.final_at, kind=EventKind.CANCELLED)


def _receipt_event(receipt: StoredReceipt, part: int) -> Event:
    raw = keys.service().open(RECEIPT_TABLE, receipt.sealed) if receipt.sealed else b""  # forgotten
    return Event(
        at=receipt.received_at,
        kind="receipt",
        detail=receipt.status,
        code=receipt.code,
        reason=receipt.reason,
        raw=raw.hex(),
        part=part,
    )


def _part_numbers(rows: Iterable[Message]) -> dict[str, int]:
    long = [row.pk for row in rows if row.parts > 1]
    if not long:
        return {}
    parts = MessagePart.objects.filter(message_id__in=long, carrier_id__isnull=False)
    return dict(parts.values_list("carrier_id", "part"))


def _senders(rows: Iterable[Message]) -> dict[int, list[Event]]:
    """Batch → who sent it over the API; the audit trail's line has the batch's instant."""
    single = {row.batch_id: row.created_at for row in rows if row.campaign_id is None}
    if not single:
        return {}
    lines = AuditEvent.objects.filter(
        at__in=set(single.values()), object_kind="batch", object_id__in=[str(pk) for pk in single]
    ).select_related("user", "api_key")
    return {
        int(line.object_id): [
            Event(at=line.at, kind="created", by=line.user.name if line.user else "", detail=_key_name(line))
        ]
        for line in lines
    }


def _key_name(line: AuditEvent) -> str:
    return line.api_key.name if line.api_key else ""
