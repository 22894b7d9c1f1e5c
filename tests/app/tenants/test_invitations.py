"""Invitations: from an admin's form to a person who is in."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client
from django.utils import timezone

from tenants.account.invitations import InvitationOver, accept, find_invitation, invite, link_of
from tenants.errors import NotAllowed
from tenants.models import AuditEvent, Department, Invitation, Membership, User
from tenants.permissions import Role
from tenants.services import EmailTaken
from tests.conftest import Cast

PASSWORD = "sakura-hokenjo-kaze"
NEW = {"email": "new@acme.example", "name": "新人 花子", "role": "staff", "department": ""}


@pytest.fixture
def link(acme: Cast, signed_in: Any, django_capture_on_commit_callbacks: Any) -> str:
    """The path that the mail names."""
    with django_capture_on_commit_callbacks(execute=True):
        response = signed_in(acme.users[Role.ADMIN]).post("/settings/people", NEW)
    assert response.status_code == 302
    found = re.search(r"https?://[^/]+(/account/invitation/\S+)", mail.outbox[-1].body)
    assert found
    return found[1]


def join(link: str, password: str = PASSWORD) -> tuple[Client, Any]:
    browser = Client()
    return browser, browser.post(link, {"password": password, "again": password})


class TestLink:
    def test_goes_to_the_invited_address_only(self, link: str) -> None:
        assert mail.outbox[-1].to == [NEW["email"]]
        assert "新人 花子 様" in mail.outbox[-1].body

    def test_lets_in_with_the_role_and_then_asks_for_a_factor(self, acme: Cast, link: str) -> None:
        assert "新人 花子" in Client().get(link).content.decode()

        browser, response = join(link)

        user = User.objects.get(email=NEW["email"])
        assert user.check_password(PASSWORD)
        with acme.scope():
            assert [(m.role, m.department_id) for m in Membership.objects.filter(user=user)] == [("staff", None)]
            assert AuditEvent.objects.get(action="invitation.accepted").user_id == user.pk
        assert response.status_code == 302
        assert browser.get("/")["Location"].startswith("/account/factors/first")

    def test_works_once(self, link: str) -> None:
        join(link)

        second, response = join(link)

        assert response.status_code == 404
        assert second.get(link).status_code == 404
        assert second.get("/")["Location"].startswith("/account/login")
        assert User.objects.filter(email=NEW["email"]).count() == 1

    def test_works_for_72_hours(self, acme: Cast, link: str) -> None:
        with acme.scope():
            Invitation.objects.update(expires_at=timezone.now() + timedelta(minutes=1))
        assert Client().get(link).status_code == 200
        with acme.scope():
            assert Invitation.objects.get().created_at + timedelta(hours=71) < timezone.now() + timedelta(hours=72)
            Invitation.objects.update(expires_at=timezone.now())

        assert join(link)[1].status_code == 404

    @pytest.mark.parametrize("password", ["short", "password1234", "P@ssw0rd2024!", "new@acme.example"])
    def test_takes_no_weak_password(self, link: str, password: str) -> None:
        response = join(link, password)[1]

        assert response.status_code == 422
        assert not User.objects.filter(email=NEW["email"]).exists()

    def test_takes_no_two_passwords(self, link: str) -> None:
        assert Client().post(link, {"password": PASSWORD, "again": PASSWORD + "x"}).status_code == 422

    def test_of_a_changed_letter_leads_nowhere(self, acme: Cast, globex: Cast, link: str) -> None:
        swapped = link.replace(acme.tenant.public_id.hex, globex.tenant.public_id.hex)
        for wrong in (link[:-1] + ("0" if link[-1] != "0" else "1"), swapped, link[:-4], "/account/invitation/x-y-z"):
            assert Client().get(wrong).status_code == 404, wrong

    def test_shows_nobody_else_whom_it_is_for(self, link: str) -> None:
        assert "新人" not in Client().get(link[:-1]).content.decode()

    def test_signs_whoever_sat_there_out(self, acme: Cast, link: str, signed_in: Any) -> None:
        browser = signed_in(acme.users[Role.STAFF])

        browser.post(link, {"password": PASSWORD, "again": PASSWORD})

        assert browser.get("/")["Location"].startswith("/account/factors/first")


class TestInvitations:
    def test_can_be_taken_back(self, acme: Cast, link: str, signed_in: Any) -> None:
        with acme.scope():
            public_id = Invitation.objects.get().public_id

        signed_in(acme.users[Role.ADMIN]).post(f"/settings/invitations/{public_id}/revoke")

        assert join(link)[1].status_code == 404
        with acme.scope():
            assert AuditEvent.objects.filter(action="invitation.revoked").count() == 1

    def test_a_second_one_ends_the_first(self, acme: Cast, link: str) -> None:
        with acme.scope():
            later = invite(
                email=NEW["email"].upper(),
                name="x",
                role=Role.VIEWER,
                department=None,
                by=acme.admin,
                now=timezone.now(),
            )
            second = link_of(later)

        assert Client().get(link).status_code == 404
        assert Client().get(second).status_code == 200

    def test_an_admin_of_one_department_invites_into_that_only(self, acme: Cast) -> None:
        with acme.scope():
            other = Department.objects.create(name="別の課")
            user = User.objects.create_user(email="da@acme.example", password=None, name="da", tenant=acme.tenant)
            Membership.objects.create(user=user, department=acme.department, role=Role.ADMIN)
            from tenants.selectors import actor_of

            by, rest = actor_of(user), {"name": "x", "role": Role.STAFF, "now": timezone.now()}
            for department in (None, other):
                with pytest.raises(NotAllowed):
                    invite(email="n@acme.example", department=department, by=by, **rest)
            invite(email="n@acme.example", department=acme.department, by=by, **rest)

    def test_an_address_that_joined_meanwhile_is_refused(self, acme: Cast, link: str) -> None:
        invited = find_invitation(link.rsplit("/", 1)[1], now=timezone.now())
        assert invited
        User.objects.create_user(email=NEW["email"], password=None, name="x", tenant=acme.tenant)

        with pytest.raises(EmailTaken):
            accept(invited=invited, password=PASSWORD, now=timezone.now())

    def test_of_another_office_it_is_told_to_whoever_has_the_address_only(self, globex: Cast, link: str) -> None:
        User.objects.create_user(email=NEW["email"], password=None, name="x", tenant=globex.tenant)

        answer = Client().post(link, {"password": PASSWORD, "again": PASSWORD})

        assert answer.status_code == 404
        assert "すでに「届け」で使われています" in answer.content.decode()

    def test_of_two_uses_at_once_one_wins(self, link: str) -> None:
        token = link.rsplit("/", 1)[1]
        first, second = (find_invitation(token, now=timezone.now()) for _ in range(2))
        assert first
        assert second
        accept(invited=first, password=PASSWORD, now=timezone.now())

        with pytest.raises(InvitationOver):
            accept(invited=second, password=PASSWORD, now=timezone.now())

    def test_a_mail_server_that_is_away_is_said_on_the_page(
        self, acme: Cast, signed_in: Any, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
    ) -> None:
        def away(*_args: Any) -> int:
            raise ConnectionRefusedError

        monkeypatch.setattr(EmailBackend, "send_messages", away)
        browser = signed_in(acme.users[Role.ADMIN])
        with django_capture_on_commit_callbacks(execute=True):
            browser.post("/settings/people", NEW)

        assert "メールを送れていません" in browser.get("/settings/people").content.decode()

    def test_their_table_names_nobody(self, acme: Cast, link: str) -> None:
        with acme.scope():
            row = Invitation.objects.get()

        for word in ("new@acme.example", "新人"):
            assert word.encode() not in bytes(row.sealed) + bytes(row.email_hash)

    def test_the_page_names_its_link_in_the_demonstration_only(
        self, acme: Cast, link: str, signed_in: Any, settings: Any
    ) -> None:
        browser = signed_in(acme.users[Role.ADMIN])
        assert link not in browser.get("/settings/people").content.decode()

        settings.DEMO = True

        assert link in browser.get("/settings/people").content.decode()
