"""What a campaign would send: every text rendered and counted, none kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dispatch.models import Campaign
from dispatch.services.recipient_rows import chunks_of, late_rules, roster_headers
from dispatch.services.wording import Unrenderable, Wording
from recipients.models import Route
from tenants.models import Tenant

INLINE_ROWS: Final = 20_000
"""Up to here (about 0.4 s) a draft is counted while the person waits; beyond, a task does it."""
CHUNK: Final = 5_000


@dataclass(frozen=True, slots=True)
class Survey:
    """``texts`` people would get a text of ``parts`` billed parts in all; ``late_calls`` have become calls since."""

    texts: int
    late_calls: int
    parts: int


def survey(campaign: Campaign, *, tenant: Tenant) -> Survey:
    """Render and count. Needs the tenant's scope; 15 µs a row."""
    wording = Wording(campaign.text, headers=roster_headers(campaign.roster), ladder=tenant.ladder)
    rules = late_rules(campaign, tenant=tenant)
    texts = late_calls = parts = 0
    for rows in chunks_of(campaign, limit=CHUNK):
        for row in rows:
            if row.route != Route.SMS:
                continue
            if rules.reason_to_call(row) or row.fields is None:
                late_calls += 1
                continue
            try:
                parts += wording.billed_parts(wording.render(row.fields["cells"]))
            except Unrenderable:
                late_calls += 1
                continue
            texts += 1
    return Survey(texts=texts, late_calls=late_calls, parts=parts)
