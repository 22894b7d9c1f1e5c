"""The call list: who waits, who is on whose row, and who comes next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet

from dispatch.models import Call, CallAttempt, CallState
from dispatch.selectors.campaigns import iso
from tenants.actors import Actor
from tenants.selectors import names_of_users, seen_by

OVERDUE_AFTER: Final = timedelta(hours=24)
VIEWED_WITHIN: Final = timedelta(minutes=10)


def visible_calls(by: Actor) -> QuerySet[Call]:
    """The calls of the departments that this person sees, oldest first."""
    found = Call.objects.select_related("campaign__department").order_by("created_at", "row", "pk")
    return found.filter(seen_by(by, "campaign"))


def calls_where(
    calls: QuerySet[Call],
    *,
    by: Actor,
    now: datetime,
    show: str = "open",
    reason: str = "",
    campaign: str = "",
) -> QuerySet[Call]:
    """``show``: open, mine (I tried to reach them, still open), overdue (open for a day) or done."""
    calls = calls.filter(state=CallState.DONE if show == "done" else CallState.OPEN)
    if show == "mine":
        mine = CallAttempt.objects.filter(call=OuterRef("pk"), user_id=by.user_id)
        calls = calls.filter(Exists(mine))
    elif show == "overdue":
        calls = calls.filter(created_at__lt=now - OVERDUE_AFTER)
    if reason:
        calls = calls.filter(reason=reason)
    if campaign:
        calls = calls.filter(campaign__public_id=campaign)
    return calls


@dataclass(frozen=True, slots=True)
class CallCounts:
    """How many wait, by the filters of the list."""

    open: int
    mine: int
    overdue: int
    reasons: Mapping[str, int]


def count_calls(calls: QuerySet[Call], *, by: Actor, now: datetime) -> CallCounts:
    waiting = calls.filter(state=CallState.OPEN).order_by()
    reasons = dict(waiting.values_list("reason").annotate(n=Count("pk")).order_by("-n"))
    return CallCounts(
        open=sum(reasons.values()),
        mine=calls_where(calls, by=by, now=now, show="mine").order_by().count(),
        overdue=waiting.filter(created_at__lt=now - OVERDUE_AFTER).count(),
        reasons=reasons,
    )


def next_call(calls: QuerySet[Call], *, by: Actor, after: Call, now: datetime) -> Call | None:
    """Whom to phone next: nobody whom a colleague has open, first those whom nobody has tried."""
    free = Q(viewed_at=None) | Q(viewed_at__lt=now - VIEWED_WITHIN) | Q(viewed_by_id=by.user_id)
    waiting = calls.filter(free, state=CallState.OPEN).exclude(pk=after.pk)
    return waiting.order_by("outcome", "created_at", "row", "pk").first()


def viewers_of(calls: Sequence[Call], *, by: Actor, now: datetime) -> dict[int, str]:
    """Call id → the colleague who has it open."""
    viewed = {
        call.pk: call.viewed_by_id
        for call in calls
        if call.viewed_by_id and call.viewed_by_id != by.user_id and call.viewed_at
        if call.viewed_at > now - VIEWED_WITHIN and call.state == CallState.OPEN
    }
    names = names_of_users(set(viewed.values()))
    return {call_id: names.get(user_id, "") for call_id, user_id in viewed.items()}


def with_attempts(calls: QuerySet[Call]) -> QuerySet[Call]:
    return calls.prefetch_related(Prefetch("attempts", CallAttempt.objects.order_by("at")))


def api_call(call: Call, names: Mapping[int, str]) -> dict[str, Any]:
    """The shape of ``GET /calls`` (API.md); ``names`` are those of the people who tried."""
    personal = call.personal
    return {
        "id": str(call.public_id),
        "campaign": str(call.campaign.public_id),
        "row": call.row,
        "name": personal.get("name", ""),
        "phone": personal.get("phone") or None,
        "reason": call.reason,
        "state": call.state,
        "outcome": call.outcome or None,
        "created_at": iso(call.created_at),
        "done_at": iso(call.done_at),
        "attempts": [
            {
                "at": iso(attempt.at),
                "by": names.get(attempt.user_id, ""),
                "outcome": attempt.outcome,
                "note": attempt.personal.get("note", ""),
            }
            for attempt in call.attempts.all()
        ],
    }


def names_on(calls: Sequence[Call]) -> dict[int, str]:
    """The names of everybody who tried to reach these people."""
    return names_of_users({attempt.user_id for call in calls for attempt in call.attempts.all()})
