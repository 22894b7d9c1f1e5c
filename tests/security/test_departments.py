"""What a role of one department opens, and what it leaves closed."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from dispatch.services.messages import Draft, send_message
from recipients.services import upload_roster
from templates_sms.services import create_template
from tenants.errors import NotAllowed
from tenants.models import AuditEvent, Department, Membership, User
from tenants.permissions import Role
from tenants.selectors import actor_of
from tenants.services import issue_api_key, record
from tests.conftest import NOON, Cast, sign_in
from tests.factories.dispatch import make_account, make_roster


@pytest.fixture
def other(acme: Cast) -> Department:
    """Another department of acme; what is made in it is not the business of ``acme.department``."""
    with acme.scope():
        return Department.objects.create(name="収納課")


def joined(cast: Cast, name: str, *roles: tuple[Role, Department | None]) -> User:
    with cast.scope():
        user = User.objects.create_user(email=f"{name}@x.example", password=None, name=name, tenant_id=cast.tenant.pk)
        for role, department in roles:
            Membership.objects.create(user=user, department=department, role=role)
    return user


def key_of(cast: Cast, user: User, role: Role, department: Department | None) -> str:
    with cast.scope():
        issued = issue_api_key(owner=user, name="k", role=role, department=department, by=None, now=timezone.now())
    return issued.token


def get(key: str, path: str) -> Any:
    return Client().get(path, headers={"Authorization": f"Bearer {key}"})


def post(key: str, path: str, body: dict[str, Any]) -> Any:
    return Client().post(path, body, content_type="application/json", headers={"Authorization": f"Bearer {key}"})


class TestTwoRoles:
    def test_a_viewer_here_who_is_an_admin_there_reads_no_rosters_here(
        self, acme: Cast, other: Department, client: Client
    ) -> None:
        with acme.scope():
            roster = make_roster(acme, [])  # of acme.department
        sign_in(client, joined(acme, "both", (Role.VIEWER, acme.department), (Role.ADMIN, other)))

        assert client.get(f"/rosters/{roster.public_id}").status_code == 404
        assert str(roster.public_id) not in client.get("/rosters").content.decode()

    def test_and_reads_those_there(self, acme: Cast, other: Department, client: Client) -> None:
        with acme.scope():
            roster = make_roster(acme, [])
        sign_in(client, joined(acme, "both", (Role.ADMIN, acme.department), (Role.VIEWER, other)))

        assert client.get(f"/rosters/{roster.public_id}").status_code == 200


class TestWhatBelongsToNoDepartment:
    def test_is_made_by_people_of_the_whole_tenant_only(self, acme: Cast) -> None:
        with acme.scope():
            staff = actor_of(acme.users[Role.STAFF])
            with pytest.raises(NotAllowed):
                upload_roster(data=b"x", file_name="x.csv", department=None, by=staff, now=NOON)
            with pytest.raises(NotAllowed):
                create_template(name="x", text="x", department=None, by=staff, now=NOON)

    def test_nothing_new_comes_into_a_closed_department_by_leaving_it_out(self, acme: Cast, client: Client) -> None:
        with acme.scope():
            Department.objects.filter(pk=acme.department.pk).update(is_active=False)
        sign_in(client, acme.users[Role.STAFF])

        response = client.post("/templates/new", {"name": "x", "kind": "notice", "text": "x"})

        assert response.status_code in {403, 422}


class TestTemplatesOverTheApi:
    def test_a_text_of_another_department_is_not_rendered(
        self, committed: None, enqueued: Any, acme: Cast, other: Department
    ) -> None:
        make_account()
        with acme.scope():
            template = create_template(name="x", text="カナリア", department=other, by=acme.admin, now=NOON)
        body = {"to": "06010000055", "template": str(template.public_id)}

        refused = post(acme_staff_key(acme), "/api/v1/messages", body)
        allowed = post(acme.keys[Role.ADMIN], "/api/v1/messages", body)

        assert (refused.status_code, refused.json()["code"]) == (400, "unknown_template")
        assert allowed.status_code == 201


def acme_staff_key(cast: Cast) -> str:
    return key_of(cast, cast.users[Role.STAFF], Role.STAFF, cast.department)


class TestSingleTexts:
    def test_are_seen_by_the_department_whose_key_sent_them(
        self, committed: None, enqueued: Any, acme: Cast, other: Department
    ) -> None:
        make_account()
        sent = post(acme_staff_key(acme), "/api/v1/messages", {"to": "06010000055", "text": "カナリア"}).json()["id"]
        here = joined(acme, "here", (Role.AUDITOR, acme.department))
        there = joined(acme, "there", (Role.AUDITOR, other))
        with acme.scope():
            of_all = str(send_message(draft=Draft(to="06010000055", text="x"), by=acme.admin, now=timezone.now()))

        seen = {}
        for user, department in ((here, acme.department), (there, other)):
            key = key_of(acme, user, Role.AUDITOR, department)
            listed = get(key, "/api/v1/messages?phone=06010000055").json()["results"]
            seen[user.name] = {message["id"] for message in listed}
            status = 200 if user is here else 404
            assert get(key, f"/api/v1/messages/{sent}").status_code == status

        assert seen == {"here": {sent, of_all}, "there": {of_all}}


class TestAuditTrail:
    def test_of_one_department_is_read_by_its_auditors(self, acme: Cast, other: Department, client: Client) -> None:
        clerk = joined(acme, "clerk", (Role.STAFF, acme.department))
        with acme.scope():
            by = actor_of(clerk)
            record(action="template.created", by=by, now=timezone.now(), details={"name": "カナリア"})
            assert AuditEvent.objects.get(user_id=clerk.pk).department == acme.department

        seen = {}
        for name, department in (("here", acme.department), ("there", other), ("all", None)):
            sign_in(client, joined(acme, name, (Role.AUDITOR, department)))
            seen[name] = "カナリア" in client.get("/audit").content.decode()

        assert seen == {"here": True, "there": False, "all": True}

    def test_goes_with_the_object_whoever_touched_it(self, acme: Cast, other: Department, client: Client) -> None:
        """Somebody of two departments: what they do to a text of one is not told to the other's auditors."""
        both = actor_of(joined(acme, "both", (Role.STAFF, acme.department), (Role.STAFF, other)))
        with acme.scope():
            create_template(name="カナリア", text="x", department=other, by=both, now=timezone.now())

        assert self.readers(acme, other, client, "カナリア") == {"there", "all"}

    def test_of_somebody_of_two_departments_is_read_by_the_whole_tenants_auditors(
        self, acme: Cast, other: Department, client: Client
    ) -> None:
        """Whom they looked at may be a resident of either."""
        both = actor_of(joined(acme, "both", (Role.AUDITOR, acme.department), (Role.AUDITOR, other)))
        with acme.scope():
            record(action="person.viewed", by=both, now=timezone.now(), details={"name": "カナリア"})

        assert self.readers(acme, other, client, "カナリア") == {"all"}

    def readers(self, acme: Cast, other: Department, client: Client, word: str) -> set[str]:
        found = set()
        for name, department in (("here", acme.department), ("there", other), ("all", None)):
            sign_in(client, joined(acme, name, (Role.AUDITOR, department)))
            if word in client.get("/audit").content.decode():
                found.add(name)
        return found
