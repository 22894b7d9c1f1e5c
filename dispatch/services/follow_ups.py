"""Closing the loop: whoever was not reached joins the call list by themselves, and leaves it when the text arrives late."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import structlog
import uuid_utils.compat as uuids
from django.db.models import F
from django.db.models.functions import Now

from dispatch.models import Call, CallState, Campaign, CampaignState, FollowUp, FollowUpKind, Message, Outcome
from dispatch.states import NOT_REACHED, Status
from recipients.models import Recipient
from tenants.context import current_tenant_id, tenant_scope
from tenants.sealing import SealBroken

log = structlog.get_logger()

AT_ONCE: Final = 500
MOST_TRIES: Final = 3
UNKNOWN_REASON: Final = "unknown"
_CALL_FIELDS: Final = ("name", "kana", "phone", "external_id")


def close_loop(*, tenant_id: int, now: datetime) -> int:
    """Do all that is due; the number of follow-ups that were done. Harmless to repeat, and by several at once."""
    total = 0
    while True:
        with tenant_scope(tenant_id):
            taken, done = _take_some(now=now)
        total += done
        if taken < AT_ONCE:
            return total


def _take_some(*, now: datetime) -> tuple[int, int]:
    """(taken, done). What fails is tried again later, at most three times, then set aside for an operator."""
    due = FollowUp.objects.filter(due_at__lte=Now(), tries__lt=MOST_TRIES).order_by("due_at", "id")
    follow_ups = list(due.select_for_update(skip_locked=True)[:AT_ONCE])
    messages = {
        m.pk: m for m in Message.objects.select_related("campaign").filter(pk__in={f.message_id for f in follow_ups})
    }
    done: list[int] = []
    wanted: list[tuple[FollowUp, Message, str]] = []
    late: list[int] = []
    for follow_up in follow_ups:
        message = messages[follow_up.message_id]
        reason = call_reason(message, FollowUpKind(follow_up.kind))
        if reason and message.campaign_id and message.recipient_id:
            wanted.append((follow_up, message, reason))
            continue
        if message.status is Status.DELIVERED and message.campaign_id:
            late.append(message.pk)
        done.append(follow_up.pk)
    done += _add_calls(wanted, now=now)
    _close_untouched(late, now=now)
    FollowUp.objects.filter(pk__in=done).delete()
    failed = {f.pk for f in follow_ups} - set(done)
    FollowUp.objects.filter(pk__in=failed).update(tries=F("tries") + 1)
    return len(follow_ups), len(done)


def call_reason(message: Message, kind: FollowUpKind) -> str:
    """Why this person must be phoned as the message stands now; "" where nothing is to be done any more."""
    if message.status in NOT_REACHED:
        return message.reason or message.status.word
    if kind is FollowUpKind.UNKNOWN_DEADLINE and message.status is Status.UNKNOWN:
        return UNKNOWN_REASON
    return ""


def _add_calls(wanted: Sequence[tuple[FollowUp, Message, str]], *, now: datetime) -> list[int]:
    """Ids of the follow-ups whose call now exists; a row that cannot be opened fails alone."""
    recipients = {r.pk: r for r in Recipient.objects.filter(pk__in={m.recipient_id for _f, m, _r in wanted})}
    calls: list[Call] = []
    done: list[int] = []
    for follow_up, message, reason in wanted:
        try:
            calls.append(_call(message, recipients[message.recipient_id], reason, now=now))
        except (SealBroken, ValueError) as exc:
            log.error(
                "follow_up.failed", follow_up_id=follow_up.pk, tries=follow_up.tries + 1, error=type(exc).__name__
            )
            continue
        done.append(follow_up.pk)
    Call.objects.bulk_create(calls, ignore_conflicts=True)
    _reopen_campaigns({call.campaign_id for call in calls})
    return done


def _call(message: Message, recipient: Recipient, reason: str, *, now: datetime) -> Call:
    personal: dict[str, Any] = recipient.personal
    call = Call(
        tenant_id=current_tenant_id(),
        public_id=uuids.uuid7(),
        campaign=message.campaign,
        recipient=recipient,
        message=message,
        row=recipient.row,
        reason=reason,
        phone_hash=recipient.phone_hash,
        created_at=now,
    )
    call.seal({name: personal.get(name) or "" for name in _CALL_FIELDS})
    return call


def _reopen_campaigns(campaign_ids: Iterable[int]) -> None:
    """A campaign with a new call is not done."""
    done = Campaign.objects.filter(pk__in=campaign_ids, state=CampaignState.DONE)
    done.update(state=CampaignState.SENT, done_at=None)


def _close_untouched(message_ids: Sequence[int], *, now: datetime) -> None:
    """Nobody has phoned yet and the text arrived after all: the call is over."""
    calls = Call.objects.filter(message_id__in=message_ids, state=CallState.OPEN, attempts__isnull=True)
    Call.objects.filter(pk__in=calls.values("pk")).update(state=CallState.DONE, outcome=Outcome.RECEIVED, done_at=now)
