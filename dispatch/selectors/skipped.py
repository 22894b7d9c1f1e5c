"""Rows of a campaign that got no text though their roster wanted one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _

from dispatch.labels import reason_word
from dispatch.models import Campaign, SkippedRow
from tenants.actors import Actor
from tenants.selectors import seen_by

MOST_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class ShownSkip:
    row: int
    name: str
    reason: str
    sentence: str


def skipped_rows(recipient_ids: Sequence[int], *, by: Actor) -> list[SkippedRow]:
    """Which campaigns that ``by`` sees set these rows of rosters aside, the newest campaign first."""
    found = SkippedRow.objects.filter(seen_by(by, "campaign"), recipient_id__in=recipient_ids)
    found = found.order_by("-campaign__created_at")
    return list(found.select_related("campaign__roster", "campaign__template_version", "recipient"))


def skipped_of(campaign: Campaign) -> list[ShownSkip]:
    """In the order of the roster, at most ``MOST_SHOWN``; the campaign itself knows how many there are."""
    if not campaign.late_skip_rows:
        return []
    found = SkippedRow.objects.filter(campaign=campaign).select_related("recipient").order_by("row")[:MOST_SHOWN]
    numbers = campaign.roster.sheet_rows
    return [
        ShownSkip(
            row=numbers.of(each.row),
            name=str(each.recipient.personal.get("name") or ""),
            reason=reason_word(each.reason),
            sentence=_("%(row)s行目の人への1通と、番号も文も同じです。") % {"row": numbers.of(each.same_as_row)}
            if each.same_as_row
            else _("同じ文面を受け取ったばかりです。"),
        )
        for each in found
    ]
