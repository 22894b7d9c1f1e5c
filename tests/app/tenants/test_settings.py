"""The settings pages and the services behind them."""

from __future__ import annotations

from typing import Any

import pytest

from tenants.account.invitations import invite
from tenants.errors import NotAllowed
from tenants.models import ApiKey, AuditEvent, Department, Membership, Session, Tenant, User
from tenants.permissions import Role
from tenants.selectors import actor_of, actor_of_key
from tenants.services import (
    CannotChangeOneself,
    EmailTaken,
    LastAdmin,
    RoleTaken,
    change_rules,
    give_role,
    issue_api_key,
    move_role,
    set_person_active,
    take_role,
)
from tests.conftest import NOON, Cast

RULES = {
    "office_name": "みなと市保健所",
    "callback_number": "098-000-0100",
    "requires_approval": "on",
    "send_from": "09:00",
    "send_until": "20:00",
    "unknown_deadline_hours": "48",
}


def department_admin(cast: Cast) -> Any:
    """An admin of one department only."""
    user = User.objects.create_user(email="da@acme.example", password="x" * 16, name="da", tenant_id=cast.tenant.pk)
    Membership.objects.create(user=user, department=cast.department, role=Role.ADMIN)
    return actor_of(user)


class TestRules:
    def test_an_admin_changes_them_and_it_is_written_down(self, acme: Cast, signed_in: Any) -> None:
        response = signed_in(acme.users[Role.ADMIN]).post("/settings", RULES)

        assert response.status_code == 302
        assert Tenant.objects.get(pk=acme.tenant.pk).unknown_deadline_hours == 48
        with acme.scope():
            event = AuditEvent.objects.get(action="tenant.rules_changed")
            assert event.personal["changed"]["unknown_deadline_hours"] == ["72", "48"]

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("unknown_deadline_hours", "0"),
            ("send_from", "25:00"),
            ("office_name", ""),
            ("callback_number", "<b>"),
            ("unknown_deadline_hours", ""),
        ],
    )
    def test_a_bad_value_changes_nothing(self, acme: Cast, signed_in: Any, field: str, value: str) -> None:
        response = signed_in(acme.users[Role.ADMIN]).post("/settings", {**RULES, field: value})

        assert response.status_code == 422
        assert Tenant.objects.get(pk=acme.tenant.pk).unknown_deadline_hours == 72

    def test_an_admin_of_one_department_may_not(self, acme: Cast) -> None:
        with acme.scope(), pytest.raises(NotAllowed):
            change_rules(changes={"requires_approval": True}, by=department_admin(acme), now=NOON)

        assert not Tenant.objects.get(pk=acme.tenant.pk).requires_approval

    @pytest.mark.parametrize("role", [Role.STAFF, Role.APPROVER, Role.AUDITOR, Role.VIEWER])
    def test_nobody_but_an_admin_sees_them(self, acme: Cast, signed_in: Any, role: Role) -> None:
        assert signed_in(acme.users[role]).get("/settings").status_code == 403


