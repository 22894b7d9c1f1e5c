"""Campaigns and calls over the API (API.md)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from dispatch.models import Call, Campaign
from dispatch.services.expansion import expand_campaign
from dispatch.states import Status
from recipients.models import RosterProblem, Route
from tenants.models import Tenant
from tenants.permissions import Role
from tests.conftest import NOON, Cast
from tests.factories.dispatch import TEXT, make_account, make_campaign, make_roster, many, person

KEYS = {status.word for status in Status}


class Api:
    """JSON in and out, with one person's key."""

    def __init__(self, client: Any, cast: Cast, role: Role = Role.ADMIN) -> None:
        self._client, self._headers = client, {"authorization": f"Bearer {cast.keys[role]}"}

    def get(self, path: str, **query: str) -> Any:
        return self._client.get(f"/api/v1/{path}", query, headers=self._headers)

    def post(self, path: str, body: Any = None) -> Any:
        return self._client.post(
            f"/api/v1/{path}", body if body is not None else {}, "application/json", headers=self._headers
        )

    def patch(self, path: str, body: Any) -> Any:
        return self._client.patch(f"/api/v1/{path}", body, "application/json", headers=self._headers)


@pytest.fixture
def api(client: Any, committed: None, acme: Cast) -> Api:
    make_account()
    return Api(client, acme)


def roster_id(cast: Cast, people: list[dict[str, Any]] | None = None) -> str:
    with cast.scope():
        return str(make_roster(cast, people or [*many(2), person(3, route=Route.CALL, reason="age")]).public_id)


class TestCampaigns:
    def test_go_from_draft_to_sending(self, api: Api, acme: Cast) -> None:
        created = api.post("campaigns", {"name": "八月", "roster": roster_id(acme), "text": TEXT})

        assert created.status_code == 201
        draft = created.json()
        assert (draft["state"], draft["rows"], draft["parts"], draft["cost"]) == ("draft", 3, 2, 20)
        assert set(draft["counts"]) == KEYS
        sent = api.post(f"campaigns/{draft['id']}/send").json()
        assert sent["state"] == "sending"
        with acme.scope():
            campaign = Campaign.objects.get()
        expand_campaign(tenant_id=acme.tenant.pk, campaign_id=campaign.pk, now=NOON)
        shown = api.get(f"campaigns/{draft['id']}").json()
        assert shown["counts"] == {**dict.fromkeys(KEYS, 0), "queued": 2}
        assert shown["calls"] == {"open": 1, "done": 0}
        texts = api.get(f"campaigns/{draft['id']}/messages", state="queued").json()["results"]
        assert [one["to"] for one in texts] == ["+816010000001", "+816010000002"]
        assert api.get(f"campaigns/{draft['id']}/messages", state="delivered").json()["results"] == []

    def test_pause_resume_and_cancel(self, api: Api, acme: Cast) -> None:
        with acme.scope():
            campaign = make_campaign(acme, make_roster(acme, many(2)))
        path = f"campaigns/{campaign.public_id}"
        api.post(f"{path}/send")

        states = [api.post(f"{path}/{verb}").json()["state"] for verb in ("pause", "resume", "cancel", "cancel")]

        assert states == ["paused", "sending", "cancelled", "cancelled"]
        refused = api.post(f"{path}/resume")
        assert (refused.status_code, refused.json()["code"]) == (409, "wrong_state")

    def test_need_approval_where_the_tenant_wants_it(self, api: Api, acme: Cast, client: Any) -> None:
        with acme.scope():
            Tenant.objects.filter(pk=acme.tenant.pk).update(requires_approval=True)
            campaign = make_campaign(acme, make_roster(acme, many(1)), by=acme.admin)
        path = f"campaigns/{campaign.public_id}"

        refused, own = api.post(f"{path}/send"), api.post(f"{path}/approve")
        approved = Api(client, acme, Role.APPROVER).post(f"{path}/approve")
        sent = api.post(f"{path}/send")

        assert (refused.status_code, refused.json()["code"]) == (409, "approval_required")
        assert (own.status_code, own.json()["code"]) == (403, "own_campaign")
        assert approved.json()["state"] == "approved"
        assert sent.json()["state"] == "sending"

    def test_name_the_problems_that_wait(self, api: Api, acme: Cast) -> None:
        with acme.scope():
            campaign = make_campaign(acme, make_roster(acme, many(1)))
            RosterProblem.objects.create(roster=campaign.roster, code="same_file", needs="confirm")

        refused = api.post(f"campaigns/{campaign.public_id}/send")

        assert refused.status_code == 409
        assert refused.json()["code"] == "needs_confirmation"
        assert refused.json()["fields"] == {"codes": ["same_file"]}

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"text": "{{住所}}"}, "text"),
            ({"text": " "}, "text"),
            ({"text": TEXT, "template": str(uuid4())}, "text"),
            ({"text": TEXT, "roster": str(uuid4())}, "roster"),
            ({"text": TEXT, "roster": "x"}, "roster"),
            ({"text": TEXT, "policy": "maybe"}, "policy"),
            ({"text": TEXT, "send_at": "2020-01-01T00:00:00+09:00"}, "send_at"),
            ({"template": str(uuid4())}, "template"),
        ],
    )
    def test_refuse_with_a_sentence_at_the_field(
        self, api: Api, acme: Cast, changes: dict[str, Any], field: str
    ) -> None:
        refused = api.post("campaigns", {"name": "x", "roster": roster_id(acme), **changes})

        assert refused.status_code == 400
        assert list(refused.json()["fields"]) == [field]
        with acme.scope():
            assert Campaign.objects.count() == 0

    def test_of_another_tenant_do_not_exist(self, api: Api, globex: Cast) -> None:
        with globex.scope():
            campaign = make_campaign(globex, make_roster(globex, many(1)))
        path = f"campaigns/{campaign.public_id}"

        answers = [api.get(path), api.get(f"{path}/messages"), api.post(f"{path}/send"), api.post(f"{path}/cancel")]

        assert {answer.status_code for answer in answers} == {404}
        assert api.get("campaigns").json()["results"] == []

    def test_are_not_made_by_viewers(self, acme: Cast, api: Api, client: Any) -> None:
        viewer = Api(client, acme, Role.VIEWER)

        assert viewer.post("campaigns", {"roster": roster_id(acme), "text": TEXT}).status_code == 403
        assert viewer.get("campaigns").status_code == 200


