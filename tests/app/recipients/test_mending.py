"""A person mends a row; the roster follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from recipients.models import Recipient, Roster, Route
from recipients.services import change_mapping, mend_row, read_roster
from recipients.services.errors import MappingRefused, RosterFrozen, RosterNotReady, UnknownField
from tenants.errors import NotAllowed
from tenants.models import AuditEvent
from tenants.permissions import Role
from tests.app.recipients.conftest import make_csv, person
from tests.conftest import NOON, Cast

Upload = Callable[..., Roster]


class TestMendRow:
    def test_routes_the_row_anew_and_counts_it(self, acme: Cast, uploaded: Upload) -> None:
        roster = uploaded(person(1), person(2, phone="0901234"))
        assert (roster.sms, roster.error, roster.reasons) == (1, 1, {"too_short": 1})

        with acme.scope():
            mended = mend_row(roster=roster, row=2, fields={"phone": "０９０-1234-5678"}, by=acme.staff, now=NOON)

            roster.refresh_from_db()
            assert (mended.route, mended.personal["phone"]) == (Route.SMS, "+819012345678")
            assert mended.personal["cells"]["電話番号"] == "０９０-1234-5678"
            assert mended.is_mended
            assert (roster.sms, roster.error, roster.reasons) == (2, 0, {})
            event = AuditEvent.objects.get(action="roster.row_mended")
            assert event.subjects.get().personal["before"] == {"電話番号": "0901234"}

    def test_takes_a_column_by_its_header(self, acme: Cast, uploaded: Upload) -> None:
        roster = uploaded(person(1, consent="たぶん"))

        with acme.scope():
            mended = mend_row(roster=roster, row=1, fields={"SMS同意": "無"}, by=acme.staff, now=NOON)

        assert (mended.route, mended.reason) == (Route.CALL, "no_consent")

    def test_still_finds_what_is_wrong(self, acme: Cast, uploaded: Upload) -> None:
        roster = uploaded(person(1, phone="0901234"))

        with acme.scope():
            mended = mend_row(roster=roster, row=1, fields={"phone": "\ud800\x00なし"}, by=acme.staff, now=NOON)

        assert (mended.route, mended.reason) == (Route.ERROR, "unreadable")

    def test_finds_the_same_person_again(self, acme: Cast, uploaded: Upload) -> None:
        roster = uploaded(person(1), person(1, phone="0901"))

        with acme.scope():
            mended = mend_row(roster=roster, row=2, fields={"phone": "09010000001"}, by=acme.staff, now=NOON)

        assert (mended.route, mended.reason) == (Route.SKIP, "duplicate")

    def test_refuses_a_field_that_is_not_there(self, acme: Cast, uploaded: Upload) -> None:
        roster = uploaded(person(1, phone="0901"))

        with acme.scope(), pytest.raises(UnknownField):
            mend_row(roster=roster, row=1, fields={"給料": "1"}, by=acme.staff, now=NOON)

    def test_refuses_while_a_campaign_holds_the_roster(self, acme: Cast, uploaded: Upload) -> None:
        roster = uploaded(person(1, phone="0901"))
        with acme.scope():
            Roster.objects.filter(pk=roster.pk).update(frozen_at=NOON)
            with pytest.raises(RosterFrozen):
                mend_row(roster=roster, row=1, fields={"phone": "09012345678"}, by=acme.staff, now=NOON)
            with pytest.raises(RosterFrozen):
                change_mapping(roster=roster, mapping={"phone": "電話番号"}, by=acme.staff, now=NOON)
            assert Recipient.objects.get(roster=roster).route == Route.ERROR

            Roster.objects.filter(pk=roster.pk).update(frozen_at=None)

            mend_row(roster=roster, row=1, fields={"phone": "09012345678"}, by=acme.staff, now=NOON)

    def test_refuses_a_viewer(self, acme: Cast, uploaded: Upload) -> None:
        roster = uploaded(person(1, phone="0901"))

        with acme.scope(), pytest.raises(NotAllowed):
            mend_row(roster=roster, row=1, fields={"phone": "09012345678"}, by=acme.viewer, now=NOON)


class TestChangeMapping:
    HEADER = "管理番号,氏名,生年月日,電話番号,緊急連絡先,SMS同意"

    def upload(self, uploaded: Upload) -> Roster:
        rows = ("1,山田　花,1980/1/1,09011112222,0901,有", "2,川田　空,1980/1/1,0901,09033334444,有")
        return uploaded(data=make_csv(*rows, header=self.HEADER))

    def test_reads_the_file_again_and_keeps_what_people_mended(self, acme: Cast, uploaded: Upload) -> None:
        roster = self.upload(uploaded)
        with acme.scope():
            mend_row(roster=roster, row=2, fields={"氏名": "川田　海"}, by=acme.staff, now=NOON)
            change_mapping(roster=roster, mapping={**roster.mapping, "phone": "緊急連絡先"}, by=acme.staff, now=NOON)

        assert read_roster(tenant_id=acme.tenant.pk, roster_id=roster.pk, now=NOON)

        with acme.scope():
            rows = list(Recipient.objects.filter(roster=roster).order_by("row"))
            assert [row.route for row in rows] == [Route.ERROR, Route.SMS]
            assert rows[1].personal["name"] == "川田　海"

    def test_is_remembered_for_the_departments_next_roster(self, acme: Cast, globex: Cast, uploaded: Upload) -> None:
        roster = self.upload(uploaded)
        with acme.scope():
            change_mapping(roster=roster, mapping={**roster.mapping, "phone": "緊急連絡先"}, by=acme.staff, now=NOON)
        read_roster(tenant_id=acme.tenant.pk, roster_id=roster.pk, now=NOON)

        again = self.upload(uploaded)

        with acme.scope():
            assert again.mapping["phone"] == "緊急連絡先"

    def test_finds_the_phone_column_of_a_file_that_failed_for_it(self, acme: Cast, uploaded: Upload) -> None:
        roster = uploaded(data=make_csv("1,山田,09011112222", "2,川田,x", "3,港,x", header="番,氏,か"))
        with acme.scope():
            assert roster.failure_code == "no_phone_column"
            change_mapping(roster=roster, mapping={"phone": "か", "name": "氏"}, by=acme.staff, now=NOON)

        read_roster(tenant_id=acme.tenant.pk, roster_id=roster.pk, now=NOON)

        with acme.scope():
            roster = Roster.objects.get(pk=roster.pk)
            assert roster.is_ready
            assert "failure" not in roster.personal

    def test_refuses_a_mapping_without_a_phone(self, acme: Cast, uploaded: Upload) -> None:
        roster = self.upload(uploaded)

        with acme.scope(), pytest.raises(MappingRefused):
            change_mapping(roster=roster, mapping={"name": "氏名"}, by=acme.staff, now=NOON)

    def test_refuses_a_roster_that_is_being_read(self, acme: Cast, uploaded: Upload) -> None:
        roster = self.upload(uploaded)
        with acme.scope():
            Roster.objects.filter(pk=roster.pk).update(state="reading")

            with pytest.raises(RosterNotReady):
                change_mapping(roster=roster, mapping={"phone": "電話番号"}, by=acme.staff, now=NOON)


class TestARowWithMoreCellsThanHeaders:
    def test_is_mended_in_all_its_cells_at_once(self, acme: Cast, uploaded: Upload, signed_in: Any) -> None:
        roster = uploaded(person(1), "A-2,港,２郎,1980/01/02,09010000002,有,2022/08/20")
        assert roster.reasons == {"extra_cells": 1}
        browser = signed_in(acme.users[Role.STAFF])
        page = browser.get(f"/rosters/{roster.public_id}/rows?route=error").content.decode()
        assert page.count('name="value"') == 6

        columns = ["管理番号", "氏名", "生年月日", "電話番号", "SMS同意", "療養終了日"]
        values = ["A-2", "港　２郎", "1980/01/02", "09010000002", "有", "2022/08/20"]
        answer = browser.post(f"/rosters/{roster.public_id}/rows/2", {"column": columns, "value": values})

        assert answer.status_code == 302
        with acme.scope():
            mended = Recipient.objects.get(roster=roster, row=2)
            assert (mended.route, mended.personal["name"]) == (Route.SMS, "港　２郎")
