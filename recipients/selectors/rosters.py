"""Questions about rosters and their rows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.db.models.functions import Length
from django.utils import timezone

from recipients.models import Recipient, Roster, RosterState, Route
from tenants.actors import Actor
from tenants.models import Department
from tenants.selectors import departments_of, seen_by
from tenants.sending_rules import RULE_NAMES, SendingRules, rules_in_force

WAITING_S: Final = 5  # a roster that nobody took for so long was forgotten by the broker


@dataclass(frozen=True, slots=True)
class Samples:
    """Rows that get a text, to be looked at before sending; the same row may stand in several places."""

    first: Recipient
    last: Recipient
    longest: Recipient
    random: tuple[Recipient, ...]


def visible_rosters(by: Actor) -> QuerySet[Roster]:
    """The rosters of the departments that this person sees, newest first."""
    found = Roster.objects.select_related("tenant", "department", "created_by").order_by("-created_at", "-pk")
    return found.filter(seen_by(by))


def rules_when_read(roster: Roster) -> SendingRules:
    """The rules by which its rows are divided: those in force when it is read, whatever changes afterwards.

    But for what was sent earlier, which is asked when a campaign is made of it.
    """
    stated, in_force = roster.personal.get("rules"), rules_in_force(roster.tenant, roster.department)
    if stated is None or (roster.state == RosterState.READING and not roster.rows_read):
        return in_force
    return Department(**stated | {"repeat_days": in_force.repeat_days})


def stated_rules(rules: SendingRules) -> dict[str, Any]:
    """To be kept with the roster."""
    return {name: getattr(rules, name) for name in (*RULE_NAMES, "has_own_rules") if hasattr(rules, name)}


def rows_of(roster: Roster, *, route: Route | None = None, reason: str = "") -> QuerySet[Recipient]:
    """Rows in the order of the file."""
    found = Recipient.objects.filter(roster=roster).order_by("row")
    if route is not None:
        found = found.filter(route=route)
    if reason:
        found = found.filter(reason=reason)
    return found


def reasons_by_route(roster: Roster) -> dict[Route, list[tuple[str, int]]]:
    """Route → (reason, number of rows), the most frequent first."""
    counted: dict[Route, list[tuple[str, int]]] = {route: [] for route in Route}
    pairs = rows_of(roster).order_by().values_list("route", "reason").distinct() if roster.reasons else ()
    for route, reason in pairs:
        if reason:
            counted[Route(route)].append((reason, roster.reasons.get(reason, 0)))
    return {route: sorted(pairs, key=lambda pair: -pair[1]) for route, pairs in counted.items()}


def sample_recipients(roster: Roster, *, count: int = 3) -> Samples | None:
    """First, last, longest and random rows that get a text; None where nobody does.

    The random ones are the same each time for one roster, so that a page which is reloaded shows the same people.
    """
    texts = rows_of(roster, route=Route.SMS)
    first = texts.first()
    if first is None:
        return None
    last = texts.last()
    longest = texts.annotate(size=Length("sealed")).order_by("-size", "row").first()
    chance = random.Random(str(roster.public_id))  # noqa: S311 - a choice to look at, not a secret
    wanted = sorted(chance.randint(1, roster.rows) for _ in range(count))
    found = [texts.filter(row__gte=row).first() or first for row in wanted]
    unique = {recipient.pk: recipient for recipient in found}
    return Samples(first=first, last=last or first, longest=longest or first, random=tuple(unique.values()))


def default_department(by: Actor) -> Department | None:
    """Where a new roster goes when nobody says: the person's own department, none for people of the whole tenant."""
    if by.department_ids is None:
        return None
    return next(iter(departments_of(by)), None)


def rosters_left_behind() -> Sequence[tuple[int, int]]:
    """(tenant id, roster id) of what nobody reads though somebody should, over all tenants, for the sweep.

    Asks as the operator, who sees that much of a roster and no more.
    """
    now = timezone.now()
    unclaimed = Q(lease_until=None, created_at__lt=now - timedelta(seconds=WAITING_S)) | Q(lease_until__lt=now)
    queryset: QuerySet[Roster] = (
        QuerySet(Roster, using="operator").filter(unclaimed, state=RosterState.READING).order_by("pk")
    )
    return list(queryset.values_list("tenant_id", "id")[:100])