class TestPeople:
    def test_an_address_of_another_tenant_is_answered_like_anybody_s(
        self, acme: Cast, globex: Cast, signed_in: Any
    ) -> None:
        taken = globex.users[Role.STAFF]

        response = signed_in(acme.users[Role.ADMIN]).post(
            "/settings/people", {"email": taken.email, "name": "x", "role": "staff", "department": ""}
        )

        assert response.status_code == 302
        assert User.objects.get(pk=taken.pk).tenant_id == globex.tenant.pk

    def test_nobody_changes_themselves(self, acme: Cast) -> None:
        admin = acme.users[Role.ADMIN]
        with acme.scope():
            membership = Membership.objects.get(user=admin)
            with pytest.raises(CannotChangeOneself):
                take_role(membership=membership, by=acme.admin, now=NOON)
            with pytest.raises(CannotChangeOneself):
                set_person_active(user=admin, is_active=False, by=acme.admin, now=NOON)
            with pytest.raises(CannotChangeOneself):
                give_role(user=admin, role=Role.AUDITOR, department=None, by=acme.admin, now=NOON)

            assert Membership.objects.filter(user=admin).count() == 1

    def test_an_admin_of_one_department_cannot_give_a_role_beyond_it(self, acme: Cast) -> None:
        with acme.scope():
            other = Department.objects.create(name="別の課")
            by = department_admin(acme)
            for department in (None, other):
                with pytest.raises(NotAllowed):
                    give_role(user=acme.users[Role.VIEWER], role=Role.STAFF, department=department, by=by, now=NOON)
                with pytest.raises(NotAllowed):
                    issue_api_key(
                        owner=acme.users[Role.VIEWER], name="x", role=Role.ADMIN, department=department, by=by, now=NOON
                    )

            give_role(user=acme.users[Role.VIEWER], role=Role.STAFF, department=acme.department, by=by, now=NOON)

    def test_refuses_a_role_twice_and_an_address_twice(self, acme: Cast) -> None:
        viewer = acme.users[Role.VIEWER]
        with acme.scope():
            with pytest.raises(RoleTaken):
                give_role(user=viewer, role=Role.VIEWER, department=acme.department, by=acme.admin, now=NOON)
            with pytest.raises(EmailTaken):
                invite(email=viewer.email.upper(), name="x", role=Role.STAFF, department=None, by=acme.admin, now=NOON)

    def test_tells_nothing_of_another_office_s_people(self, acme: Cast, globex: Cast) -> None:
        with acme.scope():
            theirs = globex.users[Role.VIEWER].email
            invitation = invite(email=theirs, name="x", role=Role.STAFF, department=None, by=acme.admin, now=NOON)
            assert invitation.personal["email"] == theirs

    def test_whoever_is_kept_out_is_out_at_once(self, acme: Cast, signed_in: Any) -> None:
        browser = signed_in(acme.users[Role.STAFF])
        with acme.scope():
            set_person_active(user=acme.users[Role.STAFF], is_active=False, by=acme.admin, now=NOON)
            assert actor_of_key(acme.keys[Role.STAFF]) is None

        assert browser.get("/settings").status_code == 302
        assert not Session.objects.filter(user=acme.users[Role.STAFF]).exists()

    def test_whoever_comes_back_gets_new_keys(self, acme: Cast) -> None:
        staff = acme.users[Role.STAFF]
        with acme.scope():
            set_person_active(user=staff, is_active=False, by=acme.admin, now=NOON)
            set_person_active(user=staff, is_active=True, by=acme.admin, now=NOON)

            assert actor_of_key(acme.keys[Role.STAFF]) is None
            assert AuditEvent.objects.get(action="person.kept_out").personal["keys_ended"] == 1

    def test_the_last_admin_stays(self, acme: Cast) -> None:
        """Two admins who keep each other out at once: the second finds nobody left."""
        staff = acme.users[Role.STAFF]
        with acme.scope():
            give_role(user=staff, role=Role.ADMIN, department=None, by=acme.admin, now=NOON)
            set_person_active(user=acme.users[Role.ADMIN], is_active=False, by=actor_of(staff), now=NOON)
            with pytest.raises(LastAdmin):
                set_person_active(user=staff, is_active=False, by=acme.admin, now=NOON)
            with pytest.raises(LastAdmin):
                take_role(membership=Membership.objects.get(user=staff, role=Role.ADMIN), by=acme.admin, now=NOON)
            with pytest.raises(LastAdmin):
                move_role(
                    membership=Membership.objects.get(user=staff, role=Role.ADMIN),
                    department=acme.department,
                    by=acme.admin,
                    now=NOON,
                )

            assert User.objects.get(pk=staff.pk).is_active
            assert Membership.objects.filter(user=staff, role=Role.ADMIN, department=None).exists()

    def test_a_person_moves_to_another_department(self, acme: Cast, signed_in: Any) -> None:
        with acme.scope():
            other = Department.objects.create(name="別の課")
            membership = Membership.objects.get(user=acme.users[Role.STAFF])

        signed_in(acme.users[Role.ADMIN]).post(
            "/settings/people/move-role", {"membership": membership.pk, "department": str(other.public_id)}
        )

        with acme.scope():
            assert actor_of(acme.users[Role.STAFF]).department_ids == {other.pk}
            moved = AuditEvent.objects.get(action="person.moved").personal
        assert (moved["moved_from"], moved["department"]) == ("健康課", "別の課")

    def test_keys_end_with_the_role_that_they_lived_on(self, acme: Cast) -> None:
        """Whoever moves to another department keeps no key to the one that they left."""
        staff = acme.users[Role.STAFF]
        with acme.scope():
            other = Department.objects.create(name="別の課")
            tokens = {
                department: issue_api_key(
                    owner=staff, name="k", role=Role.STAFF, department=department, by=acme.admin, now=NOON
                ).token
                for department in (acme.department, other)
            }
            membership = Membership.objects.get(user=staff)
            move_role(membership=membership, department=other, by=acme.admin, now=NOON)

            assert actor_of_key(tokens[acme.department]) is None
            assert actor_of_key(acme.keys[Role.STAFF]) is None, "it covered the whole tenant"
            assert actor_of_key(tokens[other]) is not None
            assert AuditEvent.objects.get(action="person.moved").personal["keys_ended"] == 2
            take_role(membership=membership, by=acme.admin, now=NOON)
            assert actor_of_key(tokens[other]) is None

    def test_a_key_that_another_role_covers_stays(self, acme: Cast) -> None:
        staff = acme.users[Role.STAFF]
        with acme.scope():
            give_role(user=staff, role=Role.ADMIN, department=None, by=acme.admin, now=NOON)
            token = issue_api_key(
                owner=staff, name="k", role=Role.AUDITOR, department=None, by=acme.admin, now=NOON
            ).token
            take_role(membership=Membership.objects.get(user=staff, role=Role.STAFF), by=acme.admin, now=NOON)

            assert actor_of_key(token) is not None
            take_role(membership=Membership.objects.get(user=staff, role=Role.ADMIN), by=acme.admin, now=NOON)
            assert actor_of_key(token) is None

    def test_people_of_another_tenant_do_not_exist(self, acme: Cast, globex: Cast, signed_in: Any) -> None:
        browser, stranger = signed_in(acme.users[Role.ADMIN]), globex.users[Role.STAFF]
        with globex.scope():
            membership = Membership.objects.get(user=stranger)

        assert browser.post("/settings/people/state", {"person": stranger.pk, "is_active": "0"}).status_code == 404
        assert browser.post("/settings/people/take-role", {"membership": membership.pk}).status_code == 404
        assert User.objects.get(pk=stranger.pk).is_active

    @pytest.mark.parametrize("number", ["", "x", "-1", "9" * 30, "1; DROP TABLE", "\x00", "１"])
    def test_a_nonsense_number_is_not_found(self, acme: Cast, signed_in: Any, number: str) -> None:
        browser = signed_in(acme.users[Role.ADMIN])

        assert browser.post("/settings/people/state", {"person": number}).status_code == 404


