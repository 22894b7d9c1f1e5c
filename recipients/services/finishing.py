"""The end of a reading: counts, reasons and problems, in one transaction with the state ready."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import structlog
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from recipients.check_digits import guess_check
from recipients.checking import CheckedRow
from recipients.columns import ColumnMapping, missing_for_rules
from recipients.models import Need, Roster, RosterProblem, RosterState, Route
from recipients.routing_rules import Rules
from recipients.services.duplicates import Persons, RowsSum, SameAs
from recipients.services.findings import Found
from recipients.services.leases import Lease, LeaseLost
from recipients.services.mapping_memory import remember_mapping
from recipients.services.naming import NameIndex
from recipients.services.overlap import RowSketch, find_overlap
from recipients.services.slipping import find_slip
from tenants.keys import ring
from tenants.sealing import KeyRing

NEEDS: Final = {
    "same_file": Need.CONFIRM,
    "slipped_column": Need.RELEASE,
    "family_numbers": Need.NOTICE,
    "age_differs": Need.NOTICE,
    "no_consent_column": Need.NOTICE,  # everybody is phoned, so nothing can go wrong
    "no_age_column": Need.NOTICE,
    "ids_have_checks": Need.NOTICE,
    "hazards": Need.NOTICE,
    "disease_names": Need.NOTICE,
}
IDS_WATCHED: Final = 200
MOST_HAZARDS: Final = 100
_COUNTS: Final = """
    SELECT route, reason, count(*) FROM recipients_recipient
    WHERE roster_id = %s AND row <= %s GROUP BY route, reason ORDER BY route, count(*) DESC
"""
_FAMILIES: Final = """
    SELECT count(*), coalesce(sum(people), 0) FROM (
        SELECT count(*) AS people FROM recipients_recipient
        WHERE roster_id = %s AND (route = %s OR reason = 'shared_number') GROUP BY phone_hash HAVING count(*) > 1
    ) AS shared
"""
log = structlog.get_logger()


class Seen:
    """What only a look at every row tells. ``watch_ids``: whether the ids have check digits nobody told us about."""

    def __init__(self, *, persons: Persons, keys: KeyRing, watch_ids: bool) -> None:
        self.persons = persons
        self.rows_sum, self.sketch, self.names = RowsSum(keys), RowSketch(), NameIndex()
        self.ages_differ = self.ids = self.ids_wrong = 0
        self.ids_watched: list[str] | None = [] if watch_ids else None
        self.hazards: dict[str, list[int]] = {}  # character → number of rows, first row
        self.disease_columns: dict[str, int] = {}

    def note(self, row: int, checked: CheckedRow) -> SameAs | None:
        """The earlier row that stands for this one too, if there is one."""
        self.ages_differ += checked.age_differs
        self.names.add(row, checked.name, checked.kana)
        if checked.external_id:
            self.ids += 1
            self.ids_wrong += checked.id_is_wrong
            if self.ids_watched is not None and len(self.ids_watched) < IDS_WATCHED:
                self.ids_watched.append(checked.external_id)
        for character in checked.hazards:
            if character in self.hazards or len(self.hazards) < MOST_HAZARDS:
                self.hazards.setdefault(character, [0, row])[0] += 1
        for header in checked.disease_columns:
            self.disease_columns[header] = self.disease_columns.get(header, 0) + 1
        return self.persons.earlier_row(row, checked)


def finish(*, lease: Lease, total: int, seen: Seen, mapping: ColumnMapping, rules: Rules, now: datetime) -> None:
    """The roster becomes ready. Raises ``LeaseLost``."""
    roster = Roster.objects.select_for_update(no_key=True).get(pk=lease.roster_id)
    if roster.lease_until != lease.until:
        raise LeaseLost
    roster.rows = roster.rows_read = total
    roster.rows_hash = ring().hash("rows", seen.rows_sum.value())
    roster.row_sketch = seen.sketch.value()
    roster.seal(roster.personal | {"hazards": seen.hazards, "disease_columns": seen.disease_columns})
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
        find_slip(roster, ids=seen.ids, ids_wrong=seen.ids_wrong),
        _find_families(roster),
        Found("age_differs", {"count": seen.ages_differ}) if seen.ages_differ else None,
        *(Found(problem.value) for problem in missing),
        _find_id_check(seen),
        Found("hazards", {"characters": len(seen.hazards)}) if seen.hazards else None,
        Found("disease_names", {"rows": sum(seen.disease_columns.values())}) if seen.disease_columns else None,
    ]
    return [problem for problem in found if problem is not None]


def _find_same_file(roster: Roster) -> Found | None:
    """The latest earlier roster with the same bytes, the same rows in any order, or nearly the same rows."""
    same = Q(file_hash=roster.file_hash) | Q(rows_hash=roster.rows_hash)
    earlier = Roster.objects.filter(same, pk__lt=roster.pk).exclude(state=RosterState.FAILED).order_by("-pk").first()
    if earlier is not None:
        return Found("same_file", _about(earlier))
    overlap = find_overlap(roster, bytes(roster.row_sketch or b""))
    return Found("same_file", _about(overlap.earlier) | {"percent": overlap.percent}) if overlap else None


def _about(earlier: Roster) -> dict[str, Any]:
    return {"on": timezone.localdate(earlier.created_at).isoformat(), "roster": str(earlier.public_id)}


def _find_id_check(seen: Seen) -> Found | None:
    """Ids that all keep a rule nobody told us about: the office is told that we could watch over them."""
    check = guess_check(seen.ids_watched or ())
    return Found("ids_have_checks", {"check": check}) if check else None


def _find_families(roster: Roster) -> Found | None:
    with connection.cursor() as cursor:
        cursor.execute(_FAMILIES, [roster.pk, Route.SMS])
        numbers, people = cursor.fetchone()
    return Found("family_numbers", {"numbers": numbers, "people": int(people)}) if numbers else None
