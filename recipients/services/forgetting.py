"""What the service forgets of rosters: whole ones that are old enough, and the rows of a person who asked for it.

Rows stay, empty: counts and statistics hold, and messages and calls still point somewhere. What is taken out is their
sealed data, their hashes, the pairs of characters that find their names, and the uploaded file, which cannot be cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from recipients.models import Consent, ExclusionList, NameGram, Recipient, Roster, RosterFile, RosterState, Route
from recipients.routing_rules import Reason
from recipients.services.finishing import count_routes
from recipients.services.naming import move_name
from tenants.context import current_tenant_id
from tenants.keys import ring

EXPIRED: Final = "expired"
BATCH_ROWS: Final = 1_000
BLANK: Final[dict[str, Any]] = {
    "name": "",
    "kana": "",
    "phone": None,
    "number_kind": None,
    "phone_raw": "",
    "external_id": "",
    "birth_on": None,
    "age": None,
    "rule": "",
    "detail": "",
    "mended": [],
    "cells": {},
}
_KEPT_OF_ROSTER: Final = ("name", "header", "mapping", "mapping_source")
_EMPTY_ROWS: Final = """
    UPDATE recipients_recipient SET sealed = %s, phone_hash = NULL, id_hash = NULL
    WHERE tenant_id = %s AND roster_id = %s AND row > %s AND row <= %s
"""
_ERASE_ROWS: Final = """
    UPDATE recipients_recipient SET sealed = %s, phone_hash = NULL, id_hash = NULL, route = %s, reason = %s
    WHERE tenant_id = %s AND id = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class ErasedRows:
    rows: int
    rosters: int
    files: int


def empty_rows(*, roster: Roster, after_row: int) -> int:
    """Empty the next rows of an old roster; how many. Needs the tenant's scope."""
    blob = ring().seal_fields(Recipient._meta.db_table, BLANK)
    with connection.cursor() as cursor:
        cursor.execute(_EMPTY_ROWS, [blob, current_tenant_id(), roster.pk, after_row, after_row + BATCH_ROWS])
        return int(cursor.rowcount)


def close_roster(*, roster: Roster, now: datetime) -> None:
    """The end of an old roster whose rows are empty: file and names go, and nobody can make a campaign of it."""
    RosterFile.objects.filter(roster_id=roster.pk).delete()
    NameGram.objects.filter(roster_id=roster.pk).delete()
    ExclusionList.objects.filter(roster_id=roster.pk).delete()
    roster.row_sketch = None
    roster.seal(_kept(roster) | {"failure": {"code": EXPIRED, "params": {}}})
    roster.state, roster.failure_code, roster.lease_until = RosterState.FAILED, EXPIRED, None
    roster.save(update_fields=["sealed", "state", "failure_code", "lease_until", "row_sketch"])


def erase_rows(*, recipients: Sequence[Recipient]) -> ErasedRows:
    """Empty the rows of a person, each set aside for good; their rosters' files and samples go with them."""
    by_roster: dict[int, list[Recipient]] = {}
    for recipient in recipients:
        by_roster.setdefault(recipient.roster_id, []).append(recipient)
    files = 0
    for roster in Roster.objects.select_for_update().filter(pk__in=by_roster).order_by("pk"):
        files += _erase_from(roster, by_roster[roster.pk])
    return ErasedRows(rows=len(recipients), rosters=len(by_roster), files=files)


def erase_consents(*, id_hash: bytes | None, phone_hash: bytes | None) -> int:
    """Delete what a person said about texts, by their id or, for somebody without one, by their number; how many.

    Whoever shares the number and has no id of their own is phoned until they say so again. Needs the tenant's scope.
    """
    if id_hash is not None:
        found = Consent.objects.filter(id_hash=id_hash)
    elif phone_hash is not None:
        found = Consent.objects.filter(phone_hash=phone_hash, id_hash=None)
    else:
        return 0
    deleted, _ = found.delete()
    return int(deleted)


def _erase_from(roster: Roster, recipients: Sequence[Recipient]) -> int:
    for recipient in recipients:
        names = (str(recipient.personal.get(each) or "") for each in ("name", "kana"))
        move_name(roster_id=roster.pk, row=recipient.row, before=names, after=())
    blob = ring().seal_fields(Recipient._meta.db_table, BLANK)
    ids = [recipient.pk for recipient in recipients]
    with connection.cursor() as cursor:
        cursor.execute(_ERASE_ROWS, [blob, int(Route.SKIP), Reason.ERASED.value, current_tenant_id(), ids])
    had_file = RosterFile.objects.filter(roster_id=roster.pk).exists()
    RosterFile.objects.filter(roster_id=roster.pk).delete()
    ExclusionList.objects.filter(roster_id=roster.pk).delete()
    erased = {str(recipient.row) for recipient in recipients}
    personal = {key: value for key, value in roster.personal.items() if key != "first_rows"}
    if "edits" in personal:
        personal["edits"] = {row: edit for row, edit in personal["edits"].items() if row not in erased}
    roster.seal(personal)
    count_routes(roster)
    roster.save()
    return int(had_file)


def _kept(roster: Roster) -> dict[str, Any]:
    return {key: value for key, value in roster.personal.items() if key in _KEPT_OF_ROSTER}
