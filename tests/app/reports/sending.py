"""A campaign that went out, for the pages that tell of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from carriers.models import StoredReceipt
from dispatch.models import Campaign, Message
from dispatch.services.campaigns import send_campaign
from dispatch.services.expansion import expand_campaign
from dispatch.services.tallies import add_tallies
from dispatch.states import Status
from tenants import keys
from tests.conftest import NOON, Cast
from tests.factories.dispatch import make_campaign, make_roster

RAW = b"\x00\x00id:ab1 sub:001 dlvrd:001 submit date:2208151200 done date:2208151201 stat:DELIVRD err:000"


def sent_campaign(cast: Cast, people: list[dict[str, Any]], **changes: Any) -> Campaign:
    """Sent and expanded; its texts are queued."""
    with cast.scope():
        campaign = make_campaign(cast, make_roster(cast, people), **changes)
        campaign = send_campaign(campaign=campaign, by=cast.staff, now=NOON)
    expand_campaign(tenant_id=cast.tenant.pk, campaign_id=campaign.pk, now=NOON)
    return campaign


def deliver(cast: Cast, message: Message, *, status: Status = Status.DELIVERED, reason: str = "") -> None:
    """As the pump and the carrier's receipt leave it, four seconds later."""
    accepted_at = message.created_at + timedelta(seconds=1)
    with cast.scope():
        Message.objects.filter(pk=message.pk).update(
            state=status,
            carrier_id=f"ab{message.pk}",
            accepted_at=accepted_at,
            final_at=accepted_at + timedelta(seconds=4),
            reason=reason or None,
        )
        add_tallies(
            tenant_id=cast.tenant.pk,
            campaign_id=message.campaign_id,
            moves={(Status.QUEUED, ""): -1, (status, reason): 1},
        )
    StoredReceipt.objects.using("carrier").create(
        account_id=message.account_id,
        carrier_id=f"ab{message.pk}",
        status=status.word,
        code="000",
        reason=reason,
        received_at=accepted_at + timedelta(seconds=4),
        sealed=keys.service().seal("carriers_storedreceipt", RAW),
        tenant_id=cast.tenant.pk,
        message_id=message.pk,
    )
