"""What an office decides about a roster that was read: who is not concerned, and one text for a family or one each."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from recipients.models import ExclusionList, Roster, RosterProblem
from recipients.services.errors import NotAChoice
from recipients.services.exclusions import ExclusionFile, keep_exclusions
from recipients.services.uploading import lock_to_read_again, read_again
from tenants.actors import Actor
from tenants.permissions import Permission
from tenants.services import record


def exclude_from_file(*, roster: Roster, file: ExclusionFile, by: Actor, now: datetime) -> Roster:
    """Take out everybody whom a second file names, in place of the list before; the roster is read again for it.

    Raises ``BadExclusions``, ``RosterNotReady``, ``RosterFrozen``, ``RosterFileGone``, ``NotAllowed``.
    """
    by.must(Permission.EDIT_ROSTERS, department_id=roster.department_id)
    with transaction.atomic():
        roster = lock_to_read_again(roster)
        keep_exclusions(roster, file, by=by, now=now)
        read_again(roster)
    return roster


def drop_exclusions(*, roster: Roster, by: Actor, now: datetime) -> Roster:
    """Nobody is taken out by a file any more. Raises ``RosterNotReady``, ``RosterFrozen``, ``RosterFileGone``,
    ``NotAllowed``."""
    by.must(Permission.EDIT_ROSTERS, department_id=roster.department_id)
    with transaction.atomic():
        roster = lock_to_read_again(roster)
        dropped, _ = ExclusionList.objects.filter(roster=roster).delete()
        if dropped:
            _record("roster.exclusions_dropped", roster, by=by, now=now)
            read_again(roster)
    return roster


def choose_family_texts(*, roster: Roster, one_text: bool, by: Actor, now: datetime) -> Roster:
    """People who share a number get one text between them, or one each again; the roster is read again for it.

    The text is the first one's of the file; the others are set aside as ``shared_number``. Raises ``NotAChoice`` where
    nobody shares a number, ``RosterNotReady``, ``RosterFrozen``, ``RosterFileGone``, ``NotAllowed``.
    """
    by.must(Permission.EDIT_ROSTERS, department_id=roster.department_id)
    with transaction.atomic():
        roster = lock_to_read_again(roster)
        if not RosterProblem.objects.filter(roster=roster, code="family_numbers").exists():
            raise NotAChoice
        if roster.one_text_per_number != one_text:
            roster.one_text_per_number = one_text
            _record("roster.family_texts_chosen", roster, by=by, now=now, one_text=one_text)
            read_again(roster)
    return roster


def _record(action: str, roster: Roster, *, by: Actor, now: datetime, **details: object) -> None:
    record(action=action, by=by, now=now, kind="roster", object_id=str(roster.public_id), details=details)
