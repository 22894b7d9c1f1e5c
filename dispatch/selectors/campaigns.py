"""Which campaigns a person sees, and how one is told to other systems."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.db.models import QuerySet
from django.utils import timezone

from dispatch.models import Campaign, Message, Priority
from dispatch.selectors.progress import Progress, progress_of
from dispatch.states import Status
from tenants.actors import Actor
from tenants.selectors import seen_by

MILLICENTS_PER_YEN: Final = 100_000


def visible_campaigns(by: Actor) -> QuerySet[Campaign]:
    """The campaigns of the departments that this person sees, newest first."""
    found = Campaign.objects.select_related("roster", "department").order_by("-created_at", "-pk")
    return found.filter(seen_by(by))


def messages_of(campaign: Campaign, *, state: str = "") -> QuerySet[Message]:
    """In the order of the roster. A message that is being sent is stored as queued. Raises ``ValueError``."""
    found = Message.objects.select_related("campaign").filter(campaign=campaign).order_by("recipient_id")
    if state:
        stored = Status.QUEUED if state == Status.SENDING.word else _status_named(state)
        found = found.filter(state=stored)
    return found


def _status_named(word: str) -> Status:
    found = next((status for status in Status if status.word == word), None)
    if found is None:
        raise ValueError(word)
    return found


def yen(millicents: int) -> int | float:
    """A whole number of yen as an integer."""
    whole, rest = divmod(millicents, MILLICENTS_PER_YEN)
    return whole if not rest else millicents / MILLICENTS_PER_YEN


def api_campaign(campaign: Campaign, progress: Progress | None = None) -> dict[str, Any]:
    """The shape of ``GET /campaigns/{id}`` (API.md); ``cost`` is in yen."""
    progress = progress or progress_of(campaign)
    return {
        "id": str(campaign.public_id),
        "name": campaign.name,
        "state": campaign.state,
        "roster": str(campaign.roster.public_id),
        "department": str(campaign.department.public_id) if campaign.department else None,
        "text": campaign.text,
        "policy": campaign.policy,
        "priority": Priority(campaign.priority).name.lower(),
        "send_at": iso(campaign.send_at),
        "created_at": iso(campaign.created_at),
        "started_at": iso(campaign.started_at),
        "rows": campaign.rows,
        "routes": {
            "sms": campaign.sms_rows,
            "call": campaign.call_rows,
            "error": campaign.error_rows,
            "skip": campaign.skip_rows,
        },
        "late_skips": campaign.late_skip_rows,
        "counts": dict(progress.counts),
        "calls": {"open": progress.calls_open, "done": progress.calls_done},
        "parts": campaign.parts,
        "cost": yen(campaign.cost_millicents),
    }


def iso(at: datetime | None) -> str | None:
    return timezone.localtime(at).isoformat() if at is not None else None
