"""Single texts and lists of texts over the API."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections
from django.test import Client

from carriers.models import AccountHealth, CarrierAccount, StoredReceipt
from carriers.services import configure_account
from dispatch.models import Batch, EventKind, Message, MessageEvent, Priority, Tally
from dispatch.states import Status
from dispatch.task_names import PUMP
from recipients.models import OptOut
from templates_sms.models import MessageTemplate, TemplateVersion
from tenants import keys
from tenants.models import AuditEvent
from tenants.permissions import Role
from tests.app.api.test_keys import bearer
from tests.conftest import Cast

TO = "+819012345678"
Enqueued = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def account(committed: None) -> CarrierAccount:
    """The one account of all tenants; made by the operator, so that it needs a real commit."""
    return configure_account(
        name="smsc",
        provider="smpp",
        config={"host": "127.0.0.1", "port": 2775, "system_id": "todoke"},
        secrets={"password": "secret"},
        window=10,
        binds=1,
        texts_per_s=None,
    )


def post(client: Any, path: str, body: Any, headers: dict[str, str]) -> Any:
    return client.post(f"/api/v1/{path}", body, content_type="application/json", headers=headers)


class TestPostMessage:
    def test_queues_one_text_and_wakes_the_pump(
        self, account: CarrierAccount, acme: Cast, client: Any, enqueued: Enqueued
    ) -> None:
        body = {
            "to": "０９０－１２３４－５６７８",
            "text": "検査の結果が出ました。",
            "reference": "K-17",
            "priority": "urgent",
        }

        response = post(client, "messages", body, bearer(acme))

        answer = response.json()
        assert response.status_code == 201
        assert answer | {"to": TO, "text": body["text"], "reference": "K-17", "state": "queued", "parts": 1} == answer
        assert answer["carrier"] == "smsc"
        assert answer["campaign"] is None
        assert [event["kind"] for event in answer["events"]] == ["created", "queued"]
        assert client.get(f"/api/v1/messages/{answer['id']}", headers=bearer(acme)).json() == answer
        assert enqueued == [(PUMP, {"account_id": account.pk})]
        with acme.scope():
            message = Message.objects.select_related("batch").get(public_id=answer["id"])
            assert (message.batch.priority, message.batch.size, message.status) == (Priority.URGENT, 1, Status.QUEUED)
            assert Tally.objects.get().n == 1
            assert AuditEvent.objects.get(action="messages.accepted").api_key is not None

    def test_answers_with_the_reason_for_another_way(
        self, account: CarrierAccount, acme: Cast, client: Any, enqueued: Enqueued
    ) -> None:
        other = configure_account(
            name="other",
            provider="smpp",
            config={"host": "127.0.0.1", "port": 2776, "system_id": "todoke"},
            secrets={"password": "secret"},
            window=10,
            binds=1,
            texts_per_s=None,
        )
        CarrierAccount.objects.using("operator").filter(pk=other.pk).update(rank=account.rank + 1)
        AccountHealth.objects.using("operator").create(account=account, is_healthy=False, reason="failing")
        AccountHealth.objects.using("operator").create(account=other)

        answer = post(client, "messages", {"to": TO, "text": "検査の結果が出ました。"}, bearer(acme)).json()

        assert [event["kind"] for event in answer["events"]] == ["created", "queued", "rerouted"]
        assert client.get(f"/api/v1/messages/{answer['id']}", headers=bearer(acme)).json() == answer

    def test_renders_a_template(self, account: CarrierAccount, acme: Cast, client: Any, enqueued: Enqueued) -> None:
        with acme.scope():
            template = MessageTemplate.objects.create(name="結果", current=1)
            TemplateVersion.objects.create(
                template=template, number=1, text="{{氏名|様}} 結果が出ました。", created_by=acme.users[Role.ADMIN]
            )
        body = {"to": TO, "template": str(template.public_id), "values": {"氏名": "山田 太郎"}}

        good = post(client, "messages", body, bearer(acme))
        bad = post(client, "messages", {**body, "values": {}}, bearer(acme))

        assert good.json()["text"] == "山田 太郎様 結果が出ました。"
        assert (bad.status_code, bad.json()["code"]) == (400, "unknown_placeholder")

    @pytest.mark.parametrize(
        ("change", "status", "code"),
        [
            ({"to": "03-1234-5678"}, 400, "landline"),
            ({"to": "050-1234-5678"}, 400, "ip_phone"),
            ({"to": "110"}, 400, None),
            ({"to": "abc"}, 400, "unreadable"),
            ({"to": "090-1234-5678 / 080-1234-5678"}, 400, "two_numbers"),
            ({"to": ""}, 400, "invalid"),
            ({"to": None}, 400, "invalid"),
            ({"to": ["09012345678"]}, 400, "invalid"),
            ({"text": ""}, 400, "invalid"),
            ({"text": "   "}, 400, "empty_text"),
            ({"text": "あ" * 661}, 400, "text_too_long"),
            ({"text": "\ue000"}, 400, "bad_text"),
            ({"priority": "now"}, 400, "invalid"),
            ({"template": str(uuid4())}, 400, "invalid"),
        ],
    )
    def test_refuses_and_queues_nothing(
        self, account: CarrierAccount, acme: Cast, client: Any, enqueued: Enqueued, change: Any, status: int, code: Any
    ) -> None:
        response = post(client, "messages", {"to": TO, "text": "本文", **change}, bearer(acme))

        assert response.status_code == status
        assert code is None or response.json()["code"] == code
        with acme.scope():
            assert not Message.objects.exists()
        assert not enqueued

    def test_respects_who_wants_no_texts(self, account: CarrierAccount, acme: Cast, client: Any) -> None:
        with acme.scope():
            entry = OptOut(phone_hash=keys.ring().hash("phone", TO))
            entry.seal({"phone": TO, "note": ""})
            entry.save()

        response = post(client, "messages", {"to": TO, "text": "本文"}, bearer(acme))

        assert (response.status_code, response.json()["code"]) == (409, "opted_out")

    def test_says_so_where_no_account_is(self, committed: None, acme: Cast, client: Any) -> None:
        response = post(client, "messages", {"to": TO, "text": "本文"}, bearer(acme))

        assert (response.status_code, response.json()["code"]) == (409, "no_carrier")

    def test_waits_for_the_hours(self, account: CarrierAccount, acme: Cast, client: Any, enqueued: Enqueued) -> None:
        now = acme.tenant.created_at.astimezone()
        acme.tenant.send_from = (now + timedelta(hours=2)).time().replace(microsecond=0)
        acme.tenant.send_until = (now + timedelta(hours=3)).time().replace(microsecond=0)
        acme.tenant.save()

        post(client, "messages", {"to": TO, "text": "本文"}, bearer(acme))

        with acme.scope():
            assert Batch.objects.get().due_at > now + timedelta(hours=1)

    @pytest.mark.parametrize("role", [Role.AUDITOR, Role.VIEWER])
    def test_wants_somebody_who_may_send(
        self, account: CarrierAccount, acme: Cast, client: Any, role: Role, enqueued: Enqueued
    ) -> None:
        assert post(client, "messages", {"to": TO, "text": "本文"}, bearer(acme, role)).status_code == 403
        assert not enqueued


class TestIdempotency:
    def test_the_same_key_answers_the_same_twice(
        self, account: CarrierAccount, acme: Cast, client: Any, enqueued: Enqueued
    ) -> None:
        headers = {**bearer(acme), "Idempotency-Key": "abc-1"}

        first = post(client, "messages", {"to": TO, "text": "本文"}, headers)
        second = post(client, "messages", {"text": "本文", "to": TO}, headers)

        assert (first.status_code, second.status_code) == (201, 201)
        assert first.content == second.content
        assert second["Idempotency-Replayed"] == "true"
        assert len(enqueued) == 1
        with acme.scope():
            assert Message.objects.count() == 1

    def test_another_body_is_refused(
        self, account: CarrierAccount, acme: Cast, client: Any, enqueued: Enqueued
    ) -> None:
        headers = {**bearer(acme), "Idempotency-Key": "abc-1"}
        post(client, "messages", {"to": TO, "text": "本文"}, headers)

        response = post(client, "messages", {"to": TO, "text": "別の本文"}, headers)

        assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")
        with acme.scope():
            assert Message.objects.count() == 1

    def test_a_refused_request_may_be_mended_under_its_key(
        self, account: CarrierAccount, acme: Cast, client: Any, enqueued: Enqueued
    ) -> None:
        headers = {**bearer(acme), "Idempotency-Key": "abc-1"}

        refused = post(client, "messages", {"to": "x", "text": "本文"}, headers)
        mended = post(client, "messages", {"to": TO, "text": "本文"}, headers)

        assert (refused.status_code, mended.status_code) == (400, 201)

    def test_keys_of_two_callers_are_apart(
        self, account: CarrierAccount, acme: Cast, globex: Cast, client: Any, enqueued: Enqueued
    ) -> None:
        for headers in (bearer(acme), bearer(acme, Role.STAFF), bearer(globex)):
            response = post(client, "messages", {"to": TO, "text": "本文"}, {**headers, "Idempotency-Key": "abc-1"})
            assert response.status_code == 201
            assert "Idempotency-Replayed" not in response

    @pytest.mark.parametrize("key", ["", "x" * 256, "鍵"])
    def test_refuses_what_is_no_key(self, account: CarrierAccount, acme: Cast, client: Any, key: str) -> None:
        response = post(client, "messages", {"to": TO, "text": "本文"}, {**bearer(acme), "Idempotency-Key": key})

        assert (response.status_code, response.json()["code"]) == (400, "bad_idempotency_key")

    def test_ten_at_once_are_one(self, account: CarrierAccount, acme: Cast, enqueued: Enqueued) -> None:
        headers = {**bearer(acme), "Idempotency-Key": "abc-1"}
        answers: list[tuple[int, bytes]] = []

        def press() -> None:
            try:
                response = post(Client(), "messages", {"to": TO, "text": "本文"}, headers)
                answers.append((response.status_code, response.content))
            finally:
                connections.close_all()

        threads = [threading.Thread(target=press) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert {status for status, _ in answers} == {201}
        assert len(set(answers)) == 1
        with acme.scope():
            assert Message.objects.count() == 1

    def test_the_kept_answer_is_sealed(
        self, account: CarrierAccount, acme: Cast, client: Any, enqueued: Enqueued
    ) -> None:
        post(client, "messages", {"to": TO, "text": "秘密の本文"}, {**bearer(acme), "Idempotency-Key": "k"})

        with connections["owner"].cursor() as cursor, connection.cursor():
            cursor.execute("SELECT set_config('app.tenant_id', %s, false)", [str(acme.tenant.pk)])
            cursor.execute("SELECT answer FROM tenants_idempotencykey")
            (blob,) = cursor.fetchone()
            cursor.execute("SELECT set_config('app.tenant_id', '', false)")
        assert "秘密".encode() not in bytes(blob)
        assert b"9012345678" not in bytes(blob)


class TestPostBatch:
    def test_queues_the_good_and_names_the_bad(
        self, account: CarrierAccount, acme: Cast, client: Any, enqueued: Enqueued
    ) -> None:
        items = [
            {"to": TO, "text": "一"},
            {"to": "03-1234-5678", "text": "二"},
            "nonsense",
            {"to": "080-1111-2222", "text": "四", "priority": "urgent"},
            {"to": TO, "text": "   "},
            {"to": TO, "text": "六", "template": str(uuid4())},
        ]

        response = post(client, "messages/batch", {"messages": items}, bearer(acme))

        results = response.json()["results"]
        assert response.status_code == 200
        assert [result["index"] for result in results] == [0, 1, 2, 3, 4, 5]
        assert ["id" in result for result in results] == [True, False, False, True, False, False]
        assert results[1]["error"]["code"] == "landline"
        with acme.scope():
            assert Message.objects.count() == 2
            assert sorted(Batch.objects.values_list("priority", "size")) == [(0, 1), (9, 1)]
            assert sum(Tally.objects.values_list("n", flat=True)) == 2
        assert len(enqueued) == 1

    def test_two_thousand_take_a_fixed_number_of_statements(
        self, account: CarrierAccount, acme: Cast, client: Any, enqueued: Enqueued, django_assert_max_num_queries: Any
    ) -> None:
        items = [{"to": f"090{1_000_0000 + place}", "text": f"本文{place}"} for place in range(2000)]

        with django_assert_max_num_queries(30):
            response = post(client, "messages/batch", {"messages": items}, bearer(acme))

        assert all("id" in result for result in response.json()["results"])
        with acme.scope():
            assert list(Batch.objects.order_by("id").values_list("size", flat=True)) == [1000, 1000]
            assert Message.objects.count() == 2000

    @pytest.mark.parametrize("body", [{}, {"messages": []}, {"messages": {}}, {"messages": None}, [], "x", 1, None])
    def test_refuses_what_is_no_list(self, account: CarrierAccount, acme: Cast, client: Any, body: Any) -> None:
        import json

        assert post(client, "messages/batch", json.dumps(body), bearer(acme)).status_code == 400

    def test_refuses_more_than_ten_thousand(self, account: CarrierAccount, acme: Cast, client: Any) -> None:
        assert post(client, "messages/batch", {"messages": [1] * 10_001}, bearer(acme)).status_code == 400


class TestGetMessages:
    def send(self, client: Any, cast: Cast, **body: Any) -> dict[str, Any]:
        answer: dict[str, Any] = post(client, "messages", {"to": TO, "text": "本文", **body}, bearer(cast)).json()
        return answer

    def test_finds_by_number_in_any_writing_and_by_reference(
        self, account: CarrierAccount, acme: Cast, client: Any, enqueued: Enqueued
    ) -> None:
        mine = self.send(client, acme, reference="R1")
        other = self.send(client, acme, to="080-1111-2222", reference="R2")

        def found(query: dict[str, str]) -> list[str]:
            response = client.get("/api/v1/messages", query, headers=bearer(acme))
            return [message["id"] for message in response.json()["results"]]

        for writing in ("090-1234-5678", "０９０　１２３４　５６７８", "+81 90 1234 5678", "9012345678"):
            assert found({"phone": writing}) == [mine["id"]]
        assert found({"reference": "R2"}) == [other["id"]]
        assert found({"phone": TO, "reference": "R2"}) == []
        assert found({}) == [other["id"], mine["id"]]
        assert found({"since": "2100-01-01T00:00:00+09:00"}) == []
        assert found({"since": "2001-01-01"}) == [other["id"], mine["id"]]

    @pytest.mark.parametrize(
        "query", ["phone=x", "since=tomorrow", "since=2022-13-45T00:00:00Z", "reference=%00", "cursor=x"]
    )
    def test_refuses_what_it_cannot_read(self, account: CarrierAccount, acme: Cast, client: Any, query: str) -> None:
        response = client.get(f"/api/v1/messages?{query}", headers=bearer(acme))

        assert response.status_code == 400
        assert {"code", "message"} <= set(response.json())

    def test_pages_go_on_where_they_stopped(
        self, account: CarrierAccount, acme: Cast, client: Any, enqueued: Enqueued
    ) -> None:
        post(client, "messages/batch", {"messages": [{"to": TO, "text": str(n)} for n in range(150)]}, bearer(acme))

        first = client.get("/api/v1/messages", headers=bearer(acme)).json()
        second = client.get("/api/v1/messages", {"cursor": first["next"]}, headers=bearer(acme)).json()

        assert (len(first["results"]), len(second["results"]), second["next"]) == (100, 50, None)
        assert len({message["id"] for message in first["results"] + second["results"]}) == 150

    def test_tells_the_whole_story(self, account: CarrierAccount, acme: Cast, client: Any, enqueued: Enqueued) -> None:
        sent = self.send(client, acme)
        with acme.scope():
            message = Message.objects.get(public_id=sent["id"])
            Message.objects.filter(pk=message.pk).update(
                state=Status.DELIVERED,
                carrier_id="ab12",
                accepted_at=message.created_at + timedelta(seconds=1),
                final_at=message.created_at + timedelta(seconds=3),
            )
            MessageEvent.objects.create(
                message=message, kind=EventKind.LATE_ANSWER, at=message.created_at + timedelta(seconds=2)
            )
        StoredReceipt.objects.using("carrier").create(
            account_id=account.pk,
            carrier_id="ab12",
            status="delivered",
            code="000",
            received_at=message.created_at + timedelta(seconds=3),
            sealed=keys.service().seal("carriers_storedreceipt", b"id:ab12 sub:001 stat:DELIVRD err:000"),
            tenant_id=acme.tenant.pk,
            message_id=message.pk,
        )

        answer = client.get(f"/api/v1/messages/{sent['id']}", headers=bearer(acme)).json()

        assert (answer["state"], answer["carrier_message_ids"]) == ("delivered", ["ab12"])
        assert [event["kind"] for event in answer["events"]] == [
            "created",
            "queued",
            "accepted",
            "late_answer",
            "receipt",
        ]
        assert bytes.fromhex(answer["events"][-1]["raw"]).startswith(b"id:ab12")
        with acme.scope():
            assert AuditEvent.objects.filter(action="message.viewed").count() == 1

    def test_says_sending_while_the_answer_is_outstanding(
        self, account: CarrierAccount, acme: Cast, client: Any, enqueued: Enqueued
    ) -> None:
        sent = self.send(client, acme)
        with acme.scope():
            Batch.objects.update(in_flight=[1])

        assert client.get(f"/api/v1/messages/{sent['id']}", headers=bearer(acme)).json()["state"] == "sending"

    def test_another_tenants_message_does_not_exist(
        self, account: CarrierAccount, acme: Cast, globex: Cast, client: Any, enqueued: Enqueued
    ) -> None:
        sent = self.send(client, acme)

        assert client.get(f"/api/v1/messages/{sent['id']}", headers=bearer(globex)).status_code == 404
        assert client.get("/api/v1/messages", {"phone": TO}, headers=bearer(globex)).json()["results"] == []


class TestLogs:
    @pytest.mark.parametrize("query", ["phone=09012345678", "phone=0312345678x", "phone=09012345678&since=never"])
    def test_keep_no_number_that_was_searched(
        self, account: CarrierAccount, acme: Cast, client: Any, caplog: Any, capfd: Any, query: str
    ) -> None:
        with caplog.at_level("DEBUG"):
            client.get(f"/api/v1/messages?{query}", headers=bearer(acme))
            client.get(f"/api/v1/messages?{query}")

        written = caplog.text + "".join(capfd.readouterr())
        assert "12345678" not in written
