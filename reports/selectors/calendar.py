"""What goes out when."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from django.utils import timezone

from dispatch.models import Campaign, CampaignState
from reports.selectors.today import visible_campaigns
from tenants.actors import Actor

DAYS: Final = 31
SHOWN: Final = (
    CampaignState.DRAFT,
    CampaignState.APPROVED,
    CampaignState.SCHEDULED,
    CampaignState.SENDING,
    CampaignState.PAUSED,
    CampaignState.SENT,
    CampaignState.DONE,
)


@dataclass(frozen=True, slots=True)
class Day:
    """A day and what goes out on it, by time."""

    day: date
    campaigns: tuple[Campaign, ...]

    @property
    def people(self) -> int:
        return sum(campaign.sms_rows for campaign in self.campaigns)


def days_ahead(*, by: Actor, now: datetime) -> list[Day]:
    """Today and the days to come that have something planned, in their order; one query."""
    today = timezone.localdate(now)
    begin = timezone.make_aware(datetime.combine(today, time.min))
    found = visible_campaigns(by).filter(state__in=SHOWN, send_at__gte=begin, send_at__lt=begin + timedelta(days=DAYS))
    by_day: dict[date, list[Campaign]] = defaultdict(list, {today: []})
    for campaign in found.order_by("send_at", "id"):
        if campaign.send_at is not None:
            by_day[timezone.localdate(campaign.send_at)].append(campaign)
    return [Day(day=day, campaigns=tuple(campaigns)) for day, campaigns in sorted(by_day.items())]
