"""The slipped column: ids that stand beside another person's number or name than in earlier rosters.

In 2022 a health centre sent 24 patients another patient's id, because one column of the list had slipped by a row.
"""

from __future__ import annotations

from typing import Any, Final

from django.db import connection

from recipients.models import Recipient, Roster
from recipients.services.findings import Found
from tenants.keys import ring

FEWEST_KNOWN: Final = 10  # people change their number; a handful of them is no pattern
FEWEST_SWAPPED: Final = 3
MOST_NAMES: Final = 400  # pairs whose names are unsealed and compared
_DISAGREE: Final = 0.2
# For every id of this roster what the latest earlier roster said of it. "Swapped": its number was another id's then.
_KNOWN: Final = """
    WITH mine AS (
        SELECT id_hash, phone_hash, id FROM recipients_recipient WHERE roster_id = %(roster)s AND id_hash IS NOT NULL
    ), known AS (
        SELECT DISTINCT ON (mine.id_hash) mine.*, old.phone_hash AS old_phone, old.id AS old_id
        FROM mine JOIN recipients_recipient AS old ON old.id_hash = mine.id_hash
        JOIN recipients_roster AS roster ON roster.id = old.roster_id
        WHERE old.roster_id < %(roster)s AND roster.state = 'ready'
        ORDER BY mine.id_hash, old.roster_id DESC
    )
    SELECT count(*),
        count(*) FILTER (WHERE phone_hash <> old_phone),
        count(*) FILTER (WHERE phone_hash <> old_phone AND phone_hash IN (SELECT old_phone FROM known)),
        (array_agg(ARRAY[id, old_id] ORDER BY id_hash))[1:%(most)s]
    FROM known
"""


def find_slip(roster: Roster, *, ids: int, ids_wrong: int) -> Found | None:
    """A problem where too many known pairs disagree, or too many of the ``ids`` have a wrong check digit.

    An office's first rosters have no history; there the check digits alone tell.
    """
    if ids >= FEWEST_KNOWN and ids_wrong > ids * _DISAGREE:
        return Found("slipped_column", {"ids": ids, "ids_wrong": ids_wrong})
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, {"roster": roster.pk, "most": MOST_NAMES})
        known, differ, swapped, pairs = cursor.fetchone()
    if known < FEWEST_KNOWN:
        return None
    names_differ, compared = _compare_names(pairs)
    slipped = swapped >= FEWEST_SWAPPED and swapped * 2 >= differ
    if slipped or differ > known * _DISAGREE or names_differ > compared * _DISAGREE:
        return Found("slipped_column", {"known": known, "numbers": differ, "names": names_differ, "compared": compared})
    return None


def _compare_names(pairs: list[list[int]]) -> tuple[int, int]:
    """(pairs whose names differ, pairs compared); names are sealed, so a part of the pairs stands for all."""
    rows = Recipient.objects.filter(pk__in=[pk for pair in pairs for pk in pair]).values_list("pk", "sealed")
    names = {pk: _name(sealed) for pk, sealed in rows}
    compared = [(names[new], names[old]) for new, old in pairs if names[new] and names[old]]
    return sum(1 for new, old in compared if new != old), len(compared)


def _name(sealed: Any) -> str:
    fields = ring().open_fields(Recipient._meta.db_table, sealed)
    return "".join(str(fields["name"]).split())
