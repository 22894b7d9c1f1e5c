"""Single texts and lists of texts from other systems: due now (or when the tenant's hours begin), without a roster.

What an approval binds is a campaign. These texts come from a system whose key an admin issued, and need no second person.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
import uuid_utils.compat as uuids
from django.utils.translation import gettext_lazy as _

from dispatch.hours import SendingHours
from dispatch.models import Batch, Message, Policy, Priority
from dispatch.routing import NoRoute, RouteChoice, Router
from dispatch.selectors.accounts import router_for
from dispatch.services.errors import NoCarrier, TextRefused
from dispatch.services.expansion.planning import BATCH_TEXTS
from dispatch.services.tallies import add_tallies
from dispatch.services.ways import Ways, tell_detours
from dispatch.states import Status
from dispatch.task_names import PUMP
from recipients.models import OptOut
from recipients.phone_numbers import NumberKind, ParsedNumber, parse_number
from templates_sms.advice import has_unsendable_characters
from templates_sms.ladders import bill_text
from templates_sms.segments import compose
from tenants.actors import Actor
from tenants.bulk import BulkInsert
from tenants.context import current_tenant_id
from tenants.errors import Invalid, Refused
from tenants.keys import ring
from tenants.models import Tenant
from tenants.permissions import Permission
from tenants.sealing import KeyRing
from tenants.services import record
from tenants.tasking import enqueue_on_commit

LONGEST_REFERENCE: Final = 100
BATCH_S: Final = 5  # a batch keeps its account busy for this long at most
KIND_WORDS: Final = {
    NumberKind.LANDLINE: ("landline", _("固定電話にはSMSが届きません。携帯番号を指定してください。")),
    NumberKind.IP_PHONE: (
        "ip_phone",
        _("050で始まる番号にはSMSが届きません。携帯番号を指定してください。"),
    ),
    NumberKind.OTHER: ("not_a_mobile", _("この番号にはSMSが届きません。携帯番号を指定してください。")),
}
_MESSAGES: Final = BulkInsert(
    incoming="incoming_single_messages",
    columns={
        "public_id": "uuid",
        "batch_id": "int8",
        "seq": "int4",
        "parts": "int2",
        "phone_hash": "bytea",
        "reference_hash": "bytea",
        "account_id": "int8",
        "sealed": "bytea",
    },
    insert="""
        INSERT INTO dispatch_message
            (tenant_id, state, tries, created_at, public_id, batch_id, seq, parts, phone_hash, reference_hash,
             account_id, sealed)
        SELECT %s, 0, 0, %s, public_id, batch_id, seq, parts, phone_hash, reference_hash, account_id, sealed
        FROM incoming_single_messages
    """,
)


class BadNumber(Invalid):
    """The number cannot be read or takes no text; ``code`` is the reason (API.md)."""


class NumberOptedOut(Refused):
    code = "opted_out"
    user_message = _("この番号はSMSの停止を希望しています。電話で連絡してください。")


@dataclass(frozen=True, slots=True)
class Draft:
    """A text that another system wants to be sent. ``reference`` is the caller's own."""

    to: str
    text: str
    reference: str = ""
    priority: Priority = Priority.NORMAL


@dataclass(frozen=True, slots=True)
class _Checked:
    place: int
    to: str
    text: str
    reference: str
    priority: Priority
    phone_hash: bytes
    choice: RouteChoice
    parts: int
    public_id: UUID


@dataclass(slots=True)
class _NewBatch:
    account_id: int
    detour: str
    priority: Priority
    messages: list[_Checked] = field(default_factory=list)
    parts: int = 0


def send_message(*, draft: Draft, by: Actor, now: datetime) -> UUID:
    """The public id of the message, queued. Raises ``NotAllowed``, ``BadNumber``, ``TextRefused``, ``NumberOptedOut``
    or ``NoCarrier``."""
    (outcome,) = send_messages(drafts=[draft], by=by, now=now)
    if isinstance(outcome, Refused):
        raise outcome
    return outcome


def send_messages(*, drafts: Sequence[Draft], by: Actor, now: datetime) -> list[UUID | Refused]:
    """For each draft, in order, the public id of its message or why it was refused. Raises ``NotAllowed``.

    Good ones are queued though others are refused; a bulk statement per table, whatever their number.
    """
    by.must(Permission.SEND)
    tenant = Tenant.objects.get(pk=current_tenant_id())
    outcomes, good = _check(drafts, tenant=tenant, router=router_for(tenant.pk))
    batches = _batches_of(good)
    if batches:
        _store(batches, tenant=tenant, by=by, now=now)
    return outcomes


