"""Four eyes: an approval is bound to the text and to every row of the roster; whatever changes takes it back."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext as _

from dispatch.models import Campaign, CampaignState
from dispatch.services.campaigns.drafts import EDITABLE, prepare_campaign
from dispatch.services.campaigns.freezing import freeze_roster
from dispatch.services.campaigns.problems import must_be_confirmed
from dispatch.services.errors import OwnCampaign, WrongState
from recipients.models import Recipient
from tenants.actors import Actor
from tenants.keys import ring
from tenants.models import AuditEvent
from tenants.permissions import Permission
from tenants.services import record

_ROWS: Final = """
    SELECT row, route, sealed FROM recipients_recipient WHERE tenant_id = %s AND roster_id = %s ORDER BY row
"""
_FETCHED: Final = 5_000
_CHANGES_OF_ROSTER: Final = ("roster.row_mended", "roster.mapping_changed")


def request_approval(*, campaign: Campaign, by: Actor, now: datetime) -> Campaign:
    """Show the draft to the approvers. Raises ``NotAllowed``, ``NeedsConfirmation`` or ``WrongState``."""
    by.must(Permission.EDIT_CAMPAIGNS, department_id=campaign.department_id)
    must_be_confirmed(campaign)
    if not Campaign.objects.filter(pk=campaign.pk, state=CampaignState.DRAFT).update(approval_asked_at=now):
        raise WrongState(_("この配信は下書きではないため、承認を依頼できません。"))
    campaign.approval_asked_at = now
    _record("campaign.approval_asked", campaign, by=by, now=now)
    return campaign


def approve_campaign(*, campaign: Campaign, by: Actor, now: datetime) -> Campaign:
    """Approve text and recipients as they stand now. A second approval of the same changes nothing.

    Raises ``NotAllowed``, ``OwnCampaign`` for whoever made or changed the draft or its rows, ``NeedsConfirmation`` or
    ``WrongState``.
    """
    by.must(Permission.APPROVE, department_id=campaign.department_id)
    must_be_confirmed(campaign)
    freeze_roster(campaign, now=now)
    if has_written(campaign, by):  # asked behind the roster's lock, so that no row of theirs slips in afterwards
        raise OwnCampaign
    prepare_campaign(campaign=campaign)
    digest = approval_hash(campaign)
    if campaign.state == CampaignState.APPROVED and bytes(campaign.approval_hash or b"") == digest:
        return campaign
    fields = {
        "state": CampaignState.APPROVED,
        "approval_hash": digest,
        "approved_by_id": by.user_id,
        "approved_at": now,
    }
    # Compared behind the row's lock: an edit that another person makes meanwhile is not approved with the rest.
    locked = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    is_same = locked.text == campaign.text and locked.state in EDITABLE
    if not is_same or not Campaign.objects.filter(pk=campaign.pk, state__in=EDITABLE).update(**fields):
        raise WrongState(_("この配信は承認できる状態ではありません。ページを開き直してください。"))
    for name, value in fields.items():
        setattr(campaign, name, value)
    _record("campaign.approved", campaign, by=by, now=now)
    return campaign


def is_approval_valid(campaign: Campaign) -> bool:
    """Whether text and recipients are still those that were approved."""
    return campaign.approval_hash is not None and bytes(campaign.approval_hash) == approval_hash(campaign)


def approval_hash(campaign: Campaign) -> bytes:
    """A keyed hash of the text and of every row in its order (0.5 s for 100,000 rows).

    Of what the rows say, not of their blobs: these are sealed anew when the tenant's key is rotated.
    """
    words = "\x00".join((campaign.text, campaign.policy, campaign.as_of.isoformat()))
    return ring().hash("approval", words.encode() + b"\x00" + _rows_digest(campaign))


def _rows_digest(campaign: Campaign) -> bytes:
    digest, opened, table = hashlib.sha256(), ring().open, Recipient._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, [campaign.tenant_id, campaign.roster_id])
        while rows := cursor.fetchmany(_FETCHED):
            for row, route, sealed in rows:
                said = opened(table, sealed)
                digest.update(b"%d %d %d\x00" % (row, route, len(said)))
                digest.update(said)
    return digest.digest()


def has_written(campaign: Campaign, by: Actor) -> bool:
    """Whether this person made or changed the draft, or rows of it since: four eyes means another pair."""
    if campaign.created_by_id == by.user_id:
        return True
    theirs = AuditEvent.objects.filter(at__gte=campaign.created_at, user_id=by.user_id)
    return theirs.filter(
        Q(action="campaign.changed", object_id=str(campaign.public_id))
        | Q(action__in=_CHANGES_OF_ROSTER, object_id=str(campaign.roster.public_id))
    ).exists()


def _record(action: str, campaign: Campaign, *, by: Actor, now: datetime) -> None:
    record(
        action=action,
        by=by,
        now=now,
        kind="campaign",
        object_id=str(campaign.public_id),
        department_id=campaign.department_id,
    )
