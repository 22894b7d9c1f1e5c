"""Before a mass send and before rights change, the factor is asked for again, and nothing typed is lost."""

from __future__ import annotations

import re
import time
from html import unescape
from typing import Any

import pytest
from django.test import Client

from dispatch.models import Campaign, CampaignState
from tenants.account.factors import PROOF
from tenants.models import ApiKey, Department, Invitation, Membership, Tenant
from tenants.permissions import Role
from tests import totp
from tests.conftest import Cast
from tests.factories.dispatch import make_account, make_campaign, make_roster, person

NEW = {"email": "new@acme.example", "name": '新人 "花子" <b>', "role": "staff", "department": ""}


@pytest.fixture
def stale(acme: Cast, signed_in: Any) -> Client:
    """The admin's browser, a while after the log-in."""
    browser: Client = signed_in(acme.users[Role.ADMIN])
    session = browser.session
    session[PROOF] = {**session[PROOF], "at": time.time() - 3600}
    session.save()
    return browser


def carried(page: str) -> dict[str, str]:
    """The hidden fields of the form that asks for the code."""
    form = page[page.index("factor_code") - 3000 :]
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form)
    return {name: unescape(value) for name, value in found if name not in {"csrfmiddlewaretoken", "next"}}


def code_of(cast: Cast) -> str:
    return totp.current_code(cast.totp_secrets[Role.ADMIN])


class TestChangesOfRights:
    def test_ask_first_and_go_on_with_what_was_typed(self, acme: Cast, stale: Client) -> None:
        page = stale.post("/settings/people", NEW).content.decode()
        assert 'name="factor_code"' in page
        with acme.scope():
            assert not Invitation.objects.exists()
        assert carried(page) == NEW

        response = stale.post("/settings/people", {**carried(page), "factor_code": code_of(acme)})

        assert response.status_code == 302
        with acme.scope():
            assert Invitation.objects.get().personal["name"] == NEW["name"]

    def test_a_wrong_code_changes_nothing_and_loses_nothing(self, acme: Cast, stale: Client) -> None:
        response = stale.post("/settings/people", {**NEW, "factor_code": "000000"})

        assert response.status_code == 422
        assert carried(response.content.decode()) == NEW
        with acme.scope():
            assert not Invitation.objects.exists()

    def test_no_code_at_all_is_asked_for(self, stale: Client) -> None:
        response = stale.post("/settings/people", {**NEW, "factor_code": ""})

        assert response.status_code == 422
        assert "確認コードを入力してください。" in response.content.decode()

    def test_the_only_field_is_not_called_optional(self, stale: Client) -> None:
        page = stale.post("/settings/people", NEW).content.decode()

        assert "※必須" in page
        assert "任意" not in page

    def test_a_proof_holds_for_a_while(self, acme: Cast, stale: Client) -> None:
        stale.post("/settings/people", {**NEW, "factor_code": code_of(acme)})

        assert stale.post("/settings/people", {**NEW, "email": "other@acme.example"}).status_code == 302

    def test_of_somebody_else_is_none(self, acme: Cast, globex: Cast, stale: Client) -> None:
        code = totp.current_code(globex.totp_secrets[Role.ADMIN])

        assert stale.post("/settings/people", {**NEW, "factor_code": code}).status_code == 422

    @pytest.mark.parametrize(
        "address",
        [
            "/settings/people",
            "/settings/people/give-role",
            "/settings/people/take-role",
            "/settings/people/move-role",
            "/settings/people/state",
            "/settings/keys",
            "/settings/networks",
            "/account/factors/app",
            "/account/factors/keys",
            "/account/factors/1/remove",
            "/account/factors/recovery-codes",
        ],
    )
    def test_each_of_them_asks(self, acme: Cast, stale: Client, address: str) -> None:
        with acme.scope():
            before = (Membership.objects.count(), ApiKey.objects.count(), Department.objects.count())

        response = stale.post(address, {"person": acme.users[Role.STAFF].pk, "role": "admin", "name": "x"})

        assert response.status_code == 200
        assert 'name="factor_code"' in response.content.decode()
        with acme.scope():
            assert (Membership.objects.count(), ApiKey.objects.count(), Department.objects.count()) == before

    def test_a_page_that_is_only_looked_at_asks_for_nothing(self, stale: Client) -> None:
        assert "factor_code" not in stale.get("/settings/people").content.decode()

    def test_asked_by_htmx_the_whole_page_asks(self, stale: Client) -> None:
        response = stale.post("/settings/people", NEW, headers={"HX-Request": "true"})

        assert response["HX-Retarget"] == "body"


class TestMassSend:
    @pytest.fixture
    def campaign(self, committed: None, acme: Cast, settings: Any) -> Campaign:
        """A draft of three texts."""
        settings.MASS_SEND_PEOPLE = 3
        make_account()
        with acme.scope():
            return make_campaign(acme, make_roster(acme, [person(row) for row in (1, 2, 3)]))

    def press(self, browser: Client, campaign: Campaign, **fields: str) -> Any:
        return browser.post(f"/campaigns/{campaign.public_id}/send", fields)

    def state(self, acme: Cast, campaign: Campaign) -> str:
        with acme.scope():
            return str(Campaign.objects.get(pk=campaign.pk).state)

    def test_asks_first_and_goes_on(self, acme: Cast, campaign: Campaign, stale: Client) -> None:
        assert 'name="factor_code"' in self.press(stale, campaign).content.decode()
        assert self.state(acme, campaign) == CampaignState.DRAFT

        response = self.press(stale, campaign, factor_code=code_of(acme))

        assert response.status_code == 302
        assert self.state(acme, campaign) == CampaignState.SENDING

    def test_of_a_wrong_code_sends_nothing(self, acme: Cast, campaign: Campaign, stale: Client) -> None:
        assert self.press(stale, campaign, factor_code="000000").status_code == 422

        assert self.state(acme, campaign) == CampaignState.DRAFT

    def test_to_fewer_people_asks_nothing(self, acme: Cast, campaign: Campaign, stale: Client, settings: Any) -> None:
        settings.MASS_SEND_PEOPLE = 4

        assert self.press(stale, campaign).status_code == 302
        assert self.state(acme, campaign) == CampaignState.SENDING

    def test_asks_whoever_approves_it_too(self, acme: Cast, campaign: Campaign, stale: Client) -> None:
        Tenant.objects.filter(pk=acme.tenant.pk).update(requires_approval=True)

        page = stale.post(f"/campaigns/{campaign.public_id}/approve").content.decode()

        assert 'name="factor_code"' in page
        assert self.state(acme, campaign) == CampaignState.DRAFT
