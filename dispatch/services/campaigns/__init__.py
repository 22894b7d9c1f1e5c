"""Campaigns: made, changed, approved, sent, paused, resumed and cancelled by people."""

from __future__ import annotations

from dispatch.services.campaigns.approval import approve_campaign, request_approval
from dispatch.services.campaigns.departure import send_campaign
from dispatch.services.campaigns.drafts import (
    EDITABLE,
    create_campaign,
    is_as_its_roster,
    prepare_campaign,
    update_draft,
)
from dispatch.services.campaigns.stopping import cancel_campaign, pause_campaign, resume_campaign
from dispatch.services.campaigns.survey import INLINE_ROWS

__all__ = [
    "EDITABLE",
    "INLINE_ROWS",
    "approve_campaign",
    "cancel_campaign",
    "create_campaign",
    "is_as_its_roster",
    "pause_campaign",
    "prepare_campaign",
    "request_approval",
    "resume_campaign",
    "send_campaign",
    "update_draft",
]
