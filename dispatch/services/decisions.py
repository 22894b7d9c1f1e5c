"""What a person decides about a text of which nobody can know whether it left."""

from __future__ import annotations

from datetime import datetime

from django.db.models.functions import Now

from dispatch.models import (
    Batch,
    Campaign,
    CampaignState,
    EventKind,
    Message,
    MessageEvent,
    MessagePart,
    Policy,
    Priority,
)
from dispatch.services.errors import NotUnknown
from dispatch.services.tallies import add_tallies
from dispatch.states import Status, move
from dispatch.task_names import PUMP
from tenants.actors import Actor
from tenants.permissions import Permission
from tenants.services import record
from tenants.tasking import enqueue_on_commit

OVER = (CampaignState.SENT, CampaignState.DONE)


def send_again(*, message: Message, by: Actor, now: datetime) -> Message:
    """The text goes once more, in a batch of its own; both attempts stay in its time line.

    Raises ``NotAllowed`` or ``NotUnknown``.
    """
    message = _unknown_message(message, by)
    state = move(message.status, Status.QUEUED)
    batch = Batch.objects.create(
        campaign_id=message.campaign_id,
        department_id=message.batch.department_id,
        account_id=message.account_id,
        priority=Priority.URGENT,
        policy=Policy.HOLD,
        due_at=now,
        size=1,
    )
    message.batch, message.seq, message.tries, message.state = batch, 0, message.tries + 1, state
    message.save(update_fields=["batch", "seq", "tries", "state"])
    # Parts that the carrier took need not go again; those of which nobody knows do.
    MessagePart.objects.filter(message=message, state=Status.UNKNOWN).delete()
    _tell(message, Status.QUEUED, EventKind.SENT_AGAIN, by=by, now=now)
    Campaign.objects.filter(pk=message.campaign_id, state__in=OVER).update(
        state=CampaignState.SENDING, sent_at=None, done_at=None
    )
    enqueue_on_commit(PUMP, account_id=message.account_id)
    return message


def take_as_sent(*, message: Message, by: Actor, now: datetime) -> Message:
    """From now on the text waits for its receipt like any other. Raises ``NotAllowed`` or ``NotUnknown``."""
    message = _unknown_message(message, by)
    message.state, message.accepted_at = move(message.status, Status.ACCEPTED), now
    message.save(update_fields=["state", "accepted_at"])
    MessagePart.objects.filter(message=message, state=Status.UNKNOWN).update(state=Status.ACCEPTED, accepted_at=Now())
    _tell(message, Status.ACCEPTED, EventKind.TAKEN_AS_SENT, by=by, now=now)
    Campaign.objects.filter(pk=message.campaign_id, state__in=OVER).update(
        state=CampaignState.SENDING, sent_at=None, done_at=None
    )
    return message


def _unknown_message(message: Message, by: Actor) -> Message:
    """The row, locked, so that a receipt and two people cannot decide at once."""
    locked: Message = (
        Message.objects.select_for_update(of=("self",), no_key=True)
        .select_related("campaign", "batch")
        .get(pk=message.pk)
    )
    owner = locked.campaign or locked.batch
    by.must(Permission.SEND, department_id=owner.department_id)
    if locked.status is not Status.UNKNOWN:
        raise NotUnknown
    return locked


def _tell(message: Message, state: Status, kind: EventKind, *, by: Actor, now: datetime) -> None:
    MessageEvent.objects.create(message=message, at=now, kind=kind, user_id=by.user_id)
    moves = {(Status.UNKNOWN, ""): -1, (state, ""): 1}
    add_tallies(tenant_id=message.tenant_id, campaign_id=message.campaign_id, moves=moves)
    record(
        action=f"message.{kind.value}",
        by=by,
        now=now,
        kind="message",
        object_id=str(message.public_id),
        department_id=(message.campaign or message.batch).department_id,
    )
