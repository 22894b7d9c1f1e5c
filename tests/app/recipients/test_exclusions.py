"""Those who are not concerned, from a second file; and one text for a family."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from recipients.models import ExclusionList, Recipient, Roster, RosterState, Route
from recipients.services import (
    ExclusionFile,
    change_mapping,
    choose_family_texts,
    drop_exclusions,
    exclude_from_file,
    mend_row,
    read_roster,
)
from recipients.services.errors import BadExclusions, NotAChoice, RosterFrozen
from tenants.errors import NotAllowed
from tenants.models import AuditEvent
from tenants.permissions import Role
from tests.app.api.test_keys import bearer
from tests.app.recipients.conftest import make_csv, person
from tests.conftest import NOON, Cast

Upload = Callable[..., Roster]


def paid(*lines: str, header: str = "管理番号,氏名") -> ExclusionFile:
    return ExclusionFile(data=make_csv(*lines, header=header), file_name="納付済み.csv")


def routes(roster: Roster) -> list[tuple[str, str]]:
    found = Recipient.objects.filter(roster=roster).order_by("row")
    return [(Route(recipient.route).word, recipient.reason) for recipient in found]


def exclude(cast: Cast, roster: Roster, file: ExclusionFile) -> Roster:
    with cast.scope():
        exclude_from_file(roster=roster, file=file, by=cast.staff, now=NOON)
    read_roster(tenant_id=cast.tenant.pk, roster_id=roster.pk, now=NOON)
    with cast.scope():
        return Roster.objects.get(pk=roster.pk)


class TestExclusions:
    def test_take_people_out_by_their_id_and_not_the_rest_of_the_family(self, acme: Cast, uploaded: Upload) -> None:
        roster = uploaded(person(1), person(2, phone="09010000001"), exclusions=paid("A-0001,港　1郎"))

        with acme.scope():
            assert routes(roster) == [("skip", "excluded"), ("sms", "")]
        assert roster.counts == {"sms": 1, "call": 0, "error": 0, "skip": 1}

    @pytest.mark.parametrize("number", ["090-1000-0001", "９０１００００００１", "+81 90 1000 0001"])
    def test_take_people_out_by_number_in_any_writing(self, acme: Cast, uploaded: Upload, number: str) -> None:
        roster = uploaded(person(1), person(2), exclusions=paid(number, header="電話番号"))

        with acme.scope():
            assert routes(roster) == [("skip", "excluded"), ("sms", "")]

    def test_use_the_number_beside_an_id_where_the_roster_has_no_id(self, acme: Cast, uploaded: Upload) -> None:
        data = make_csv("山田　花,09010000001,有,30", "山田　月,09010000002,有,30", header="氏名,電話番号,SMS同意,年齢")

        roster = uploaded(data=data, exclusions=paid("A-1,09010000001", header="管理番号,電話番号"))

        with acme.scope():
            assert routes(roster) == [("skip", "excluded"), ("sms", "")]

    def test_come_before_every_other_rule(self, acme: Cast, uploaded: Upload) -> None:
        roster = uploaded(person(1, phone="なし"), exclusions=paid("A-0001,"))

        assert roster.reasons == {"excluded": 1}

    def test_may_follow_later_and_what_was_mended_stays(self, acme: Cast, uploaded: Upload) -> None:
        roster = uploaded(person(1), person(2, phone="なし"), person(3))
        with acme.scope():
            mend_row(roster=roster, row=2, fields={"phone": "09011112222"}, by=acme.staff, now=NOON)

        roster = exclude(acme, roster, paid("A-0003,"))

        with acme.scope():
            assert routes(roster) == [("sms", ""), ("sms", ""), ("skip", "excluded")]
            assert AuditEvent.objects.get(action="roster.exclusions_added").personal["rows"] == 1

    def test_are_replaced_and_dropped_as_a_whole(self, acme: Cast, uploaded: Upload) -> None:
        roster = exclude(acme, uploaded(person(1), person(2), exclusions=paid("A-0001,")), paid("A-0002,"))
        with acme.scope():
            assert routes(roster) == [("sms", ""), ("skip", "excluded")]

            drop_exclusions(roster=roster, by=acme.staff, now=NOON)
        read_roster(tenant_id=acme.tenant.pk, roster_id=roster.pk, now=NOON)

        with acme.scope():
            assert routes(roster) == [("sms", ""), ("sms", "")]
            assert not ExclusionList.objects.exists()

    def test_stay_when_the_columns_are_read_anew_and_a_row_is_mended(self, acme: Cast, uploaded: Upload) -> None:
        roster = uploaded(person(1), person(2), exclusions=paid("A-0001,"))
        with acme.scope():
            change_mapping(roster=roster, mapping=roster.mapping, by=acme.staff, now=NOON)
        read_roster(tenant_id=acme.tenant.pk, roster_id=roster.pk, now=NOON)

        with acme.scope():
            mend_row(roster=roster, row=1, fields={"name": "別の名"}, by=acme.staff, now=NOON)
            assert routes(roster) == [("skip", "excluded"), ("sms", "")]

    def test_without_a_number_or_an_id_are_refused_and_nothing_is_uploaded(self, acme: Cast, uploaded: Upload) -> None:
        with pytest.raises(BadExclusions):
            uploaded(person(1), exclusions=paid("花,赤", header="名前,色"))

        with acme.scope():
            assert not Roster.objects.exists()

    def test_that_are_no_table_leave_the_roster_as_it_is(self, acme: Cast, uploaded: Upload) -> None:
        roster = uploaded(person(1))

        with acme.scope():
            with pytest.raises(BadExclusions):
                exclude_from_file(roster=roster, file=ExclusionFile(b"%PDF-1.7", "x.pdf"), by=acme.staff, now=NOON)
            roster.refresh_from_db()
        assert roster.state == RosterState.READY

    def test_are_refused_once_a_campaign_rests_on_the_roster(self, acme: Cast, uploaded: Upload) -> None:
        roster = uploaded(person(1))
        with acme.scope():
            Roster.objects.filter(pk=roster.pk).update(frozen_at=NOON)

            with pytest.raises(RosterFrozen):
                exclude_from_file(roster=roster, file=paid("A-0001,"), by=acme.staff, now=NOON)

    def test_a_viewer_excludes_nobody(self, acme: Cast, uploaded: Upload) -> None:
        roster = uploaded(person(1))
        with acme.scope(), pytest.raises(NotAllowed):
            exclude_from_file(roster=roster, file=paid("A-0001,"), by=acme.viewer, now=NOON)

    def test_come_by_page_and_by_api(self, acme: Cast, uploaded: Upload, signed_in: Any, client: Any) -> None:
        roster = uploaded(person(1), person(2))
        file = SimpleUploadedFile("paid.csv", paid("A-0001,").data)
        browser = signed_in(acme.users[Role.STAFF])

        assert browser.post(f"/rosters/{roster.public_id}/exclusions", {"file": file}).status_code == 302
        read_roster(tenant_id=acme.tenant.pk, roster_id=roster.pk, now=NOON)

        assert "除外する人の一覧「paid.csv」（1行）" in browser.get(f"/rosters/{roster.public_id}").content.decode()
        shown = client.get(f"/api/v1/rosters/{roster.public_id}", headers=bearer(acme, Role.STAFF)).json()
        assert (shown["counts"]["skip"], shown["exclusions"]) == (1, {"rows": 1, "unread": 0})
        answer = client.delete(f"/api/v1/rosters/{roster.public_id}/exclusions", headers=bearer(acme, Role.STAFF))
        assert answer.status_code == 202


class TestFamilies:
    def choose(self, cast: Cast, roster: Roster, *, one_text: bool) -> Roster:
        with cast.scope():
            choose_family_texts(roster=roster, one_text=one_text, by=cast.staff, now=NOON)
        read_roster(tenant_id=cast.tenant.pk, roster_id=roster.pk, now=NOON)
        with cast.scope():
            return Roster.objects.get(pk=roster.pk)

    def test_get_one_text_between_them_where_the_office_says_so(
        self, acme: Cast, uploaded: Upload, signed_in: Any
    ) -> None:
        family = uploaded(person(1), person(2, phone="09010000001"), person(3))

        roster = self.choose(acme, family, one_text=True)

        with acme.scope():
            assert routes(roster) == [("sms", ""), ("skip", "shared_number"), ("sms", "")]
            assert Recipient.objects.get(roster=roster, row=2).personal["detail"] == "1"
        assert roster.counts == {"sms": 2, "call": 0, "error": 0, "skip": 1}
        page = signed_in(acme.users[Role.STAFF]).get(f"/rosters/{roster.public_id}").content.decode()
        assert "一人に1通ずつ送る" in page

    def test_get_one_each_again(self, acme: Cast, uploaded: Upload) -> None:
        roster = self.choose(acme, uploaded(person(1), person(2, phone="09010000001")), one_text=True)

        roster = self.choose(acme, roster, one_text=False)

        with acme.scope():
            assert routes(roster) == [("sms", ""), ("sms", "")]

    def test_a_row_that_is_mended_to_a_familys_number_joins_it(self, acme: Cast, uploaded: Upload) -> None:
        family = uploaded(person(1), person(2, phone="09010000001"), person(3, phone="なし"))
        roster = self.choose(acme, family, one_text=True)

        with acme.scope():
            mended = mend_row(roster=roster, row=3, fields={"phone": "09010000001"}, by=acme.staff, now=NOON)
            assert (mended.reason, mended.personal["detail"]) == ("shared_number", "1")

    def test_where_there_is_none_there_is_no_choice(self, acme: Cast, uploaded: Upload) -> None:
        roster = uploaded(person(1))
        with acme.scope(), pytest.raises(NotAChoice):
            choose_family_texts(roster=roster, one_text=True, by=acme.staff, now=NOON)

    def test_are_asked_about_over_the_api(self, acme: Cast, uploaded: Upload, client: Any) -> None:
        roster = uploaded(person(1), person(2, phone="09010000001"))

        answer = client.post(
            f"/api/v1/rosters/{roster.public_id}/families",
            {"one_text": True},
            content_type="application/json",
            headers=bearer(acme, Role.STAFF),
        )

        assert (answer.status_code, answer.json()["state"]) == (202, "reading")
