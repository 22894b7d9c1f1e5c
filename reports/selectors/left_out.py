"""Why somebody got no text though they stand on a roster: what the roster or a campaign set aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dispatch.models import Campaign, Message, SkippedRow
from dispatch.selectors.skipped import skipped_rows
from dispatch.services.repeats import is_same_text
from recipients.models import Recipient, Route
from recipients.routing_rules import Reason
from tenants.actors import Actor

# The person's other row on the same roster tells what became of them.
_TOLD_ELSEWHERE: Final = frozenset({str(Reason.DUPLICATE)})


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row without a text and without a call, with what decided that."""

    at: datetime
    source: str  # the name of the campaign, or of the roster
    is_of_campaign: bool
    reason: str
    detail: str = ""
    same_as_row: int | None = None  # the row of the sheet that got these words at this number
    had_at: datetime | None = None  # when the person was sent the same text


def left_out_of(rows: Sequence[Recipient], messages: Sequence[Message], *, by: Actor) -> tuple[LeftOut, ...]:
    """Of one person's rows and texts, newest first."""
    by_campaigns = [_by_campaign(skip, messages) for skip in skipped_rows([row.pk for row in rows], by=by)]
    by_rosters = [
        LeftOut(
            at=row.roster.created_at,
            source=row.roster.name,
            is_of_campaign=False,
            reason=row.reason,
            detail=str(row.personal.get("detail") or ""),
        )
        for row in rows
        if row.route == Route.SKIP and row.reason not in _TOLD_ELSEWHERE
    ]
    return tuple(sorted([*by_campaigns, *by_rosters], key=lambda one: one.at, reverse=True))


def _by_campaign(skip: SkippedRow, messages: Sequence[Message]) -> LeftOut:
    campaign: Campaign = skip.campaign
    at = campaign.started_at or campaign.created_at
    return LeftOut(
        at=at,
        source=campaign.name,
        is_of_campaign=True,
        reason=skip.reason,
        same_as_row=campaign.roster.sheet_rows.of(skip.same_as_row) if skip.same_as_row else None,
        had_at=None if skip.same_as_row else _when_had(campaign, messages, before=at),
    )


def _when_had(campaign: Campaign, messages: Sequence[Message], *, before: datetime) -> datetime | None:
    """When the latest text with the same words, of a campaign that began earlier, was sent; None where none is seen."""
    had = [
        message.accepted_at or message.created_at
        for message in messages
        if (other := message.campaign) is not None
        and other.pk != campaign.pk
        and (other.started_at or other.created_at) <= before
        and is_same_text(other, campaign)
    ]
    return max(had, default=None)
