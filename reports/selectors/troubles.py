"""What is wrong with the service at this moment, over all tenants, as the operator's role: no person's data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connections

from reports.models import IncidentKind

OPERATOR: Final = "operator"

_ACCOUNTS: Final = """
    SELECT 'account:' || a.id, a.name, rtrim(h.reason || ': ' || h.detail, ': ')
    FROM carriers_accounthealth h JOIN carriers_carrieraccount a ON a.id = h.account_id
    WHERE a.is_enabled AND NOT h.is_healthy
"""
_WORKERS: Final = """
    SELECT 'account:' || a.id, a.name, '' FROM carriers_carrieraccount a
    WHERE a.is_enabled AND a.created_at < %(now)s - interval '30 seconds' AND NOT EXISTS (
        SELECT 1 FROM carriers_carrierbind b WHERE b.account_id = a.id AND b.seen_at > %(now)s - interval '45 seconds')
"""
# Over when its carrier's calls are taken again and nobody was refused for a while; whoever knocks now and then makes one
# incident of it, not many.
_CALLS: Final = """
    SELECT 'account:' || a.id, a.name, c.reason
    FROM carriers_callrefusal c JOIN carriers_carrieraccount a ON a.id = c.account_id
    WHERE a.is_enabled AND c.refused_at > %(now)s - interval '1 day'
        AND (c.refused_at > %(now)s - interval '5 minutes' OR c.authentic_at IS NULL OR c.authentic_at <= c.refused_at)
"""
_RECEIPTS: Final = """
    SELECT 'account:' || a.id, a.name, (sum(t.delay_ms) / 1000 / sum(t.n))::int || ' s'
    FROM carriers_carriertally t JOIN carriers_carrieraccount a ON a.id = t.account_id
    WHERE t.kind = 'receipt' AND t.minute > %(now)s - interval '5 minutes'
    GROUP BY a.id, a.name HAVING sum(t.n) >= 20 AND sum(t.delay_ms) > sum(t.n) * 60000
"""
_BATCHES: Final = """
    SELECT 'batch:' || b.id, t.name, a.name || ': ' || b.error
    FROM dispatch_batch b JOIN tenants_tenant t ON t.id = b.tenant_id
    LEFT JOIN carriers_carrieraccount a ON a.id = b.account_id WHERE b.state = 5 ORDER BY b.id LIMIT 50
"""
_MESSAGES: Final = """
    SELECT 'tenant:' || t.id, t.name, sum(y.n)::text FROM dispatch_tally y JOIN tenants_tenant t ON t.id = y.tenant_id
    WHERE y.minute > %(now)s - interval '1 hour' AND y.reason = 'set_aside' AND y.n > 0 GROUP BY t.id, t.name
"""
_ROWS: Final = """
    SELECT 'campaign:' || c.id, t.name, c.set_aside_rows::text
    FROM dispatch_campaign c JOIN tenants_tenant t ON t.id = c.tenant_id
    WHERE c.set_aside_rows > 0 AND c.started_at > %(now)s - interval '1 day' ORDER BY c.id LIMIT 50
"""
_ROSTERS: Final = """
    SELECT 'roster:' || r.id, t.name, r.tries::text FROM recipients_roster r JOIN tenants_tenant t ON t.id = r.tenant_id
    WHERE r.state = 'failed' AND r.tries > 3 AND r.created_at > %(now)s - interval '1 day' ORDER BY r.id LIMIT 50
"""
_CAMPAIGNS: Final = """
    SELECT 'campaign:' || c.id, t.name, c.expand_tries::text
    FROM dispatch_campaign c JOIN tenants_tenant t ON t.id = c.tenant_id
    WHERE c.started_at IS NOT NULL AND NOT c.is_expanded AND c.expand_tries >= 3
        AND (c.expand_lease_until IS NULL OR c.expand_lease_until < %(now)s)
        AND c.state <> 'cancelled' ORDER BY c.id LIMIT 50
"""
_FOLLOW_UPS: Final = """
    SELECT 'tenant:' || t.id, t.name, count(*)::text FROM dispatch_followup f JOIN tenants_tenant t ON t.id = f.tenant_id
    WHERE f.tries >= 3 GROUP BY t.id, t.name
"""
_QUESTIONS: Final[Mapping[IncidentKind, str]] = {
    IncidentKind.ACCOUNT_SICK: _ACCOUNTS,
    IncidentKind.NO_CARRIER_WORKER: _WORKERS,
    IncidentKind.CALLS_REFUSED: _CALLS,
    IncidentKind.RECEIPTS_DELAYED: _RECEIPTS,
    IncidentKind.BATCH_STUCK: _BATCHES,
    IncidentKind.MESSAGE_SET_ASIDE: _MESSAGES,
    IncidentKind.ROWS_SET_ASIDE: _ROWS,
    IncidentKind.ROSTER_GIVEN_UP: _ROSTERS,
    IncidentKind.CAMPAIGN_GIVEN_UP: _CAMPAIGNS,
    IncidentKind.FOLLOW_UP_GIVEN_UP: _FOLLOW_UPS,
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong, with what it is about (``account:3``), that in words, and a figure or a cause."""

    kind: IncidentKind
    subject: str
    name: str
    detail: str


def troubles_now(*, now: datetime) -> list[Trouble]:
    """A fixed number of questions, each bounded."""
    found: list[Trouble] = []
    with connections[OPERATOR].cursor() as cursor:
        for kind, question in _QUESTIONS.items():
            cursor.execute(question, {"now": now})
            found += [_trouble(kind, *row) for row in cursor.fetchall()]
    return found


def _trouble(kind: IncidentKind, subject: str, name: str | None, detail: str | None) -> Trouble:
    return Trouble(kind, subject, (name or "")[:120], (detail or "")[:200])
