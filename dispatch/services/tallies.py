"""Counts kept in the transaction that moves messages: inserted, never updated, so that nobody waits for anybody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.db import connection, connections, transaction

from dispatch.states import Status

Moves = Mapping[tuple[Status, str], int]
"""(state, reason) → how many messages entered (or, below zero, left) it."""

_INSERT: Final = """
    INSERT INTO dispatch_tally (tenant_id, campaign_id, minute, state, reason, n)
    SELECT %s, %s, date_trunc('minute', clock_timestamp()), u.state, u.reason, u.n
    FROM unnest(%s::smallint[], %s::text[], %s::int[]) AS u (state, reason, n)
"""
# Only groups of several rows are touched, so folding again what is folded costs a read.
_FOLD: Final = """
    WITH doubled AS (
        SELECT id FROM (
            SELECT id, count(*) OVER same AS rows, minute <> date_trunc(%(unit)s, minute) AS is_fine FROM dispatch_tally
            WHERE minute >= now() - %(oldest)s::interval
                AND minute < date_trunc('minute', now()) - %(newest)s::interval
            WINDOW same AS (PARTITION BY tenant_id, campaign_id, date_trunc(%(unit)s, minute), state, reason)
        ) AS groups WHERE rows > 1 OR is_fine
    ), gone AS (
        DELETE FROM dispatch_tally t USING doubled WHERE t.id = doubled.id
        RETURNING t.tenant_id, t.campaign_id, t.minute, t.state, t.reason, t.n
    ), folded AS (
        INSERT INTO dispatch_tally (tenant_id, campaign_id, minute, state, reason, n)
        SELECT tenant_id, campaign_id, date_trunc(%(unit)s, minute), state, reason, sum(n) FROM gone
        GROUP BY tenant_id, campaign_id, date_trunc(%(unit)s, minute), state, reason HAVING sum(n) <> 0
    )
    SELECT count(*) FROM gone
"""


def add_tallies(*, tenant_id: int, campaign_id: int | None, moves: Moves) -> None:
    """Write down how many messages moved, in the transaction that moved them."""
    rows = [(int(state), reason, n) for (state, reason), n in moves.items() if n]
    if rows:
        states, reasons, numbers = (list(column) for column in zip(*rows, strict=True))
        with connection.cursor() as cursor:
            cursor.execute(_INSERT, [tenant_id, campaign_id, states, reasons, numbers])


def fold_tallies() -> int:
    """Add up what was inserted: to a row per minute at first, per hour after two days. Returns the rows folded.

    Runs over all tenants as the operator. A sum never changes, and two at once fold each row only once.
    """
    by_minute = _fold(unit="minute", newest="0 seconds", oldest="3 hours")
    return by_minute + _fold(unit="hour", newest="2 days", oldest="4 days")


def _fold(*, unit: str, newest: str, oldest: str) -> int:
    with transaction.atomic(using="operator"), connections["operator"].cursor() as cursor:
        cursor.execute(_FOLD, {"unit": unit, "newest": newest, "oldest": oldest})
        (folded,) = cursor.fetchone()
    return int(folded)
