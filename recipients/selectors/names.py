"""Rows of rosters by a name or its kana, in any writing, through the keyed pairs of ``NameGram``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from django.db import connection

from recipients.name_grams import grams_sought
from tenants.context import current_tenant_id
from tenants.keys import ring
from tenants.sealing import KeyRing

_GRAM_BYTES: Final = 8
ROSTERS_AT_ONCE: Final = 50
ROWS_AT_ONCE: Final = 500
# `=` alone, which is leakproof: arrays' && and @> are not, so that under row security no index would answer them.
_ROSTERS: Final = """
    SELECT roster_id FROM recipients_namegram WHERE tenant_id = %s AND gram = ANY(%s::bigint[])
    GROUP BY roster_id HAVING count(*) = %s ORDER BY roster_id DESC
"""
_LINES: Final = """
    SELECT roster_id, rows FROM recipients_namegram
    WHERE tenant_id = %s AND gram = ANY(%s::bigint[]) AND roster_id = ANY(%s::bigint[]) ORDER BY roster_id DESC
"""
_IDS: Final = """
    SELECT r.id FROM unnest(%s::bigint[], %s::int[]) AS u (roster_id, row)
    JOIN recipients_recipient r ON r.tenant_id = %s AND r.roster_id = u.roster_id AND r.row = u.row
    ORDER BY r.roster_id DESC, r.row
"""


def gram_hasher(keys: KeyRing) -> Callable[[str], int]:
    """A pair of characters as the table knows it."""
    keyed_hash = keys.hasher("name pair")
    known: dict[str, int] = {}

    def gram(pair: str) -> int:
        found = known.get(pair)
        if found is None:
            found = known[pair] = int.from_bytes(keyed_hash(pair)[:_GRAM_BYTES], "big", signed=True)
        return found

    return gram


def recipients_that_may_match(query: str) -> Iterator[list[int]]:
    """Ids of recipients, newest roster first, some hundreds at a time: they have every pair of the query, though
    perhaps in another order.

    The caller opens them, asks ``name_grams.is_match`` and stops when it has enough. Needs the tenant's scope.
    """
    keyed_hash = gram_hasher(ring())
    grams = [keyed_hash(pair) for pair in grams_sought(query)]
    if not grams:
        return
    with connection.cursor() as cursor:
        cursor.execute(_ROSTERS, [current_tenant_id(), grams, len(grams)])
        roster_ids = [roster_id for (roster_id,) in cursor.fetchall()]
    for start in range(0, len(roster_ids), ROSTERS_AT_ONCE):
        found = _rows_of(roster_ids[start : start + ROSTERS_AT_ONCE], grams)
        for place in range(0, len(found), ROWS_AT_ONCE):
            yield _ids_of(found[place : place + ROWS_AT_ONCE])


def _rows_of(roster_ids: Sequence[int], grams: Sequence[int]) -> list[tuple[int, int]]:
    """(roster, row) of those that have all the pairs."""
    common: dict[int, set[int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_LINES, [current_tenant_id(), list(grams), list(roster_ids)])
        for roster_id, rows in cursor.fetchall():
            known = common.get(roster_id)
            common[roster_id] = set(rows) if known is None else known.intersection(rows)
    return [(roster_id, row) for roster_id, rows in common.items() for row in sorted(rows)]


def _ids_of(rows: Sequence[tuple[int, int]]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_IDS, [[roster for roster, _ in rows], [row for _, row in rows], current_tenant_id()])
        return [recipient_id for (recipient_id,) in cursor.fetchall()]
