"""Counts kept in the transaction that moves messages: inserted, never updated, so that nobody waits for anybody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from psycopg import AsyncConnection

Moves = dict[tuple[int, int | None, int, str], int]
"""(tenant, campaign, state, reason) → how many messages entered (or, below zero, left) it."""

INSERT_MOVES: Final = """
INSERT INTO dispatch_tally (tenant_id, campaign_id, minute, state, reason, n)
SELECT u.tenant_id, u.campaign_id, date_trunc('minute', clock_timestamp()), u.state, u.reason, u.n
FROM unnest(%b::bigint[], %b::bigint[], %b::smallint[], %b::text[], %b::int[]) AS u (tenant_id, campaign_id, state, reason, n)
"""
INSERT_CARRIER: Final = """
INSERT INTO carriers_carriertally (account_id, minute, kind, code, n, delay_ms)
SELECT %s, date_trunc('minute', clock_timestamp()), u.kind, u.code, u.n, u.delay_ms
FROM unnest(%b::text[], %b::text[], %b::int[], %b::bigint[]) AS u (kind, code, n, delay_ms)
"""

CarrierCounts = dict[tuple[str, str], tuple[int, int]]
"""(kind, code) → (how many, milliseconds of delay in all)."""


async def write_moves(connection: AsyncConnection[Any], moves: Mapping[tuple[int, int | None, int, str], int]) -> None:
    rows = [(*key, n) for key, n in moves.items() if n]
    if rows:
        tenants, campaigns, states, reasons, numbers = (list(column) for column in zip(*rows, strict=True))
        await connection.execute(INSERT_MOVES, [tenants, campaigns, [int(s) for s in states], reasons, numbers])


async def write_carrier_counts(connection: AsyncConnection[Any], account_id: int, counts: CarrierCounts) -> None:
    if counts:
        kinds = [kind for kind, _ in counts]
        codes = [code for _, code in counts]
        numbers = [n for n, _ in counts.values()]
        delays = [delay for _, delay in counts.values()]
        await connection.execute(INSERT_CARRIER, [account_id, kinds, codes, numbers, delays])