class TestKeys:
    def test_a_key_is_shown_once_and_ends_when_it_is_revoked(self, acme: Cast, signed_in: Any, client: Any) -> None:
        browser = signed_in(acme.users[Role.ADMIN])
        response = browser.post("/settings/keys", {"name": "連携", "role": "admin", "department": ""})
        token = response.context["issued"].token
        bearer = {"Authorization": f"Bearer {token}"}

        assert token in response.content.decode()
        assert token not in browser.get("/settings/keys").content.decode()
        assert client.get("/api/v1/keys", headers=bearer).status_code == 200
        with acme.scope():
            key = ApiKey.objects.get(name="連携")
        browser.post(f"/settings/keys/{key.public_id}/revoke")
        assert client.get("/api/v1/keys", headers=bearer).status_code == 401


class TestAudit:
    def test_says_who_did_what_and_can_be_narrowed(self, acme: Cast, signed_in: Any) -> None:
        browser = signed_in(acme.users[Role.ADMIN])
        browser.post("/settings", RULES)
        browser.logout()

        page = signed_in(acme.users[Role.AUDITOR]).get("/audit?action=tenant.rules_changed")

        assert [line.who for line in page.context["lines"]] == ["acme admin"]
        assert signed_in(acme.users[Role.AUDITOR]).get("/audit?until=2001-01-01").context["lines"] == []

    @pytest.mark.parametrize(
        "query", ["person=x", "person=99999999999999999999", "since=yesterday", "until=9999-12-31"]
    )
    def test_nonsense_is_no_error(self, acme: Cast, signed_in: Any, query: str) -> None:
        assert signed_in(acme.users[Role.AUDITOR]).get(f"/audit?{query}").status_code == 200

    def test_shows_nothing_of_another_tenant(self, acme: Cast, globex: Cast, signed_in: Any) -> None:
        content = signed_in(acme.users[Role.ADMIN]).get("/audit").content.decode()

        assert "globex" not in content
