"""記録をさがす: the person, and what was sent to them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from dispatch.models import Call, Message
from dispatch.states import Status
from recipients.models import Recipient, Route
from reports.person_addresses import BY_PHONE, NoSuchPerson, PersonKey, person_at
from tenants.keys import ring
from tenants.models import AuditEvent
from tenants.permissions import Role
from tests.app.reports.sending import deliver, sent_campaign
from tests.conftest import Cast
from tests.factories.dispatch import make_account, person

pytestmark = pytest.mark.usefixtures("committed", "enqueued")
PHONE = "+816010000001"
WRITINGS = (
    "060-1000-0001",
    "０６０－１０００－０００１",
    "+81 60 1000 0001",
    "6010000001",
    " 06010000001 ",
    "060ー1000ー0001",
)


def search(browser: Any, query: str) -> Any:
    return browser.post("/people", {"query": query}, follow=True)


def text_of(response: Any) -> str:
    content: str = response.content.decode()
    return content


class TestSearch:
    @pytest.mark.parametrize(
        "writing",
        WRITINGS,
    )
    def test_finds_a_number_in_any_writing_and_shows_its_person(self, acme: Cast, signed_in: Any, writing: str) -> None:
        make_account()
        sent_campaign(acme, [person(1, phone=PHONE), person(2)])
        with acme.scope():
            deliver(acme, Message.objects.get(phone_hash=ring().hash("phone", PHONE)))

        response = search(signed_in(acme.users[Role.ADMIN]), writing)

        content = text_of(response)
        assert response.status_code == 200
        assert "患者1 さん" in content
        assert "患者1様 療養は8月17日までです。" in content
        assert "に送信しました。" in content
        assert "に端末が受信しました。" in content
        assert "患者2" not in content

    def test_asks_which_one_where_a_family_shares_a_number(self, acme: Cast, signed_in: Any) -> None:
        make_account()
        sent_campaign(acme, [person(1, phone=PHONE), person(2, phone=PHONE, name="患者 二")])

        response = search(signed_in(acme.users[Role.ADMIN]), "060-1000-0001")

        people = response.context["people"]
        assert sorted(row["name"] for row in people) == ["患者 二", "患者1"]
        assert [row["person"].texts for row in people] == [1, 1]

    def test_finds_an_id_and_keeps_one_person_over_two_rosters(self, acme: Cast, signed_in: Any) -> None:
        make_account()
        sent_campaign(acme, [person(1, phone=PHONE)])
        sent_campaign(acme, [person(1, phone="+816010000009")], name="二回目")
        with acme.scope():
            Recipient.objects.update(id_hash=ring().hash("id", "R4-00001"))

        response = search(signed_in(acme.users[Role.ADMIN]), "R4-00001")

        assert len(response.context["sent"]) == 2
        assert "060-1000-0001、060-1000-0009" in text_of(response) or "060-1000-0009、060-1000-0001" in text_of(
            response
        )

    def test_finds_a_text_that_came_over_the_api(self, acme: Cast, signed_in: Any, client: Any) -> None:
        make_account()
        client.post(
            "/api/v1/messages",
            {"to": "06010000001", "text": "個別の連絡"},
            content_type="application/json",
            headers={"Authorization": f"Bearer {acme.keys[Role.ADMIN]}"},
        )

        response = search(signed_in(acme.users[Role.ADMIN]), "06010000001")

        assert "個別の連絡" in text_of(response)
        assert "APIキー「admin」" in text_of(response)

    def test_puts_nothing_that_was_typed_into_an_address(self, acme: Cast, signed_in: Any) -> None:
        make_account()
        sent_campaign(acme, [person(1, phone=PHONE)])
        browser = signed_in(acme.users[Role.ADMIN])

        first = browser.post("/people", {"query": "060-1000-0001"})
        second = browser.post("/people", {"query": "060-1000-0001"})

        assert first.status_code == 302
        assert "1000" not in first["Location"]
        assert first["Location"] != second["Location"]
        assert browser.get(first["Location"]).status_code == 200

    @pytest.mark.parametrize("query", ["", "x" * 101, "\x00", "' OR 1=1 --", "{{ 7*7 }}", "<script>", "٠٩٠", "なし"])
    def test_finds_nobody_by_nonsense(self, acme: Cast, signed_in: Any, query: str) -> None:
        response = search(signed_in(acme.users[Role.ADMIN]), query)

        assert response.status_code in {200, 422}
        assert "<script>" not in text_of(response).split("<main")[1].replace("<script type", "")

    @pytest.mark.parametrize("role", [Role.STAFF, Role.APPROVER, Role.VIEWER])
    def test_wants_the_right_to_read_evidence(self, acme: Cast, signed_in: Any, role: Role) -> None:
        assert signed_in(acme.users[role]).post("/people", {"query": "1"}).status_code == 403


class TestPersonPage:
    def test_writes_down_who_looked_at_whom(self, acme: Cast, signed_in: Any) -> None:
        make_account()
        sent_campaign(acme, [person(1, phone=PHONE)])

        search(signed_in(acme.users[Role.AUDITOR]), "06010000001")

        with acme.scope():
            viewed = AuditEvent.objects.get(action="person.viewed")
            assert viewed.user_id == acme.auditor.user_id
            assert viewed.subjects.get().personal["name"] == "患者1"
            assert AuditEvent.objects.filter(action="people.searched").count() == 1

    def test_tells_why_somebody_is_phoned(self, acme: Cast, signed_in: Any) -> None:
        make_account()
        sent_campaign(acme, [person(1, phone=PHONE, route=Route.CALL, reason="no_consent"), person(2)])

        response = search(signed_in(acme.users[Role.ADMIN]), "06010000001")

        assert "SMSへの同意がありません" in text_of(response)
        assert "まだ連絡が取れていません。" in text_of(response)

    def test_is_not_there_for_another_tenant(self, acme: Cast, globex: Cast, signed_in: Any) -> None:
        make_account()
        sent_campaign(acme, [person(1, phone=PHONE)])
        address = signed_in(acme.users[Role.ADMIN]).post("/people", {"query": "06010000001"})["Location"]

        stranger = signed_in(globex.users[Role.ADMIN])

        assert stranger.get(address).status_code == 404
        assert search(stranger, "06010000001").context["people"] == []

    @pytest.mark.parametrize("address", ["x", "AAAA", "é", "a" * 86, "..", "QUJD" * 30])
    def test_is_not_there_for_an_address_that_somebody_made(self, acme: Cast, signed_in: Any, address: str) -> None:
        assert signed_in(acme.users[Role.ADMIN]).get(f"/people/{address}").status_code == 404

    def test_takes_a_fixed_number_of_queries(
        self, acme: Cast, signed_in: Any, django_assert_max_num_queries: Any
    ) -> None:
        make_account()
        for place in range(4):
            sent_campaign(acme, [person(1, phone=PHONE)], name=f"配信{place}")
        browser = signed_in(acme.users[Role.ADMIN])
        address = browser.post("/people", {"query": "06010000001"})["Location"]

        with django_assert_max_num_queries(30):
            browser.get(address)


class TestPersonAddress:
    def test_leads_back_to_the_person(self, acme: Cast) -> None:
        with acme.scope():
            key = PersonKey(kind=BY_PHONE, value=b"1" * 16, name_hash=b"2" * 16)

            assert person_at(key.address) == key

    def test_of_another_tenant_is_refused(self, acme: Cast, globex: Cast) -> None:
        with acme.scope():
            address = PersonKey(kind=BY_PHONE, value=b"1" * 16).address

        with globex.scope(), pytest.raises(NoSuchPerson):
            person_at(address)


class TestMessagePage:
    def test_shows_text_time_line_and_certificate(self, acme: Cast, signed_in: Any) -> None:
        make_account()
        sent_campaign(acme, [person(1, phone=PHONE)])
        with acme.scope():
            message = Message.objects.get()
        deliver(acme, message, status=Status.UNDELIVERED, reason="out_of_reach")

        response = signed_in(acme.users[Role.AUDITOR]).get(f"/messages/{message.public_id}")

        content = text_of(response)
        assert "送信証明書" in content
        assert "acme staffさんが送信を指示しました。" in content
        assert "届かなかったと通信会社が報告しました。" in content
        assert "圏外または電源が入っていません" in content
        assert "stat:DELIVRD" in content
        assert f"ab{message.pk}" in content

    def test_is_not_there_for_another_tenant_nor_for_nobody(
        self, acme: Cast, globex: Cast, signed_in: Any, client: Any
    ) -> None:
        make_account()
        sent_campaign(acme, [person(1)])
        with acme.scope():
            address = f"/messages/{Message.objects.get().public_id}"
            assert Call.objects.count() == 0

        assert client.get(address).status_code == 302
        assert signed_in(globex.users[Role.ADMIN]).get(address).status_code == 404
        assert signed_in(globex.users[Role.ADMIN]).get(f"/messages/{uuid4()}").status_code == 404
