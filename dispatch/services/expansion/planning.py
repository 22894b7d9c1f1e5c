"""What becomes of each row of a chunk: a text in a batch, or a call with its reason. No writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
import structlog
import uuid_utils.compat as uuids

from carriers.reasons import TEXT_TOO_LONG
from dispatch.models import Call, Campaign, Message
from dispatch.routing import AccountFacts, NoRoute, Router
from dispatch.services.recipient_rows import SET_ASIDE, LateRules, RosterRow, late_rules, roster_headers
from dispatch.services.repeats import same_texts
from dispatch.services.ways import Ways
from dispatch.services.wording import Unrenderable, Wording
from recipients.models import Route
from recipients.routing_rules import Reason
from tenants.keys import ring
from tenants.models import Tenant

log = structlog.get_logger()

BATCH_TEXTS: Final = 1_000
BATCH_S: Final = 5  # a batch keeps its account busy for this long at most
_CALL_FIELDS: Final = ("name", "kana", "phone", "external_id")


class NewMessage(NamedTuple):
    public_id: UUID
    seq: int
    recipient_id: int
    parts: int
    phone_hash: bytes | None
    sealed: bytes


class NewCall(NamedTuple):
    public_id: UUID
    recipient_id: int
    row: int
    reason: str
    phone_hash: bytes | None
    sealed: bytes


class NewSkip(NamedTuple):
    recipient_id: int
    row: int
    reason: str
    same_as_row: int | None


@dataclass(slots=True)
class NewBatch:
    """``detour``: why these texts do not go by the account that is preferred for them (``dispatch.routing``)."""

    account_id: int
    detour: str = ""
    messages: list[NewMessage] = field(default_factory=list)
    parts: int = 0


@dataclass(slots=True)
class Chunk:
    """What is to be written of some rows. ``billed_parts`` are counted by the tenant's ladder, as in the cost."""

    batches: list[NewBatch] = field(default_factory=list)
    calls: list[NewCall] = field(default_factory=list)
    skips: list[NewSkip] = field(default_factory=list)
    billed_parts: int = 0
    set_aside: int = 0  # rows that failed by our fault, and became calls

    @property
    def texts(self) -> int:
        return sum(len(batch.messages) for batch in self.batches)


class Planner:
    """``plan_chunk`` for one campaign, with everything that stays the same for its rows worked out once."""

    def __init__(self, campaign: Campaign, *, tenant: Tenant, router: Router, rules: LateRules) -> None:
        self.tenant, self.tenant_id, self.campaign_id = tenant, campaign.tenant_id, campaign.pk
        self._wording = Wording(campaign.text, headers=roster_headers(campaign.roster), ladder=tenant.ladder)
        self._ways, self._rules, self._priority = Ways(router), rules, campaign.priority
        self._same_texts = same_texts(campaign)
        self._seal_message = ring().sealer(Message._meta.db_table)
        self._seal_call = ring().sealer(Call._meta.db_table)

    def plan_chunk(self, rows: list[RosterRow]) -> Chunk:
        """Raises ``NoRoute`` where no account takes a number at all; a row that can't be made a text becomes a call."""
        chunk, open_batches = Chunk(), dict[tuple[int, str], NewBatch]()
        sms, skip, reason_to_call = Route.SMS, Route.SKIP, self._rules.reason_to_call
        for row in rows:
            if row.route == skip:
                continue
            reason = reason_to_call(row) if row.route == sms else row.reason
            if not reason:
                try:
                    self._add_text_or_skip(chunk, open_batches, row)
                    continue
                except NoRoute:
                    raise
                except Exception as exc:  # one row that no code foresaw must not hold up its neighbours
                    log.error("row.set_aside", campaign_id=self.campaign_id, row=row.row, error=type(exc).__name__)
                    reason = TEXT_TOO_LONG if isinstance(exc, Unrenderable) and exc.is_too_long else SET_ASIDE
                    chunk.set_aside += reason == SET_ASIDE
            chunk.calls.append(self._call(row, reason))
        return chunk

    def _add_text_or_skip(self, chunk: Chunk, open_batches: dict[tuple[int, str], NewBatch], row: RosterRow) -> None:
        if row.fields is None:
            raise Unrenderable
        if reason := self._rules.reason_to_skip(row):
            chunk.skips.append(NewSkip(row.recipient_id, row.row, reason, None))
            return
        text = self._wording.render(row.fields["cells"])
        same_as = self._same_texts.earlier_row(row.row, row.phone_hash, text)
        if same_as is not None:
            chunk.skips.append(NewSkip(row.recipient_id, row.row, str(Reason.DUPLICATE), same_as))
            return
        self._add_text(chunk, open_batches, row, row.fields, text)

    def _add_text(
        self,
        chunk: Chunk,
        open_batches: dict[tuple[int, str], NewBatch],
        row: RosterRow,
        fields: dict[str, Any],
        text: str,
    ) -> None:
        to = fields["phone"]
        billed = self._wording.billed_parts(text)
        choice, parts = self._ways.choose(to, text, priority=self._priority)
        account, way = choice.account, (choice.account.account_id, choice.detour)
        sealed = self._seal_message(orjson.dumps({"to": to, "text": text, "name": fields["name"], "row": row.row}))
        batch = open_batches.get(way)
        if batch is None or _is_full(batch, account, parts):
            batch = open_batches[way] = NewBatch(*way)
            chunk.batches.append(batch)
        message = NewMessage(uuids.uuid7(), len(batch.messages), row.recipient_id, parts, row.phone_hash, sealed)
        batch.messages.append(message)
        batch.parts += parts
        chunk.billed_parts += billed

    def _call(self, row: RosterRow, reason: str) -> NewCall:
        fields: dict[str, Any] = row.fields or {}
        sealed = self._seal_call(orjson.dumps({name: fields.get(name) or "" for name in _CALL_FIELDS}))
        return NewCall(uuids.uuid7(), row.recipient_id, row.row, reason or SET_ASIDE, row.phone_hash, sealed)


def planner_for(campaign: Campaign, *, router: Router) -> Planner:
    tenant = Tenant.objects.get(pk=campaign.tenant_id)
    return Planner(campaign, tenant=tenant, router=router, rules=late_rules(campaign, tenant=tenant))


def _is_full(batch: NewBatch, account: AccountFacts, parts: int) -> bool:
    if len(batch.messages) >= BATCH_TEXTS:
        return True
    return account.texts_per_s is not None and batch.parts + parts > max(account.texts_per_s * BATCH_S, 1)
