"""What a campaign would send: every text rendered and counted, none kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from dispatch.models import Campaign
from dispatch.services.recipient_rows import chunks_of, late_rules, roster_headers
from dispatch.services.repeats import same_texts
from dispatch.services.wording import Unrenderable, Wording
from recipients.models import Route
from recipients.routing_rules import Reason
from tenants.models import Tenant

INLINE_ROWS: Final = 20_000
"""Up to here (about 0.3 s) a draft is counted while the person waits; beyond, a task does it."""
CHUNK: Final = 2_000


@dataclass(frozen=True, slots=True)
class Survey:
    """``texts`` people would get a text of ``parts`` billed parts in all; ``late_calls`` have become calls since, and
    ``late_skips`` (reason → people) have the same words already.

    ``holes`` of the texts lack a word, since a cell is empty. ``rows`` of the roster were looked at.
    """

    rows: int = 0
    texts: int = 0
    late_calls: int = 0
    late_skips: Mapping[str, int] = field(default_factory=dict)
    parts: int = 0
    holes: int = 0


def survey(campaign: Campaign, *, tenant: Tenant, limit: int | None = None) -> Survey:
    """Render and count, at most about ``limit`` rows. Needs the tenant's scope; 10 µs a row."""
    wording = Wording(campaign.text, headers=roster_headers(campaign.roster), ladder=tenant.ladder)
    rules, same = late_rules(campaign, tenant=tenant), same_texts(campaign)
    late_skips: Counter[str] = Counter()
    seen = texts = late_calls = parts = holes = 0
    for rows in chunks_of(campaign, limit=CHUNK):
        for row in rows:
            seen += 1
            if row.route != Route.SMS:
                continue
            try:
                if rules.reason_to_call(row) or row.fields is None:
                    raise Unrenderable
                cells = row.fields["cells"]
                reason = rules.reason_to_skip(row)
                text = "" if reason else wording.render(cells)
                if reason or same.earlier_row(row.row, row.phone_hash, text) is not None:
                    late_skips[reason or str(Reason.DUPLICATE)] += 1
                    continue
                parts += wording.billed_parts(text)
            except Unrenderable:
                late_calls += 1
                continue
            texts += 1
            holes += wording.has_hole(cells)
        if limit is not None and seen >= limit:
            break
    return Survey(seen, texts, late_calls, dict(late_skips), parts, holes)
