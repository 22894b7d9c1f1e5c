"""What people must answer about the roster before anything of it is sent."""

from __future__ import annotations

from dispatch.models import Campaign
from dispatch.services.errors import NeedsConfirmation
from recipients.models import RosterProblem


def open_problems(campaign: Campaign) -> list[RosterProblem]:
    problems = RosterProblem.objects.filter(roster_id=campaign.roster_id).order_by("code")
    return [problem for problem in problems if problem.is_open]


def must_be_confirmed(campaign: Campaign) -> None:
    """Raises ``NeedsConfirmation`` with the codes of the open problems."""
    codes = [problem.code for problem in open_problems(campaign)]
    if codes:
        raise NeedsConfirmation(fields={"codes": codes})
