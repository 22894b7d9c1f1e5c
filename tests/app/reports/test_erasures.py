"""A person is erased: nothing of theirs is left anywhere, everything of others is, and the certificate says so."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connections

from dispatch import evidence
from dispatch.models import Call, Campaign, Message
from dispatch.selectors.progress import progress_of
from dispatch.services.calls import record_attempt
from dispatch.states import Status
from recipients.models import Consent, NameGram, Recipient, Roster, RosterFile, Route
from recipients.services import change_mapping, record_consent
from recipients.services.errors import RosterFileGone, RosterFrozen
from recipients.services.mending import subject_of_row
from recipients.services.naming import index_roster
from reports.person_addresses import BY_PHONE, PersonKey, hash_of_name
from reports.selectors.people import find_people
from tenants import keys, rotation
from tenants.keys import ring
from tenants.models import AuditEvent, Erasure, Membership, User
from tenants.permissions import Role
from tenants.services import AboutPerson, record
from tests.app.privacy import traces
from tests.app.reports.sending import deliver, sent_campaign
from tests.conftest import NOON, Cast
from tests.factories.dispatch import make_account, person

pytestmark = pytest.mark.usefixtures("committed", "enqueued")
PHONE, NAME, NOTE = "+816010000001", "鱶鰰 花子", "鵺に電話した"
CONFIRMED = {"reason": "本人の求め", "word": "消去"}


@pytest.fixture
def campaign(acme: Cast) -> Campaign:
    """鱶鰰 花子 got a text, and was phoned from another roster; 患者2 got a text too."""
    make_account()
    sent = sent_campaign(acme, [person(1, phone=PHONE, name=NAME), person(2)])
    phoned = sent_campaign(
        acme, [person(1, phone=PHONE, name=NAME, route=Route.CALL, reason="age"), person(2)], name="電話も"
    )
    for message in all_messages(acme):
        deliver(acme, message)
    with acme.scope():
        for roster in Roster.objects.all():
            index_roster(roster)
            seal = ring().sealer("recipients_rosterfile")
            RosterFile.objects.create(roster=roster, number=0, sealed=seal(f"{NAME},{PHONE}".encode()))
        record_attempt(call=Call.objects.get(), outcome="reached", by=acme.staff, now=NOON, note=NOTE)
        Campaign.objects.filter(pk=phoned.pk).update(state="done")
    return sent


def all_messages(cast: Cast) -> list[Message]:
    with cast.scope():
        return list(Message.objects.order_by("id"))


def address_of(cast: Cast, *, phone: str = PHONE, name: str = NAME) -> str:
    with cast.scope():
        key = PersonKey(kind=BY_PHONE, value=ring().hash("phone", phone), name_hash=hash_of_name(name))
        return key.address


def everything_sealed(cast: Cast) -> str:
    """All blobs of the tenant, whatever table they stand in, and the raw receipts, opened."""
    found = []
    with cast.scope(), connections["default"].cursor() as cursor:
        for each in rotation.sealed_columns():
            cursor.execute(f"SELECT {each.column} FROM {each.table} WHERE length({each.column}) > 2")  # noqa: S608 - our own names
            found += [ring().open(each.table, blob).decode("utf-8", "replace") for (blob,) in cursor.fetchall()]
        cursor.execute("SELECT sealed FROM carriers_storedreceipt")
        found += [keys.service().open("carriers_storedreceipt", b).decode("latin-1") for (b,) in cursor.fetchall() if b]
    return "\n".join(found)


def leave_traces(cast: Cast, browser: Any) -> None:
    """Somebody looks the person up, and somebody else mended their rows."""
    assert NAME in browser.post("/people", {"query": PHONE}, follow=True).content.decode()
    with cast.scope():
        for recipient in Recipient.objects.filter(phone_hash=ring().hash("phone", PHONE)):
            about = AboutPerson(
                subject=subject_of_row(roster_id=recipient.roster_id, row=recipient.row),
                details={"fields": {"氏名": NAME}, "before": {"電話番号": PHONE}},
            )
            record(action="roster.row_mended", by=cast.staff, now=NOON, about=about)
        message = Message.objects.get(phone_hash=ring().hash("phone", PHONE))
        call = Call.objects.get()
    assert NAME in browser.get(f"/messages/{message.public_id}").content.decode()
    assert NAME in browser.get(f"/calls/{call.public_id}").content.decode()
    assert NAME in browser.get("/audit").content.decode()
    assert NAME in browser.get("/audit/file").content.decode()


class TestErasing:
    def test_leaves_nothing_of_the_person(self, acme: Cast, campaign: Campaign, signed_in: Any) -> None:
        browser = signed_in(acme.users[Role.ADMIN])
        leave_traces(acme, browser)
        before = everything_sealed(acme)
        assert NAME in before
        assert NOTE in before

        answer = browser.post(f"/people/{address_of(acme)}/erase", CONFIRMED)

        assert answer.status_code == 302
        after = everything_sealed(acme)
        assert NAME not in after
        assert PHONE not in after
        assert NOTE not in after
        with acme.scope():
            phone_hash = ring().hash("phone", PHONE)
            for model in (Recipient, Message, Call):
                assert not model.objects.filter(phone_hash=phone_hash).exists()
            assert find_people("鱶鰰", by=acme.admin) == []
            assert find_people(PHONE, by=acme.admin) == []

    def test_the_trail_stays_and_says_no_more_whom_it_was_about(
        self, acme: Cast, campaign: Campaign, signed_in: Any
    ) -> None:
        browser = signed_in(acme.users[Role.ADMIN])
        leave_traces(acme, browser)
        browser.post("/people", {"query": "患者2"}, follow=True)
        with acme.scope():
            before = dict(AuditEvent.objects.values_list("pk", "sealed"))

        browser.post(f"/people/{address_of(acme)}/erase", CONFIRMED)

        words = browser.get("/audit").content.decode()
        assert NAME not in words
        assert words.count("（消去しました）") == 5
        file = browser.get("/audit/file").content.decode()
        assert NAME not in file
        assert PHONE not in file
        assert "患者2" in file
        assert "患者2" in words
        with acme.scope():
            after = dict(AuditEvent.objects.values_list("pk", "sealed"))
            assert Erasure.objects.get().personal["counts"]["trail"] == 5
        assert {pk: bytes(after[pk]) for pk in before} == {pk: bytes(blob) for pk, blob in before.items()}

    def test_the_answer_that_the_api_kept_goes_and_nothing_is_sent_again(
        self, acme: Cast, campaign: Campaign, client: Any, signed_in: Any
    ) -> None:
        headers = {"Authorization": f"Bearer {acme.keys[Role.ADMIN]}", "Idempotency-Key": "once"}
        body = {"to": PHONE, "text": f"{NAME}様", "reference": NAME}
        sent = client.post("/api/v1/messages", body, content_type="application/json", headers=headers)
        assert sent.status_code == 201
        with acme.scope():
            Message.objects.filter(public_id=sent.json()["id"]).update(state=Status.DELIVERED)
            key = PersonKey(kind=BY_PHONE, value=ring().hash("phone", PHONE)).address

        signed_in(acme.users[Role.ADMIN]).post(f"/people/{key}/erase", CONFIRMED)

        with acme.scope():
            assert Erasure.objects.get().personal["counts"]["answers"] == 1
            messages = Message.objects.count()
        again = client.post("/api/v1/messages", body, content_type="application/json", headers=headers)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert (again.status_code, again.json()["id"], again.json()["text"]) == (201, sent.json()["id"], "")
        assert NAME not in again.content.decode()
        with acme.scope():
            assert Message.objects.count() == messages

    def test_takes_their_consents_and_leaves_those_of_others(
        self, acme: Cast, campaign: Campaign, signed_in: Any
    ) -> None:
        with acme.scope():
            record_consent(phone=PHONE, is_given=True, name=NAME, by=acme.admin, now=NOON)
            record_consent(phone="06010000002", is_given=True, name="患者2", by=acme.admin, now=NOON)

        signed_in(acme.users[Role.ADMIN]).post(f"/people/{address_of(acme)}/erase", CONFIRMED)

        with acme.scope():
            assert [entry.personal["name"] for entry in Consent.objects.all()] == ["患者2"]
            assert Erasure.objects.get().personal["counts"]["consents"] == 1

    def test_leaves_the_others_and_the_counts(self, acme: Cast, campaign: Campaign, signed_in: Any) -> None:
        with acme.scope():
            before = progress_of(campaign)

        browser = signed_in(acme.users[Role.ADMIN])
        browser.post(f"/people/{address_of(acme)}/erase", CONFIRMED)

        with acme.scope():
            assert progress_of(campaign) == before
            assert [found.name for found in find_people("患者", by=acme.admin)] == ["患者2"]
            roster = Roster.objects.get(pk=campaign.roster_id)
            assert (roster.rows, roster.sms, roster.skip) == (2, 1, 1)
            assert {tuple(g.rows) for g in NameGram.objects.filter(roster=roster)} == {(2,)}
            (erased,) = [m for m in Message.objects.filter(campaign=campaign) if not m.personal["to"]]
            assert [event.kind for event in evidence.timeline_of(erased)][-1] == "receipt"
        for page in (
            f"/messages/{erased.public_id}",
            f"/campaigns/{campaign.public_id}",
            f"/rosters/{roster.public_id}",
        ):
            assert browser.get(page).status_code == 200, page
        assert browser.get(f"/rosters/{roster.public_id}/rows?route=skip").status_code == 200

    def test_shows_a_certificate_that_proves_itself(self, acme: Cast, campaign: Campaign, signed_in: Any) -> None:
        browser = signed_in(acme.users[Role.ADMIN])

        answer = browser.post(f"/people/{address_of(acme)}/erase", CONFIRMED, follow=True)

        words = answer.content.decode()
        assert "書かれたときのままです。" in words
        assert NAME not in words
        with acme.scope():
            erasure = Erasure.objects.get()
            assert erasure.personal["counts"] == {
                "rows": 2, "rosters": 2, "files": 2, "messages": 1, "receipts": 1, "calls": 1, "notes": 1, "consents": 0,
                "answers": 0, "trail": 0,
            }  # fmt: skip
            event = AuditEvent.objects.get(action="person.erased")
            assert NAME not in str(event.personal)
            erasure.seal({**erasure.personal, "reason": "別の理由"})
        with acme.scope(), connections["owner"].cursor() as cursor:
            cursor.execute("SELECT set_config('app.tenant_id', %s, false)", [str(acme.tenant.pk)])
            cursor.execute("UPDATE tenants_erasure SET sealed = %s", [erasure.sealed])
            cursor.execute("SELECT set_config('app.tenant_id', '', false)")
        assert "書き換えられたおそれがあります" in browser.get(f"/erasures/{erasure.public_id}").content.decode()
        assert "本人の求め" not in browser.get("/erasures").content.decode()

    def test_the_file_cannot_be_read_again(self, acme: Cast, campaign: Campaign, signed_in: Any) -> None:
        signed_in(acme.users[Role.ADMIN]).post(f"/people/{address_of(acme)}/erase", CONFIRMED)

        with acme.scope():
            roster = Roster.objects.get(pk=campaign.roster_id)
            with pytest.raises(RosterFrozen):
                change_mapping(roster=roster, mapping={"phone": "電話番号"}, by=acme.admin, now=NOON)
            Roster.objects.update(frozen_at=None)
            with pytest.raises(RosterFileGone):
                change_mapping(roster=roster, mapping={"phone": "電話番号"}, by=acme.admin, now=NOON)

    def test_texts_to_a_number_without_a_name(self, acme: Cast, campaign: Campaign, signed_in: Any) -> None:
        with acme.scope():
            Message.objects.filter(phone_hash=ring().hash("phone", PHONE)).update(recipient=None, campaign=None)
            key = PersonKey(kind=BY_PHONE, value=ring().hash("phone", PHONE)).address

        signed_in(acme.users[Role.ADMIN]).post(f"/people/{key}/erase", CONFIRMED)

        with acme.scope():
            assert Erasure.objects.get().personal["counts"]["messages"] == 1
            assert Recipient.objects.filter(phone_hash=ring().hash("phone", PHONE)).count() == 2


class TestRefusals:
    def test_while_a_text_is_under_way(self, acme: Cast, signed_in: Any) -> None:
        make_account()
        sent_campaign(acme, [person(1, phone=PHONE, name=NAME)])

        answer = signed_in(acme.users[Role.ADMIN]).post(f"/people/{address_of(acme)}/erase", CONFIRMED)

        assert answer.status_code == 422
        assert "結果がまだ決まっていません" in answer.content.decode()
        assert NAME in everything_sealed(acme)

    @pytest.mark.parametrize("given", [{"reason": "x", "word": "けす"}, {"reason": "", "word": "消去"}, {}])
    def test_without_the_word_or_a_reason(
        self, acme: Cast, campaign: Campaign, signed_in: Any, given: dict[str, str]
    ) -> None:
        answer = signed_in(acme.users[Role.ADMIN]).post(f"/people/{address_of(acme)}/erase", given)

        assert answer.status_code in {200, 422}
        assert NAME in everything_sealed(acme)

    def test_for_an_admin_of_one_department(self, acme: Cast, campaign: Campaign, signed_in: Any) -> None:
        user = User.objects.create_user(email="da@acme.example", password="x" * 16, name="da", tenant_id=acme.tenant.pk)
        with acme.scope():
            Membership.objects.create(user=user, department=acme.department, role=Role.ADMIN)

        assert signed_in(user).post(f"/people/{address_of(acme)}/erase", CONFIRMED).status_code == 403
        assert NAME in everything_sealed(acme)

    def test_for_another_tenant(self, acme: Cast, globex: Cast, campaign: Campaign, signed_in: Any) -> None:
        assert signed_in(globex.users[Role.ADMIN]).get(f"/people/{address_of(acme)}/erase").status_code == 404

    def test_shows_what_will_go(self, acme: Cast, campaign: Campaign, signed_in: Any) -> None:
        browser = signed_in(acme.users[Role.ADMIN])

        words = browser.get(f"/people/{address_of(acme)}/erase").content.decode()

        assert "名簿の行 2件" in words
        assert "この人の記録を消去する" in browser.get(f"/people/{address_of(acme)}").content.decode()


def test_a_dump_after_it_holds_no_more_than_before(acme: Cast, campaign: Campaign, signed_in: Any) -> None:
    signed_in(acme.users[Role.ADMIN]).post(f"/people/{address_of(acme)}/erase", CONFIRMED)
    marks = traces.writings(NAME)

    assert {where for where, content in traces.dump_of_database() if traces.traces(content, marks)} == set()
