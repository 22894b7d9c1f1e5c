"""Who consented to texts: who, when, how and for what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from recipients.models import Consent, Recipient, Roster
from recipients.selectors.registers import find_consents, visible_consents
from recipients.services import record_consent
from recipients.services.errors import BadDay, NotATextNumber, UnknownChannel
from tenants.actors import Actor
from tenants.errors import NotAllowed
from tenants.models import AuditEvent, Department
from tenants.permissions import Role
from tests.app.api.test_keys import bearer
from tests.app.recipients.conftest import person
from tests.conftest import NOON, Cast

Upload = Callable[..., Roster]
PHONE = "090-1000-0001"


def say(cast: Cast, is_given: bool = True, **options: Any) -> Consent:
    with cast.scope():
        return record_consent(**{"phone": PHONE, "is_given": is_given, "by": cast.admin, "now": NOON, **options})


class TestRecordConsent:
    def test_keeps_who_when_how_and_for_what(self, acme: Cast) -> None:
        entry = say(
            acme,
            given_on=date(2022, 8, 1),
            channel="paper",
            purpose="療養中の連絡",
            name="港　1郎",
            external_id="A-0001",
            department=acme.department,
        )

        with acme.scope():
            kept = Consent.objects.get(pk=entry.pk)
            assert (kept.given_on, kept.channel, kept.department_id, kept.created_by_id) == (
                date(2022, 8, 1),
                "paper",
                acme.department.pk,
                acme.admin.user_id,
            )
            assert kept.personal == {
                "phone": "+819010000001",
                "external_id": "A-0001",
                "name": "港　1郎",
                "purpose": "療養中の連絡",
                "note": "",
            }
            assert AuditEvent.objects.filter(action="consent.given").count() == 1

    @pytest.mark.parametrize(
        ("options", "refusal"),
        [
            ({"phone": "なし"}, NotATextNumber),
            ({"given_on": NOON.date() + timedelta(days=2)}, BadDay),
            ({"channel": "pigeon"}, UnknownChannel),
        ],
    )
    def test_refuses_what_makes_no_sense(self, acme: Cast, options: Any, refusal: type[Exception]) -> None:
        with pytest.raises(refusal):
            say(acme, **options)

        with acme.scope():
            assert not Consent.objects.exists()

    def test_refuses_staff(self, acme: Cast) -> None:
        with pytest.raises(NotAllowed):
            say(acme, by=acme.staff)


class TestTheRegister:
    def test_speaks_where_the_roster_is_silent(self, acme: Cast, globex: Cast, uploaded: Upload) -> None:
        say(acme)
        say(globex, phone="09010000002")

        roster = uploaded(person(1, consent=""), person(2, consent=""))

        assert roster.counts == {"sms": 1, "call": 1, "error": 0, "skip": 0}

    def test_turns_a_yes_of_the_roster_into_a_call_where_it_was_taken_back(
        self, acme: Cast, uploaded: Upload, signed_in: Any
    ) -> None:
        say(acme)
        say(acme, is_given=False)

        roster = uploaded(person(1))

        assert roster.reasons == {"no_consent": 1}
        page = signed_in(acme.users[Role.STAFF]).get(f"/rosters/{roster.public_id}/rows?route=call").content.decode()
        assert "同意の台帳で、同意が取り消されています" in page

    @pytest.mark.parametrize(
        ("entries", "route"),
        [
            ([(True, 1), (False, 2)], "call"),
            ([(False, 2), (True, 1)], "call"),
            ([(False, 1), (True, 2)], "sms"),
            ([(False, 1), (True, 1)], "sms"),
        ],
        ids=["withdrawn", "told in another order", "given again", "the same day"],
    )
    def test_goes_by_what_was_said_last(
        self, acme: Cast, uploaded: Upload, entries: list[tuple[bool, int]], route: str
    ) -> None:
        for is_given, day in entries:
            say(acme, is_given=is_given, given_on=date(2022, 8, day))

        assert uploaded(person(1, consent="")).counts[route] == 1

    def test_of_one_person_says_nothing_about_their_family(self, acme: Cast, uploaded: Upload) -> None:
        say(acme, external_id="A-0001")

        roster = uploaded(person(1, consent=""), person(2, phone=PHONE, consent=""))

        with acme.scope():
            reasons = list(Recipient.objects.filter(roster=roster).order_by("row").values_list("reason", flat=True))
        assert reasons == ["", "no_consent"]

    def test_of_another_department_does_not_count(self, acme: Cast, uploaded: Upload) -> None:
        with acme.scope():
            other = Department.objects.create(name="料金課")
        say(acme, department=other)

        assert uploaded(person(1, consent="")).reasons == {"no_consent": 1}

    def test_keeps_the_history_of_a_person(self, acme: Cast) -> None:
        for day in (1, 3, 2):
            say(acme, given_on=date(2022, 8, day), external_id="A-0001")

        with acme.scope():
            by_number = [entry.given_on.day for entry in find_consents("０９０ 1000 0001", by=acme.admin)]
            by_id = [entry.given_on.day for entry in find_consents(" A-0001 ", by=acme.admin)]
        assert by_number == by_id == [3, 2, 1]


class TestThePage:
    def test_shows_adds_and_finds_entries(self, acme: Cast, signed_in: Any) -> None:
        browser = signed_in(acme.users[Role.ADMIN])
        form = {"phone": PHONE, "is_given": "1", "channel": "paper", "purpose": "療養中の連絡", "name": "港　1郎"}

        assert browser.post("/registers/consents/add", form).status_code == 302

        assert "療養中の連絡" in browser.get("/registers/consents").content.decode()
        found = browser.post("/registers/consents", {"person": "09010000001"}).content.decode()
        assert "港　1郎" in found
        assert "この人の記録は台帳にありません" in browser.post("/registers/consents", {"person": "x"}).content.decode()

    def test_keeps_what_was_typed_beside_the_error(self, acme: Cast, signed_in: Any) -> None:
        answer = signed_in(acme.users[Role.ADMIN]).post(
            "/registers/consents/add", {"phone": "なし", "is_given": "1", "name": "港　1郎"}
        )

        assert answer.status_code == 422
        assert "港　1郎" in answer.content.decode()

    def test_lets_staff_read_and_not_write(self, acme: Cast, signed_in: Any) -> None:
        browser = signed_in(acme.users[Role.STAFF])

        assert browser.get("/registers/consents").status_code == 200
        assert browser.post("/registers/consents/add", {"phone": PHONE, "is_given": "1"}).status_code == 403
        assert browser.get("/registers/consents/export.csv").status_code == 403


class TestFiles:
    def take(self, browser: Any, text: str) -> Any:
        file = SimpleUploadedFile("consents.csv", text.encode("cp932"))
        return browser.post("/registers/consents/import", {"file": file})

    def test_what_was_exported_can_be_imported_elsewhere(
        self, acme: Cast, globex: Cast, client: Any, signed_in: Any
    ) -> None:
        say(acme, purpose="療養中の連絡", channel="counter", external_id="A-1", given_on=date(2022, 8, 1))
        say(acme, is_given=False, external_id="A-1", given_on=date(2022, 8, 2), note="=1+1")
        exported = signed_in(acme.users[Role.ADMIN]).get("/registers/consents/export.csv").content

        answer = signed_in(globex.users[Role.ADMIN]).post(
            "/registers/consents/import", {"file": SimpleUploadedFile("c.csv", exported)}
        )

        assert answer.status_code == 302
        with globex.scope():
            taken = [(entry.is_given, entry.personal, entry.channel) for entry in Consent.objects.order_by("pk")]
        with acme.scope():
            kept = [(entry.is_given, entry.personal, entry.channel) for entry in Consent.objects.order_by("pk")]
        assert taken == kept
        assert "'=1+1" in exported.decode("utf-8-sig")

    def test_the_same_file_twice_adds_nothing(self, acme: Cast, signed_in: Any) -> None:
        browser = signed_in(acme.users[Role.ADMIN])
        text = "電話番号,同意,同意・取り消しの日\r\n090-1000-0001,有,R4.8.1\r\n"

        assert [self.take(browser, text).status_code for _ in range(2)] == [302, 302]

        with acme.scope():
            assert Consent.objects.get().given_on == date(2022, 8, 1)

    @pytest.mark.parametrize(
        ("line", "sentence"),
        [
            (
                "なし,有,",
                "2件目の「電話番号」の欄: 電話番号として読み取れません。090-1234-5678 のように入力してください。",
            ),
            ("09011112222,たぶん,", "2件目の「同意」の欄: 「たぶん」は、同意の有無として読み取れません。「有」か"),
            (
                "09011112222,有,きのう",
                "2件目の「同意・取り消しの日」の欄: 「きのう」は、日付として読み取れません。2022/8/15",
            ),
            ("09011112222,有,2099/1/1", "2件目の「同意・取り消しの日」の欄: 今日までの日付を"),
        ],
    )
    def test_one_wrong_line_and_nothing_is_taken(self, acme: Cast, signed_in: Any, line: str, sentence: str) -> None:
        text = f"電話番号,同意,同意・取り消しの日\r\n090-1000-0001,有,\r\n{line}\r\n"

        answer = self.take(signed_in(acme.users[Role.ADMIN]), text)

        assert answer.status_code == 422
        assert sentence in answer.content.decode()
        with acme.scope():
            assert not Consent.objects.exists()

    def test_a_file_that_does_not_say_yes_or_no_is_refused(self, acme: Cast, signed_in: Any) -> None:
        answer = self.take(signed_in(acme.users[Role.ADMIN]), "電話番号\r\n090-1000-0001\r\n")

        assert answer.status_code == 422


class TestTheApi:
    def post(self, client: Any, cast: Cast, body: Any, role: Role = Role.ADMIN) -> Any:
        return client.post("/api/v1/consents", body, content_type="application/json", headers=bearer(cast, role))

    def test_writes_and_reads(self, acme: Cast, globex: Cast, client: Any) -> None:
        made = self.post(client, acme, {"phone": PHONE, "channel": "web", "purpose": "予約", "given_on": "2022-08-01"})
        self.post(client, acme, {"phone": PHONE, "given": False})

        listed = client.get("/api/v1/consents", headers=bearer(acme, Role.STAFF)).json()
        found = client.get("/api/v1/consents?phone=09010000001", headers=bearer(acme, Role.STAFF)).json()

        assert made.status_code == 201
        assert (made.json()["phone"], made.json()["given"], made.json()["recorded_by"]) == (
            "+819010000001",
            True,
            "acme admin",
        )
        assert [entry["given"] for entry in listed["results"]] == [False, True]
        assert [entry["given"] for entry in found["results"]] == [False, True]
        assert client.get("/api/v1/consents", headers=bearer(globex, Role.ADMIN)).json()["results"] == []

    def test_refuses_what_is_no_number_and_who_may_not(self, acme: Cast, client: Any) -> None:
        assert self.post(client, acme, {"phone": "なし"}).json()["code"] == "bad_number"
        assert self.post(client, acme, {"phone": PHONE}, role=Role.STAFF).status_code == 403


class TestAnotherDepartment:
    @pytest.fixture
    def neighbour(self, acme: Cast) -> Actor:
        """An admin of another department, beside whom a yes to the first department and one to the office stand."""
        with acme.scope():
            other = Department.objects.create(name="料金課")
        say(acme, external_id="A-0001", department=acme.department)
        say(acme, external_id="A-0002")
        return replace(acme.admin, roles=((Role.ADMIN, other.pk),))

    def test_does_not_see_what_people_said_to_this_one(self, acme: Cast, neighbour: Actor) -> None:
        with acme.scope():
            assert [entry.personal["external_id"] for entry in visible_consents(neighbour)] == ["A-0002"]
            assert [entry.personal["external_id"] for entry in find_consents(PHONE, by=neighbour)] == ["A-0002"]
            assert visible_consents(acme.admin).count() == 2

    def test_records_nothing_for_this_one(self, acme: Cast, neighbour: Actor) -> None:
        with pytest.raises(NotAllowed):
            say(acme, department=acme.department, by=neighbour)
