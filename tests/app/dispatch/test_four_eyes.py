"""Four eyes over a real roster: who changed its rows does not approve them, and new keys take no approval back."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from dispatch.models import Campaign, CampaignState
from dispatch.services.campaigns import approve_campaign, send_campaign
from dispatch.services.campaigns.approval import is_approval_valid
from dispatch.services.errors import OwnCampaign
from recipients.models import Recipient, Roster
from recipients.services import mend_row, read_roster, upload_roster
from tenants import rotation
from tenants.models import Tenant
from tenants.permissions import Role
from tests.conftest import Cast
from tests.factories.dispatch import make_account, make_campaign

pytestmark = pytest.mark.usefixtures("committed", "enqueued")


@pytest.fixture
def draft(acme: Cast) -> Campaign:
    """Of acme's staff, over a file that was read."""
    make_account()
    lines = ["管理番号,氏名,電話番号,SMS同意", *(f"R-{row},患者{row},0601000{row:04d},有" for row in range(1, 6))]
    with acme.scope():
        Tenant.objects.filter(pk=acme.tenant.pk).update(requires_approval=True)
        roster = upload_roster(
            data="\n".join(lines).encode(),
            file_name="a.csv",
            department=acme.department,
            by=acme.staff,
            now=timezone.now(),
        )
    read_roster(tenant_id=acme.tenant.pk, roster_id=roster.pk, now=timezone.now())
    with acme.scope():
        return make_campaign(
            acme, Roster.objects.get(pk=roster.pk), text="{{氏名|様}} お知らせです", now=timezone.now()
        )


class TestWhoeverChangedARow:
    def test_does_not_approve_it(self, acme: Cast, draft: Campaign) -> None:
        with acme.scope():
            mend_row(roster=draft.roster, row=2, fields={"phone": "06099990001"}, by=acme.approver, now=timezone.now())
            with pytest.raises(OwnCampaign):
                approve_campaign(campaign=draft, by=acme.approver, now=timezone.now())

            approve_campaign(campaign=draft, by=acme.admin, now=timezone.now())

    def test_nor_by_a_key_of_theirs(self, acme: Cast, draft: Campaign) -> None:
        bearer = {"Authorization": f"Bearer {acme.keys[Role.APPROVER]}"}
        with acme.scope():
            mend_row(roster=draft.roster, row=2, fields={"phone": "06099990001"}, by=acme.approver, now=timezone.now())

        refused = Client().post(f"/api/v1/campaigns/{draft.public_id}/approve", headers=bearer)

        assert (refused.status_code, refused.json()["code"]) == (403, "own_campaign")
        with acme.scope():
            assert Campaign.objects.get().state == CampaignState.DRAFT

    def test_before_the_draft_was_made_may_approve_it(self, acme: Cast, draft: Campaign) -> None:
        """Whoever made the draft has looked at that row."""
        with acme.scope():
            mend_row(roster=draft.roster, row=2, fields={"phone": "06099990001"}, by=acme.approver, now=timezone.now())
            later = make_campaign(
                acme, Roster.objects.get(pk=draft.roster_id), text="{{氏名|様}} お知らせです", now=timezone.now()
            )

            assert approve_campaign(campaign=later, by=acme.approver, now=timezone.now()).approved_at


class TestApproval:
    @pytest.fixture(autouse=True)
    def _approved(self, acme: Cast, draft: Campaign) -> None:
        with acme.scope():
            approve_campaign(campaign=draft, by=acme.approver, now=timezone.now())

    def test_outlives_a_rotation_of_the_keys(self, acme: Cast, draft: Campaign) -> None:
        before = self.blobs(acme)
        rotation.begin(tenant_id=acme.tenant.pk, grace_s=0)
        rotation.reseal(tenant_id=acme.tenant.pk)

        assert not set(self.blobs(acme)) & set(before)
        with acme.scope():
            sent = send_campaign(campaign=Campaign.objects.get(), by=acme.staff, now=timezone.now())
            assert sent.state == CampaignState.SENDING

    def test_covers_every_row_at_its_place(self, acme: Cast, draft: Campaign) -> None:
        """Two blobs that change places open as before; what they say of rows 1 and 2 does not stay the same."""
        with acme.scope():
            first, second = Recipient.objects.order_by("row")[:2]
            Recipient.objects.filter(pk=first.pk).update(sealed=bytes(second.sealed))
            Recipient.objects.filter(pk=second.pk).update(sealed=bytes(first.sealed))

            assert not is_approval_valid(Campaign.objects.select_related("roster").get())

    def blobs(self, cast: Cast) -> list[Any]:
        with cast.scope():
            return [bytes(blob) for blob in Recipient.objects.values_list("sealed", flat=True)]
