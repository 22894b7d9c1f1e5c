"""What the first page says: today's campaigns, what waits for whom, and how the texts of the day stand.

Counts come from tallies and from the campaigns' own columns; nothing here counts messages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import Case, Count, Q, QuerySet, When
from django.utils import timezone

from dispatch.models import Call, CallState, Campaign, CampaignState
from dispatch.selectors.decisions import undecided
from dispatch.selectors.progress import COUNTED
from dispatch.states import Status
from recipients.models import Need, Roster, RosterProblem, RosterState
from tenants.actors import Actor
from tenants.context import current_tenant_id
from tenants.permissions import Permission
from tenants.selectors import seen_by

MOST_CARDS: Final = 12
MOST_LINES: Final = 8
UNREAD_FOR: Final = timedelta(days=14)
UNDER_WAY: Final = (CampaignState.SENDING, CampaignState.PAUSED)

_TALLIES: Final = """
    SELECT campaign_id, state, sum(n) FROM dispatch_tally
    WHERE tenant_id = %s AND campaign_id = ANY(%s) GROUP BY campaign_id, state
"""
_OVER_TIME: Final = """
    SELECT to_timestamp(floor(extract(epoch FROM greatest(minute, %(begin)s)) / %(step_s)s) * %(step_s)s), state, sum(n)
    FROM dispatch_tally
    WHERE tenant_id = %(tenant_id)s
        AND (campaign_id = ANY(%(campaign_ids)s) OR (campaign_id IS NULL AND minute >= %(begin)s))
    GROUP BY 1, 2 ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Card:
    """A campaign of today. ``counts`` has the API's keys; ``not_reached`` is people who wait for a call."""

    campaign: Campaign
    counts: Mapping[str, int]
    not_reached: int

    @property
    def has_texts(self) -> bool:
        return any(self.counts.values())


@dataclass(frozen=True, slots=True)
class Waiting:
    """A roster whose problems nobody answered yet."""

    roster: Roster
    problems: int


@dataclass(frozen=True, slots=True)
class Today:
    cards: tuple[Card, ...]
    open_calls: int
    unknown: int
    to_approve: tuple[Campaign, ...]
    unanswered: tuple[Waiting, ...]
    planned: tuple[Campaign, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """How many messages stood in each state at an instant."""

    at: datetime
    counts: Mapping[str, int]


def visible_campaigns(by: Actor) -> QuerySet[Campaign]:
    """The campaigns of the departments that this person sees."""
    found: QuerySet[Campaign] = Campaign.objects.filter(seen_by(by))
    return found.select_related("department")


def today_for(*, by: Actor, now: datetime) -> Today:
    """A fixed number of queries, whatever there is."""
    campaigns = list(campaigns_of_day(by=by, day=timezone.localdate(now))[:MOST_CARDS])
    counts, calls = counts_of(campaigns), _open_calls(by)
    cards = tuple(
        Card(campaign=campaign, counts=counts[campaign.pk], not_reached=calls.get(campaign.pk, 0))
        for campaign in campaigns
    )
    return Today(
        cards=cards,
        open_calls=sum(calls.values()),
        unknown=undecided(by).count(),
        to_approve=tuple(_to_approve(by)),
        unanswered=tuple(_unanswered(by, now=now)),
        planned=tuple(_planned(by, now=now)),
    )


def campaigns_of_day(*, by: Actor, day: date) -> QuerySet[Campaign]:
    """What goes out or went out on this day and whatever is still under way, newest first; drafts of the day at the end."""
    begin = timezone.make_aware(datetime.combine(day, time.min))
    end = begin + timedelta(days=1)
    return (
        visible_campaigns(by)
        .filter(
            Q(state=CampaignState.DRAFT, created_at__gte=begin, created_at__lt=end)
            | Q(started_at__gte=begin, started_at__lt=end)
            | Q(send_at__gte=begin, send_at__lt=end)
            | Q(state__in=UNDER_WAY)
        )
        .annotate(is_draft=Case(When(state=CampaignState.DRAFT, then=1), default=0))
        .order_by("is_draft", "-created_at", "-id")
    )


def counts_of(campaigns: Iterable[Campaign]) -> dict[int, dict[str, int]]:
    """Campaign → state → messages, in one query; texts between intent and answer count as queued."""
    words = {status: status.word for status in COUNTED}
    found = {campaign.pk: dict.fromkeys(words.values(), 0) for campaign in campaigns}
    for campaign_id, state, number in _rows(_TALLIES, [current_tenant_id(), list(found)]):
        found[campaign_id][words[Status(state)]] += int(number)
    return found


def _open_calls(by: Actor) -> dict[int, int]:
    """Campaign → people who wait for a call."""
    calls = Call.objects.filter(seen_by(by, "campaign"), state=CallState.OPEN)
    return dict(calls.order_by().values_list("campaign_id").annotate(number=Count("pk")))


def _to_approve(by: Actor) -> QuerySet[Campaign]:
    return (
        visible_campaigns(by)
        .filter(state=CampaignState.DRAFT, approval_asked_at__isnull=False)
        .order_by("approval_asked_at")[:MOST_LINES]
    )


def _planned(by: Actor, *, now: datetime) -> QuerySet[Campaign]:
    return visible_campaigns(by).filter(state=CampaignState.SCHEDULED, send_at__gt=now).order_by("send_at")[:MOST_LINES]


def _unanswered(by: Actor, *, now: datetime) -> list[Waiting]:
    """Of the departments whose rosters this person may read."""
    if not by.may(Permission.READ_ROSTERS):
        return []
    by = by.for_permission(Permission.READ_ROSTERS)
    problems = RosterProblem.objects.filter(
        seen_by(by, "roster"),
        answered_at=None,
        roster__state=RosterState.READY,
        roster__created_at__gt=now - UNREAD_FOR,
    ).exclude(needs=Need.NOTICE)
    numbers = dict(problems.order_by().values_list("roster_id").annotate(number=Count("pk")))
    rosters = Roster.objects.filter(pk__in=numbers).order_by("-created_at")[:MOST_LINES]
    return [Waiting(roster=roster, problems=numbers[roster.pk]) for roster in rosters]


def states_over_day(campaigns: Sequence[Campaign], *, now: datetime) -> list[Moment]:
    """How the texts of these campaigns (and single ones of today) stood since midnight, every ten minutes at most."""
    begin = timezone.make_aware(datetime.combine(timezone.localdate(now), time.min))
    parameters = {
        "tenant_id": current_tenant_id(),
        "begin": begin,
        "step_s": 600,
        "campaign_ids": [campaign.pk for campaign in campaigns],
    }
    standing = dict.fromkeys((status.word for status in COUNTED), 0)
    moments: list[Moment] = []
    for at, state, number in _rows(_OVER_TIME, parameters):
        standing[Status(state).word] += int(number)
        if moments and moments[-1].at == at:
            moments.pop()
        moments.append(Moment(at=at, counts=dict(standing)))
    return moments


def routes_of(cards: Iterable[Card]) -> dict[str, int]:
    """Rows of what is being sent or was sent, by route: neither drafts and plans, nor texts that were cancelled."""
    sums: dict[str, int] = defaultdict(int)
    for card in cards:
        campaign = card.campaign
        if campaign.started_at is None:
            continue
        sums["sms"] += max(0, campaign.sms_rows - card.counts["cancelled"])
        sums["call"] += campaign.call_rows
        sums["error"] += campaign.error_rows
        sums["skip"] += campaign.skip_rows
    return dict(sums)


def _rows(statement: str, parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
