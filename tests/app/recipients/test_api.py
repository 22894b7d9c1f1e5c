"""Rosters and opt-outs over the API (API.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, override_settings

from recipients.models import Roster
from recipients.services import read_roster
from tenants.models import Department
from tenants.permissions import Role
from tenants.services import issue_api_key
from tests.app.recipients.conftest import DATA, make_csv, person
from tests.conftest import NOON, Cast

Upload = Callable[..., Roster]


class Api:
    """A client with somebody's key."""

    def __init__(self, key: str) -> None:
        self._client = Client(headers={"Authorization": f"Bearer {key}"})

    def get(self, path: str, **query: str) -> Any:
        return self._client.get(f"/api/v1{path}", query)

    def send(self, method: str, path: str, body: Any) -> Any:
        return self._client.generic(method, f"/api/v1{path}", orjson.dumps(body), content_type="application/json")

    def upload(self, data: bytes, **fields: str) -> Any:
        return self._client.post("/api/v1/rosters", {"file": SimpleUploadedFile("名簿.csv", data), **fields})

    def post_form(self, fields: dict[str, str]) -> Any:
        return self._client.post("/api/v1/rosters", fields)


@pytest.fixture
def staff(acme: Cast, enqueued: list[Any]) -> Api:
    return Api(acme.keys[Role.STAFF])


class TestRosters:
    @override_settings(DEMO_TODAY=NOON.date())
    def test_takes_a_file_and_tells_what_became_of_it(self, acme: Cast, staff: Api) -> None:
        created = staff.upload((DATA / "roster-release.csv").read_bytes(), name="8月15日")
        assert created.status_code == 202
        assert created.json()["state"] == "reading"
        path = f"/rosters/{created.json()['id']}"
        with acme.scope():
            roster = Roster.objects.get(public_id=created.json()["id"])
        read_roster(tenant_id=acme.tenant.pk, roster_id=roster.pk, now=NOON)

        body = staff.get(path).json()

        assert (body["state"], body["rows"], body["name"]) == ("ready", 983, "8月15日")
        assert body["counts"] == {"sms": 510, "call": 450, "error": 23, "skip": 0}
        assert body["mapping"]["phone"] == "電話番号"
        assert all({"code", "message", "needs"} <= set(problem) for problem in body["problems"])

    def test_says_in_words_why_a_file_could_not_be_read(self, acme: Cast, staff: Api, uploaded: Upload) -> None:
        roster = uploaded(data=b"%PDF-1.7")

        body = staff.get(f"/rosters/{roster.public_id}").json()

        assert (body["state"], body["problems"][0]["code"]) == ("failed", "not_a_table")
        assert "PDF" in body["problems"][0]["message"]

    def test_refuses_a_post_without_a_file(self, acme: Cast, staff: Api) -> None:
        answer = staff.post_form({"name": "x"})

        assert (answer.status_code, answer.json()["code"]) == (400, "no_file")

    @pytest.mark.parametrize("mapping", ["{", "[1]", '{"phone": 1}'])
    def test_refuses_a_mapping_that_is_none(self, acme: Cast, staff: Api, mapping: str) -> None:
        answer = staff.upload(make_csv(person(1)), mapping=mapping)

        assert answer.status_code == 400
        with acme.scope():
            assert not Roster.objects.exists()

    def test_says_which_column_of_a_mapping_is_not_there(self, acme: Cast, staff: Api) -> None:
        created = staff.upload(make_csv(person(1)), mapping='{"phone": "携帯"}').json()
        with acme.scope():
            roster = Roster.objects.get(public_id=created["id"])
        read_roster(tenant_id=acme.tenant.pk, roster_id=roster.pk, now=NOON)

        body = staff.get(f"/rosters/{created['id']}").json()

        assert (body["state"], body["problems"][0]["code"]) == ("failed", "unknown_column")

    def test_hides_rosters_of_other_tenants_and_departments(self, acme: Cast, globex: Cast, uploaded: Upload) -> None:
        theirs = uploaded(person(1), cast=globex)
        with acme.scope():
            other = Department.objects.create(name="別の課")
            key = issue_api_key(
                owner=acme.users[Role.STAFF], name="x", role=Role.STAFF, department=acme.department, by=None, now=NOON
            )
        elsewhere = uploaded(person(1), department=other, by=acme.admin)
        staff = Api(key.token)

        for roster in (theirs, elsewhere):
            assert staff.get(f"/rosters/{roster.public_id}").status_code == 404
            assert staff.get(f"/rosters/{roster.public_id}/rows").status_code == 404
            assert staff.send("PATCH", f"/rosters/{roster.public_id}/rows/1", {"phone": "1"}).status_code == 404
            confirmed = staff.send("POST", f"/rosters/{roster.public_id}/confirm", {"codes": ["x"]})
            assert confirmed.status_code == 404
        assert staff.get("/rosters").json()["results"] == []
        assert Api(acme.keys[Role.ADMIN]).get(f"/rosters/{elsewhere.public_id}").status_code == 200

    def test_refuses_a_viewer(self, acme: Cast, uploaded: Upload) -> None:
        viewer = Api(acme.keys[Role.VIEWER])

        assert viewer.get("/rosters").status_code == 403
        assert viewer.upload(make_csv(person(1))).status_code == 403


