"""A roster stands still while an approved or started campaign rests on it."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from dispatch.models import Campaign, CampaignState
from recipients.models import Roster

RESTING = Q(state__in=[CampaignState.APPROVED, CampaignState.SCHEDULED]) | Q(started_at__isnull=False)


def freeze_roster(campaign: Campaign, *, now: datetime) -> Roster:
    """Lock the roster's row, so that a mending that is under way ends first, and freeze it."""
    roster: Roster = Roster.objects.select_for_update(no_key=True).get(pk=campaign.roster_id)
    if roster.frozen_at is None:
        roster.frozen_at = now
        roster.save(update_fields=["frozen_at"])
    campaign.roster = roster
    return roster


def thaw_roster(campaign: Campaign) -> None:
    """Let people mend the roster again, unless another campaign rests on it."""
    if not Campaign.objects.filter(RESTING, roster_id=campaign.roster_id).exists():
        Roster.objects.filter(pk=campaign.roster_id).update(frozen_at=None)