def _check(drafts: Sequence[Draft], *, tenant: Tenant, router: Router) -> tuple[list[UUID | Refused], list[_Checked]]:
    keyed_hash = ring().hasher("phone")
    numbers = [parse_number(draft.to) for draft in drafts]
    hashes = [keyed_hash(number.e164) if number.e164 else b"" for number in numbers]
    refusing = _opted_out(hashes)
    ways = Ways(router)
    outcomes: list[UUID | Refused] = []
    good: list[_Checked] = []
    for place, (draft, number, phone_hash) in enumerate(zip(drafts, numbers, hashes, strict=True)):
        try:
            if phone_hash in refusing:
                raise NumberOptedOut
            to = _textable(number)
            text = _sendable(draft.text, ladder=tenant.ladder)
            choice, parts = _way_for(to, text, ways, draft.priority)
        except Refused as refused:
            outcomes.append(refused)
            continue
        public_id = uuids.uuid7()
        outcomes.append(public_id)
        good.append(_Checked(place, to, text, draft.reference, draft.priority, phone_hash, choice, parts, public_id))
    return outcomes, good


def _opted_out(hashes: Sequence[bytes]) -> frozenset[bytes]:
    wanted = [phone_hash for phone_hash in set(hashes) if phone_hash]
    found = OptOut.objects.filter(ended_at=None, phone_hash__in=wanted).values_list("phone_hash", flat=True)
    return frozenset(bytes(phone_hash) for phone_hash in found)


def _textable(number: ParsedNumber) -> str:
    """The number in E.164. Raises ``BadNumber``."""
    if number.e164 is None or number.kind is None:
        code = str(number.problem)
        raise BadNumber(
            _("電話番号を読み取れません。携帯番号を1つだけ指定してください。"), code=code, fields={"to": code}
        )
    if not number.can_text:
        code, words = KIND_WORDS[number.kind]
        raise BadNumber(words, code=code, fields={"to": code})
    return number.e164


def _sendable(text: str, *, ladder: str) -> str:
    """The composed text. Raises ``TextRefused``."""
    composed = compose(text)
    if not composed.strip():
        raise TextRefused(_("本文が空です。"), code="empty_text", fields={"text": "empty_text"})
    if has_unsendable_characters(composed):
        raise TextRefused(_("本文に送れない文字（外字など）があります。"), fields={"text": "unsendable_character"})
    if bill_text(composed, profile=ladder).is_too_long:
        raise TextRefused(_("本文が長すぎます。"), code="text_too_long", fields={"text": "text_too_long"})
    return composed


def _way_for(to: str, text: str, ways: Ways, priority: Priority) -> tuple[RouteChoice, int]:
    try:
        return ways.choose(to, text, priority=priority)
    except NoRoute as exc:
        raise NoCarrier from exc


def _batches_of(messages: Sequence[_Checked]) -> list[_NewBatch]:
    """Per way and priority, each small enough for five seconds."""
    batches: list[_NewBatch] = []
    opened: dict[tuple[int, str, Priority], _NewBatch] = {}
    for message in messages:
        key = message.choice.account.account_id, message.choice.detour, message.priority
        batch = opened.get(key)
        if batch is None or _is_full(batch, message):
            batch = opened[key] = _NewBatch(*key)
            batches.append(batch)
        batch.messages.append(message)
        batch.parts += message.parts
    return batches


def _is_full(batch: _NewBatch, message: _Checked) -> bool:
    if len(batch.messages) >= BATCH_TEXTS:
        return True
    rate = message.choice.account.texts_per_s
    return rate is not None and batch.parts + message.parts > max(rate * BATCH_S, 1)


def _store(batches: Sequence[_NewBatch], *, tenant: Tenant, by: Actor, now: datetime) -> None:
    due_at = SendingHours(start=tenant.send_from, until=tenant.send_until).opening(now)
    rows = [
        Batch(
            tenant_id=tenant.pk,
            department_id=by.home_id,
            account_id=batch.account_id,
            priority=batch.priority,
            policy=Policy.HOLD,
            due_at=due_at,
            size=len(batch.messages),
            created_at=now,
        )
        for batch in batches
    ]
    Batch.objects.bulk_create(rows)
    _MESSAGES.run(_message_rows(batches, rows, ring()), [tenant.pk, now])
    tell_detours(batch_ids=[row.pk for row in rows], detours=[batch.detour for batch in batches])
    add_tallies(
        tenant_id=tenant.pk, campaign_id=None, moves={(Status.QUEUED, ""): sum(len(b.messages) for b in batches)}
    )
    for batch in rows:
        # The trail's instant is the batch's, by which the evidence finds who sent it (dispatch.evidence).
        record(
            action="messages.accepted",
            by=by,
            now=now,
            kind="batch",
            object_id=str(batch.pk),
            details={"count": batch.size},
        )
    for account_id in sorted({batch.account_id for batch in rows}):
        enqueue_on_commit(PUMP, account_id=account_id)


def _message_rows(batches: Sequence[_NewBatch], rows: Sequence[Batch], keys: KeyRing) -> Iterator[tuple[Any, ...]]:
    seal, reference_hash = keys.sealer(Message._meta.db_table), keys.hasher("reference")
    for batch, row in zip(batches, rows, strict=True):
        for seq, message in enumerate(batch.messages):
            fields = {"to": message.to, "text": message.text, "reference": message.reference}
            yield (
                message.public_id,
                row.pk,
                seq,
                message.parts,
                message.phone_hash,
                reference_hash(message.reference) if message.reference else None,
                message.choice.account.account_id,
                seal(orjson.dumps(fields)),
            )