class TestCalls:
    @pytest.fixture
    def call(self, api: Api, acme: Cast) -> Call:
        with acme.scope():
            campaign = make_campaign(acme, make_roster(acme, [person(1, route=Route.CALL, reason="no_consent")]))
        api.post(f"campaigns/{campaign.public_id}/send")
        expand_campaign(tenant_id=acme.tenant.pk, campaign_id=campaign.pk, now=NOON)
        with acme.scope():
            found: Call = Call.objects.select_related("campaign").get()
        return found

    def test_are_listed_and_closed(self, api: Api, call: Call) -> None:
        (listed,) = api.get("calls", campaign=str(call.campaign.public_id), state="open").json()["results"]
        tried = api.patch(f"calls/{call.public_id}", {"outcome": "no_answer"}).json()
        closed = api.patch(f"calls/{call.public_id}", {"outcome": "reached", "note": "了解された"}).json()

        assert (listed["reason"], listed["phone"], listed["state"]) == ("no_consent", "+816010000001", "open")
        assert (tried["state"], closed["state"]) == ("open", "done")
        assert [attempt["outcome"] for attempt in closed["attempts"]] == ["no_answer", "reached"]
        assert closed["attempts"][1]["note"] == "了解された"
        assert api.get("calls", state="open").json()["results"] == []

    def test_refuse_a_second_end(self, api: Api, call: Call) -> None:
        api.patch(f"calls/{call.public_id}", {"outcome": "reached"})

        refused = api.patch(f"calls/{call.public_id}", {"outcome": "visit"})

        assert (refused.status_code, refused.json()["code"]) == (409, "call_closed")

    @pytest.mark.parametrize("body", [{}, {"outcome": "received"}, {"outcome": "closed"}])
    def test_refuse_an_outcome_that_is_none(self, api: Api, call: Call, body: dict[str, str]) -> None:
        assert api.patch(f"calls/{call.public_id}", body).status_code == 400

    def test_filter_by_reason(self, api: Api, call: Call) -> None:
        assert len(api.get("calls", reason="no_consent").json()["results"]) == 1
        assert api.get("calls", reason="age").json()["results"] == []
        assert api.get("calls", state="maybe").status_code == 400
        assert api.get("calls", campaign="x").status_code == 400
