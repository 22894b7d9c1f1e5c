"""People answer for what was found about a file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from recipients.models import Need, Roster, RosterProblem
from recipients.services.errors import NeedsAnotherPerson, RosterNotReady, UnknownProblem
from tenants.actors import Actor
from tenants.permissions import Permission
from tenants.services import record


def confirm_problems(*, roster: Roster, codes: Sequence[str], by: Actor, now: datetime) -> Roster:
    """Answer these problems; an answered one or a notice stays as it is.

    A release wants another person than the one who uploaded. Raises ``NeedsAnotherPerson``, ``UnknownProblem``,
    ``RosterNotReady``, ``NotAllowed``; then nothing is answered.
    """
    by.must(Permission.EDIT_ROSTERS, department_id=roster.department_id)
    with transaction.atomic():
        roster = Roster.objects.select_for_update(no_key=True).get(pk=roster.pk)
        if not roster.is_ready:
            raise RosterNotReady
        problems = {problem.code: problem for problem in RosterProblem.objects.filter(roster=roster)}
        unknown = [code for code in codes if code not in problems]
        if unknown:
            raise UnknownProblem(fields={"codes": unknown})
        for problem in (problems[code] for code in dict.fromkeys(codes)):
            if problem.is_open:
                _answer(roster, problem, by=by, now=now)
    return roster


def _answer(roster: Roster, problem: RosterProblem, *, by: Actor, now: datetime) -> None:
    if problem.needs == Need.RELEASE and by.user_id == roster.created_by_id:
        raise NeedsAnotherPerson
    problem.answered_by_id, problem.answered_at = by.user_id, now
    problem.save(update_fields=["answered_by", "answered_at"])
    record(
        action="roster.problem_answered",
        by=by,
        now=now,
        kind="roster",
        object_id=str(roster.public_id),
        department_id=roster.department_id,
        details={"code": problem.code, "needs": problem.needs, **problem.details},
    )
