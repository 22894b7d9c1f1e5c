"""The end of a reading: counts, reasons and problems, in one transaction with the state ready."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from recipients.checking import CheckedRow
from recipients.columns import ColumnMapping, missing_for_rules
from recipients.models import Need, Roster, RosterProblem, RosterState, Route
from recipients.routing_rules import Rules
from recipients.services.duplicates import Persons, RowsSum
from recipients.services.findings import Found
from recipients.services.leases import Lease, LeaseLost
from recipients.services.mapping_memory import remember_mapping
from recipients.services.naming import NameIndex
from recipients.services.slipping import find_slip
from tenants.keys import ring

NEEDS: Final = {
    "same_file": Need.CONFIRM,
    "slipped_column": Need.RELEASE,
    "family_numbers": Need.NOTICE,
    "age_differs": Need.NOTICE,
    "no_consent_column": Need.NOTICE,  # everybody is phoned, so nothing can go wrong
    "no_age_column": Need.NOTICE,
}
_COUNTS: Final = """
    SELECT route, reason, count(*) FROM recipients_recipient
    WHERE roster_id = %s AND row <= %s GROUP BY route, reason ORDER BY route, count(*) DESC
"""
_FAMILIES: Final = """
    SELECT count(*), coalesce(sum(people), 0) FROM (
        SELECT count(*) AS people FROM recipients_recipient
        WHERE roster_id = %s AND route = %s GROUP BY phone_hash HAVING count(*) > 1
    ) AS shared
"""
log = structlog.get_logger()


@dataclass(slots=True)
class Seen:
    """What only a look at every row tells."""

    persons: Persons
    rows_sum: RowsSum = field(default_factory=RowsSum)
    names: NameIndex = field(default_factory=NameIndex)
    ages_differ: int = 0

    def note(self, row: int, checked: CheckedRow) -> int | None:
        """The earlier row of the same person, if there is one."""
        self.ages_differ += checked.age_differs
        self.names.add(row, checked.name, checked.kana)
        return self.persons.earlier_row(row, checked)


def finish(*, lease: Lease, total: int, seen: Seen, mapping: ColumnMapping, rules: Rules, now: datetime) -> None:
    """The roster becomes ready. Raises ``LeaseLost``."""
    roster = Roster.objects.select_for_update().get(pk=lease.roster_id)
    if roster.lease_until != lease.until:
        raise LeaseLost
    roster.rows = roster.rows_read = total
    roster.rows_hash = ring().hash("rows", seen.rows_sum.value())
    roster.state, roster.read_at, roster.lease_until, roster.failure_code = RosterState.READY, now, None, ""
    count_routes(roster)
    roster.save()
    seen.names.store(roster_id=roster.pk)
    keep_problems(roster, _find_problems(roster, seen=seen, mapping=mapping, rules=rules))
    if roster.personal["mapping_source"] == "chosen":
        header = roster.personal["header"]
        remember_mapping(department_id=roster.department_id, header=header, mapping=roster.mapping, now=now)
    log.info("roster.ready", roster_id=roster.pk, rows=total, **roster.counts)


def count_routes(roster: Roster) -> None:
    """Counts per route and per reason from the rows themselves; the caller saves."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, [roster.pk, roster.rows])
        counted = cursor.fetchall()
    for route in Route:
        setattr(roster, route.word, sum(number for found, _reason, number in counted if found == route))
    roster.reasons = {reason: number for _route, reason, number in counted if reason}


def keep_problems(roster: Roster, found: Iterable[Found]) -> None:
    """Write problems down; an answer stays where its problem is still the very same."""
    before = {problem.code: problem for problem in RosterProblem.objects.filter(roster=roster)}
    for problem in found:
        known = before.pop(problem.code, None)
        if known is not None and known.details == problem.details:
            continue
        if known is not None:
            known.delete()
        RosterProblem.objects.create(
            roster=roster, code=problem.code, needs=NEEDS[problem.code], details=problem.details
        )
    for gone in before.values():
        gone.delete()


def _find_problems(roster: Roster, *, seen: Seen, mapping: ColumnMapping, rules: Rules) -> list[Found]:
    missing = missing_for_rules(mapping, require_consent=rules.require_consent, age_limit=rules.age_limit)
    found = [
        _find_same_file(roster),
        find_slip(roster),
        _find_families(roster),
        Found("age_differs", {"count": seen.ages_differ}) if seen.ages_differ else None,
        *(Found(problem.value) for problem in missing),
    ]
    return [problem for problem in found if problem is not None]


def _find_same_file(roster: Roster) -> Found | None:
    """The latest earlier roster with the same bytes, or the same rows in any order (RELIABILITY.md, row 14)."""
    same = Q(file_hash=roster.file_hash) | Q(rows_hash=roster.rows_hash)
    earlier = Roster.objects.filter(same, pk__lt=roster.pk).exclude(state=RosterState.FAILED).order_by("-pk").first()
    if earlier is None:
        return None
    day = timezone.localdate(earlier.created_at)
    return Found("same_file", {"on": day.isoformat(), "roster": str(earlier.public_id)})


def _find_families(roster: Roster) -> Found | None:
    with connection.cursor() as cursor:
        cursor.execute(_FAMILIES, [roster.pk, Route.SMS])
        numbers, people = cursor.fetchone()
    return Found("family_numbers", {"numbers": numbers, "people": int(people)}) if numbers else None