class TestRows:
    def test_come_in_pages_with_the_number_for_texts_and_for_calls(
        self, acme: Cast, staff: Api, uploaded: Upload
    ) -> None:
        roster = uploaded(person(1), person(2, phone="0312345678"), person(3, phone="0901"))
        path = f"/rosters/{roster.public_id}/rows"

        rows = staff.get(path).json()["results"]

        assert [(row["row"], row["route"], row["reason"], row["phone"]) for row in rows] == [
            (1, "sms", "", "+819010000001"),
            (2, "call", "landline", None),
            (3, "error", "too_short", None),
        ]
        assert rows[1]["call_number"] == "+81312345678"
        assert rows[0]["external_id"] == "A-0001"
        assert [row["row"] for row in staff.get(path, route="call").json()["results"]] == [2]
        assert staff.get(path, route="bus").status_code == 400
        assert staff.get(path, cursor="x").status_code == 400

    def test_can_be_mended(self, acme: Cast, staff: Api, uploaded: Upload) -> None:
        roster = uploaded(person(1, phone="0901"))
        path = f"/rosters/{roster.public_id}/rows/1"

        answer = staff.send("PATCH", path, {"phone": "090 1234 5678"})

        assert (answer.status_code, answer.json()["route"]) == (200, "sms")
        assert staff.get(f"/rosters/{roster.public_id}").json()["counts"]["error"] == 0

    @pytest.mark.parametrize("body", [{}, [], {"phone": 1}, {"給料": "1"}, "x"])
    def test_refuse_what_is_no_cell(self, acme: Cast, staff: Api, uploaded: Upload, body: Any) -> None:
        roster = uploaded(person(1, phone="0901"))

        assert staff.send("PATCH", f"/rosters/{roster.public_id}/rows/1", body).status_code == 400
        assert staff.send("PATCH", f"/rosters/{roster.public_id}/rows/{10**12}", {"phone": "1"}).status_code == 404

    def test_stay_as_they_are_while_a_campaign_rests_on_them(self, acme: Cast, staff: Api, uploaded: Upload) -> None:
        roster = uploaded(person(1, phone="0901"))
        with acme.scope():
            Roster.objects.filter(pk=roster.pk).update(frozen_at=NOON)

        answer = staff.send("PATCH", f"/rosters/{roster.public_id}/rows/1", {"phone": "09012345678"})

        assert (answer.status_code, answer.json()["code"]) == (409, "roster_frozen")


class TestConfirm:
    def test_answers_a_problem(self, acme: Cast, staff: Api, uploaded: Upload) -> None:
        uploaded(person(1))
        again = uploaded(person(1))
        before = staff.get(f"/rosters/{again.public_id}").json()["problems"]
        assert [(problem["code"], problem["needs"]) for problem in before] == [("same_file", "confirm")]

        answer = staff.send("POST", f"/rosters/{again.public_id}/confirm", {"codes": ["same_file"]})

        assert answer.status_code == 200
        assert answer.json()["problems"][0]["needs"] is None


class TestOptOuts:
    def test_are_added_found_and_ended(self, acme: Cast) -> None:
        admin = Api(acme.keys[Role.ADMIN])

        created = admin.send("POST", "/opt-outs", {"phone": "090-1000-0001", "note": "窓口で"})

        assert (created.status_code, created.json()["phone"]) == (201, "+819010000001")
        assert len(admin.get("/opt-outs").json()["results"]) == 1
        assert admin.send("POST", "/opt-outs", {"phone": "09010000001"}).status_code == 409
        assert admin.send("DELETE", "/opt-outs?phone=09010000001", None).status_code == 204
        assert admin.get("/opt-outs").json()["results"] == []
        assert len(admin.get("/opt-outs", phone="０９０10000001").json()["results"]) == 1

    def test_refuse_staff_and_nonsense(self, acme: Cast, staff: Api) -> None:
        assert staff.send("POST", "/opt-outs", {"phone": "09010000001"}).status_code == 403
        admin = Api(acme.keys[Role.ADMIN])
        assert admin.send("POST", "/opt-outs", {"phone": "なし"}).status_code == 400
        assert admin.send("DELETE", "/opt-outs?phone=09010000001", None).status_code == 400
