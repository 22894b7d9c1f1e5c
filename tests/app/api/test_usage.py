"""What a month cost, over the API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from dispatch.models import Campaign, Message
from dispatch.services.messages import Draft, send_message
from tenants.permissions import Role
from tests.app.api.test_keys import bearer
from tests.conftest import NOON, Cast
from tests.factories.dispatch import make_account, make_campaign, make_roster, many

LAST_OF_JULY = datetime(2022, 7, 31, 14, 59, tzinfo=UTC)  # a minute before August in Japan


@pytest.fixture(autouse=True)
def _carrier(committed: None, enqueued: Any) -> None:
    make_account()


def usage(client: Any, cast: Cast, month: str = "2022-08", role: Role = Role.ADMIN) -> Any:
    return client.get(f"/api/v1/usage?month={month}", headers=bearer(cast, role))


def start_campaign(cast: Cast, at: datetime, people: int = 3) -> None:
    with cast.scope():
        campaign = make_campaign(cast, make_roster(cast, many(people)))
        Campaign.objects.filter(pk=campaign.pk).update(started_at=at)


class TestUsage:
    def test_adds_up_campaigns_and_single_texts(self, acme: Cast, globex: Cast, client: Any) -> None:
        start_campaign(acme, NOON)
        start_campaign(globex, NOON, people=5)
        with acme.scope():
            public_id = send_message(draft=Draft(to="06010000009", text="あ" * 100), by=acme.admin, now=NOON)
            Message.objects.filter(public_id=public_id).update(created_at=NOON)

        answer = usage(client, acme).json()

        assert (answer["month"], answer["messages"], answer["parts"], answer["cost"]) == ("2022-08", 4, 5, 50)
        assert [one["messages"] for one in answer["departments"]] == [1, 3]
        assert [one["department"] for one in answer["departments"]] == [None, str(acme.department.public_id)]

    def test_ends_a_month_at_midnight_in_japan(self, acme: Cast, client: Any) -> None:
        start_campaign(acme, LAST_OF_JULY)

        assert [usage(client, acme, month).json()["messages"] for month in ("2022-07", "2022-08")] == [3, 0]

    @pytest.mark.parametrize("month", ["", "2022", "2022-13", "2022-8", "0000-01", "2022-08-01"])
    def test_refuses_what_is_no_month(self, acme: Cast, client: Any, month: str) -> None:
        assert usage(client, acme, month).status_code == 400

    def test_takes_december(self, acme: Cast, client: Any) -> None:
        start_campaign(acme, datetime(2022, 12, 31, 14, 0, tzinfo=UTC))

        assert usage(client, acme, "2022-12").json()["messages"] == 3

    def test_is_nothing_for_staff(self, acme: Cast, client: Any) -> None:
        assert usage(client, acme, role=Role.STAFF).status_code == 403
