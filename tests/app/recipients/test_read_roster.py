"""An uploaded file becomes rows, each with its route."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import override_settings

from recipients.models import Recipient, Roster, RosterFile, RosterProblem, RosterState, Route
from recipients.services import read_roster, upload_roster
from recipients.services.leases import MOST_TRIES
from recipients.task_names import READ_ROSTER
from tenants.errors import NotAllowed
from tenants.keys import ring
from tests.app.recipients.conftest import DATA, make_csv, person
from tests.conftest import NOON, Cast

Upload = Callable[..., Roster]


def rows_of(roster: Roster) -> list[tuple[int, str, str]]:
    found = Recipient.objects.filter(roster=roster).order_by("row")
    return [(recipient.row, Route(recipient.route).word, recipient.reason) for recipient in found]


class TestUploadRoster:
    def test_keeps_the_sealed_file_and_wakes_a_worker(self, acme: Cast, enqueued: list[Any]) -> None:
        data = make_csv(person(1)) * 20_000
        with acme.scope():
            roster = upload_roster(data=data, file_name="8月.csv", department=acme.department, by=acme.staff, now=NOON)

            pieces = [ring().open("recipients_rosterfile", piece.sealed) for piece in roster.pieces.order_by("number")]

        assert len(pieces) > 1
        assert b"".join(pieces) == data
        assert (roster.state, roster.name) == (RosterState.READING, "8月")
        assert enqueued == [(READ_ROSTER, {"tenant_id": acme.tenant.pk, "roster_id": roster.pk})]

    def test_refuses_a_viewer(self, acme: Cast, enqueued: list[Any]) -> None:
        with acme.scope():
            with pytest.raises(NotAllowed):
                upload_roster(data=b"x", file_name="x", department=acme.department, by=acme.viewer, now=NOON)

            assert not Roster.objects.exists()
        assert enqueued == []


class TestReadRoster:
    def test_routes_the_centres_real_roster_as_the_truth_says(self, acme: Cast, uploaded: Upload) -> None:
        truth = json.loads((DATA / "roster-release.expected.json").read_text())
        with override_settings(DEMO_TODAY=None):
            roster = uploaded(data=(DATA / "roster-release.csv").read_bytes(), file_name="roster-release.csv")

        assert roster.state == RosterState.READY
        assert roster.counts == {"sms": 510, "call": 450, "error": 23, "skip": 0}
        assert roster.rows == 983
        with acme.scope():
            stored = rows_of(roster)
            phones = {
                row.row: row.personal["phone"] for row in Recipient.objects.filter(roster=roster, route=Route.SMS)
            }
        assert stored == [(row["row"], row["route"], row["reason"]) for row in truth["truth"]]
        assert phones == {row["row"]: row["e164"] for row in truth["truth"] if row["route"] == "sms"}
        assert sum(roster.reasons.values()) == 450 + 23

    def test_skips_the_same_person_and_keeps_a_family(self, acme: Cast, uploaded: Upload) -> None:
        roster = uploaded(person(1), person(1), person(2, phone="090-1000-0001"))

        with acme.scope():
            assert rows_of(roster) == [(1, "sms", ""), (2, "skip", "duplicate"), (3, "sms", "")]
            family = RosterProblem.objects.get(roster=roster)
        assert (family.code, family.needs, family.details) == ("family_numbers", "", {"numbers": 1, "people": 2})

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (b"", "empty"),
            (b"%PDF-1.7\n1 0 obj", "not_a_table"),
            (make_csv("1,2", header="管理番号,氏名"), "no_phone_column"),
            (make_csv(), "no_rows"),
            (
                make_csv(person(1), 'A-2,"開いた引用符,1980/1/1,09011112222,有,x', person(3), person(4)),
                "unbalanced_quote",
            ),
            ("氏名,電話番号\r\n山田,0901".encode("utf-16")[:-1], "cut_short"),
        ],
        ids=["empty", "pdf", "no_phone_column", "no_rows", "unbalanced_quote", "cut_short"],
    )
    def test_fails_with_a_code_and_imports_nothing(self, acme: Cast, uploaded: Upload, data: bytes, code: str) -> None:
        roster = uploaded(data=data)

        assert (roster.state, roster.failure_code) == (RosterState.FAILED, code)
        with acme.scope():
            assert roster.personal["failure"]["code"] == code
            assert not Recipient.objects.filter(roster=roster).exists()
            assert RosterFile.objects.filter(roster=roster).exists()

    def test_is_harmless_to_repeat(self, acme: Cast, uploaded: Upload) -> None:
        roster = uploaded(person(1), person(2))

        assert not read_roster(tenant_id=acme.tenant.pk, roster_id=roster.pk, now=NOON)

        with acme.scope():
            assert rows_of(roster) == [(1, "sms", ""), (2, "sms", "")]

    def test_gives_up_after_three_tries(self, acme: Cast, enqueued: list[Any]) -> None:
        with acme.scope():
            roster = upload_roster(data=make_csv(person(1)), file_name="x", department=None, by=acme.admin, now=NOON)
            Roster.objects.filter(pk=roster.pk).update(tries=MOST_TRIES)

        read_roster(tenant_id=acme.tenant.pk, roster_id=roster.pk, now=NOON)

        with acme.scope():
            roster.refresh_from_db()
            assert (roster.state, roster.failure_code) == (RosterState.FAILED, "gave_up")

    def test_goes_on_where_another_worker_stopped(
        self, acme: Cast, enqueued: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("recipients.services.reading.CHUNK_ROWS", 2)
        data = make_csv(person(1), person(2), person(1), person(3), person(4))
        with acme.scope():
            roster = upload_roster(data=data, file_name="x", department=None, by=acme.admin, now=NOON)
        passed = []

        def stop(name: str) -> None:
            passed.append(name)
            if len(passed) == 1:
                raise KeyboardInterrupt

        monkeypatch.setattr("recipients.services.reading.failpoint", stop)
        with pytest.raises(KeyboardInterrupt):
            read_roster(tenant_id=acme.tenant.pk, roster_id=roster.pk, now=NOON)
        assert not read_roster(tenant_id=acme.tenant.pk, roster_id=roster.pk, now=NOON), "the lease is still held"
        with acme.scope():
            Roster.objects.filter(pk=roster.pk).update(lease_until=NOON)
            assert Recipient.objects.filter(roster=roster).count() == 2

        assert read_roster(tenant_id=acme.tenant.pk, roster_id=roster.pk, now=NOON)

        with acme.scope():
            words = [(row, route) for row, route, _reason in rows_of(roster)]
            assert words == [(1, "sms"), (2, "sms"), (3, "skip"), (4, "sms"), (5, "sms")]
            roster.refresh_from_db()
            assert (roster.rows, roster.sms, roster.skip) == (5, 4, 1)

    def test_leaves_other_tenants_rosters_alone(self, acme: Cast, globex: Cast, uploaded: Upload) -> None:
        roster = uploaded(person(1))

        assert not read_roster(tenant_id=globex.tenant.pk, roster_id=roster.pk, now=NOON)


class TestSameFile:
    def test_asks_about_the_same_rows_renamed_and_in_another_order(self, acme: Cast, uploaded: Upload) -> None:
        first = uploaded(person(1), person(2), person(3))

        again = uploaded(person(3), person(1), person(2), file_name="別名.csv")

        with acme.scope():
            problem = RosterProblem.objects.get(roster=again, code="same_file")
            assert problem.is_open
            assert problem.details["roster"] == str(first.public_id)
            assert not RosterProblem.objects.filter(roster=first).exists()

    def test_does_not_ask_about_another_day(self, acme: Cast, uploaded: Upload) -> None:
        uploaded(person(1), person(2))

        other = uploaded(person(1), person(3))

        with acme.scope():
            assert not RosterProblem.objects.filter(roster=other).exists()


class TestSlippedColumn:
    def test_wants_a_release_where_ids_slipped_by_a_row(self, acme: Cast, uploaded: Upload) -> None:
        uploaded(*(person(n) for n in range(1, 41)))

        slipped = uploaded(
            *(person(n) for n in range(1, 21)),
            *(person(n, phone=f"090{10000001 + n}", name=f"港　{n + 1}郎") for n in range(21, 41)),
        )

        with acme.scope():
            assert RosterProblem.objects.get(roster=slipped, code="slipped_column").needs == "release"

    def test_says_nothing_about_a_few_new_numbers(self, acme: Cast, uploaded: Upload) -> None:
        uploaded(*(person(n) for n in range(1, 41)))

        later = uploaded(*(person(n, phone="09099998888" if n == 7 else None) for n in range(1, 41)))

        with acme.scope():
            assert not RosterProblem.objects.filter(roster=later, code="slipped_column").exists()


class TestNotices:
    def test_tell_that_a_rule_has_no_column(self, acme: Cast, uploaded: Upload) -> None:
        roster = uploaded(data=make_csv("山田　花,09011112222", header="氏名,電話番号"))

        with acme.scope():
            needs = dict(RosterProblem.objects.filter(roster=roster).values_list("code", "needs"))
        assert needs == {"no_consent_column": "", "no_age_column": ""}
        assert roster.reasons == {"no_consent": 1}

    def test_tell_how_many_ages_disagree_with_birth_dates(self, acme: Cast, uploaded: Upload) -> None:
        row = "山田　花,09011112222,1980/1/1,30,有"
        roster = uploaded(data=make_csv(row, header="氏名,電話番号,生年月日,年齢,SMS同意"))

        with acme.scope():
            problem = RosterProblem.objects.get(roster=roster)
        assert (problem.code, problem.needs, problem.details) == ("age_differs", "", {"count": 1})


class TestTheSameFileAgain:
    def test_is_asked_about_where_nearly_all_rows_came_before(self, acme: Cast, uploaded: Upload) -> None:
        first = uploaded(*(person(n) for n in range(1, 21)))

        again = uploaded(person(99), *(person(n) for n in range(20, 1, -1)), file_name="別名.csv")

        with acme.scope():
            problem = RosterProblem.objects.get(roster=again, code="same_file")
        assert problem.needs == "confirm"
        assert problem.details == {"on": problem.details["on"], "roster": str(first.public_id), "percent": 95}

    def test_is_no_question_for_the_same_people_on_another_day(self, acme: Cast, uploaded: Upload) -> None:
        uploaded(*(person(n) for n in range(1, 21)))

        later = uploaded(*(person(n).replace("2022/08/20", "2022/08/27") for n in range(1, 21)))

        with acme.scope():
            assert not RosterProblem.objects.filter(roster=later).exists()

    def test_is_found_in_a_large_file_by_a_part_of_its_rows(self, acme: Cast, uploaded: Upload) -> None:
        uploaded(*(person(n) for n in range(1, 3001)))

        again = uploaded(*(person(n) for n in range(300, 3301)))
        other = uploaded(*(person(n) for n in range(2000, 6001)))

        with acme.scope():
            percent = RosterProblem.objects.get(roster=again, code="same_file").details["percent"]
            assert 85 <= percent <= 95
            assert not RosterProblem.objects.filter(roster=other, code="same_file").exists()
