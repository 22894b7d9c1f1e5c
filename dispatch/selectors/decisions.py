"""Which texts wait for a person's decision: nobody can know whether they left, and their deadline is not over."""

from __future__ import annotations

from django.db.models import OuterRef, QuerySet, Subquery

from dispatch.models import Campaign, EventKind, FollowUp, FollowUpKind, Message, MessageEvent
from dispatch.states import Status
from tenants.actors import Actor
from tenants.selectors import seen_by


def undecided(by: Actor, *, campaign: Campaign | None = None) -> QuerySet[Message]:
    """The unknown messages of the departments that this person works for, oldest first.

    Found by their deadlines, which stand in a small table, since no index mentions a message's state. ``unknown_at`` is
    when they became unknown, ``phoned_at`` when the person joins the call list.
    """
    deadlines = FollowUp.objects.filter(kind=FollowUpKind.UNKNOWN_DEADLINE)
    events = MessageEvent.objects.filter(message=OuterRef("pk"), kind=EventKind.UNKNOWN).order_by("-at")
    found: QuerySet[Message] = (
        Message.objects.select_related("campaign", "batch")
        .filter(pk__in=deadlines.values("message_id"), state=Status.UNKNOWN)
        .annotate(
            unknown_at=Subquery(events.values("at")[:1]),
            phoned_at=Subquery(deadlines.filter(message=OuterRef("pk")).order_by("-due_at").values("due_at")[:1]),
        )
        .order_by("created_at", "pk")
    )
    if campaign is not None:
        found = found.filter(campaign=campaign)
    return found.filter(seen_by(by, "campaign", "batch"))
