"""By which rules a department divides its rosters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from recipients.models import Recipient, Roster, RosterProblem
from recipients.services import change_mapping, mend_row, read_roster
from tenants.errors import NotAllowed
from tenants.models import AuditEvent, Department, Membership, User
from tenants.permissions import Role
from tenants.selectors import actor_of
from tenants.services import change_department_rules, change_rules
from tests.app.recipients.conftest import make_csv, person
from tests.conftest import NOON, Cast

Upload = Callable[..., Roster]
RULES = {"sms_age_limit": "40", "repeat_days": "7", "age_reason": "聞き取りが要るため", "id_check": ""}


def change(cast: Cast, **changes: Any) -> None:
    with cast.scope():
        change_department_rules(department=cast.department, changes=changes, by=cast.admin, now=NOON)


class TestRulesOfADepartment:
    def test_count_instead_of_the_offices(self, acme: Cast, uploaded: Upload) -> None:
        change(acme, has_own_rules=True, requires_consent=False, sms_age_limit=42)

        roster = uploaded(person(1, consent="無"))

        assert roster.reasons == {"age": 1}

    def test_count_for_nobody_else(self, acme: Cast, uploaded: Upload) -> None:
        change(acme, has_own_rules=True, requires_consent=False, sms_age_limit=42)

        roster = uploaded(person(1), department=None, by=acme.admin)

        assert roster.counts == {"sms": 1, "call": 0, "error": 0, "skip": 0}

    def test_count_for_nothing_until_they_are_switched_on(self, acme: Cast, uploaded: Upload) -> None:
        change(acme, requires_consent=False, sms_age_limit=42)

        assert uploaded(person(1, consent="無")).reasons == {"no_consent": 1}

    def test_hold_for_a_roster_as_they_were_when_it_was_read(
        self, acme: Cast, uploaded: Upload, signed_in: Callable[..., Any]
    ) -> None:
        change(acme, has_own_rules=True, requires_consent=False, sms_age_limit=42)
        roster = uploaded(person(1), person(2, phone="0901"))
        change(acme, has_own_rules=False)
        browser = signed_in(acme.users[Role.STAFF])

        page = browser.get(f"/rosters/{roster.public_id}").content.decode()
        with acme.scope():
            mended = mend_row(roster=roster, row=2, fields={"phone": "09011112222"}, by=acme.staff, now=NOON)
            roster.refresh_from_db()
            change_mapping(roster=roster, mapping=roster.mapping, by=acme.staff, now=NOON)
        read_roster(tenant_id=acme.tenant.pk, roster_id=roster.pk, now=NOON)

        assert "42歳以上" in page
        assert "健康課だけの決まりで分けました。" in page
        assert mended.reason == "age"
        with acme.scope():
            roster.refresh_from_db()
            assert roster.counts == {"sms": 2, "call": 0, "error": 0, "skip": 0}, "read again by the rules of today"

    def test_are_written_down_with_what_they_were(self, acme: Cast) -> None:
        change(acme, sms_age_limit=42)

        with acme.scope():
            event = AuditEvent.objects.get(action="department.rules_changed")
            assert event.personal["changed"] == {"sms_age_limit": ["None", "42"]}

    def test_are_changed_by_its_own_admin_and_no_others(self, acme: Cast) -> None:
        with acme.scope():
            other = Department.objects.create(name="料金課")
            user = User.objects.create_user(
                email="o@acme.example", password="x" * 16, name="o", tenant_id=acme.tenant.pk
            )
            Membership.objects.create(user=user, department=other, role=Role.ADMIN)
            change_department_rules(department=other, changes={"repeat_days": 3}, by=actor_of(user), now=NOON)
            with pytest.raises(NotAllowed):
                change_department_rules(
                    department=acme.department, changes={"repeat_days": 3}, by=actor_of(user), now=NOON
                )

            assert Department.objects.get(pk=other.pk).repeat_days == 3
            assert Department.objects.get(pk=acme.department.pk).repeat_days == 0


class TestThePages:
    def test_an_admin_changes_the_offices_rules_and_reads_them_in_order(self, acme: Cast, signed_in: Any) -> None:
        browser = signed_in(acme.users[Role.ADMIN])

        assert browser.post("/settings/routing", RULES).status_code == 302

        page = browser.get("/settings/routing").content.decode()
        order = [
            page.index(f"<strong>{word}</strong>")
            for word in ("停止の台帳", "SMSの同意", "年齢", "前に送った文面")
            if word != "停止の台帳"
        ]
        assert order == sorted(order)
        assert "40歳以上の人は、電話にします" in page
        assert "聞き取りが要るため" in page

    def test_a_departments_page_begins_with_the_offices_rules(self, acme: Cast, signed_in: Any) -> None:
        browser = signed_in(acme.users[Role.ADMIN])
        address = f"/settings/routing/{acme.department.public_id}"

        assert 'value="60"' in browser.get(address).content.decode()
        assert browser.post(address, RULES | {"has_own_rules": "on"}).status_code == 302

        with acme.scope():
            department = Department.objects.get(pk=acme.department.pk)
        assert (department.has_own_rules, department.sms_age_limit, department.requires_consent) == (True, 40, False)

    @pytest.mark.parametrize(("field", "value"), [("sms_age_limit", "0"), ("repeat_days", "366"), ("id_check", "x")])
    def test_a_bad_value_changes_nothing(self, acme: Cast, signed_in: Any, field: str, value: str) -> None:
        response = signed_in(acme.users[Role.ADMIN]).post("/settings/routing", RULES | {field: value})

        assert response.status_code == 422
        acme.tenant.refresh_from_db()
        assert acme.tenant.sms_age_limit == 60

    def test_a_roster_shows_the_order_and_what_each_rule_decided(
        self, acme: Cast, uploaded: Upload, signed_in: Any
    ) -> None:
        roster = uploaded(person(1), person(2, consent="無"), person(3, phone="0312345678"))
        browser = signed_in(acme.users[Role.STAFF])

        page = browser.get(f"/rosters/{roster.public_id}").content.decode()
        rows = browser.get(f"/rosters/{roster.public_id}/rows?route=call").content.decode()

        assert "<strong>SMSの同意</strong> 1人" in page
        assert "決めたもの：電話番号の種類" in rows


class TestIdsWithCheckDigits:
    def test_that_do_not_fit_are_to_be_mended(self, acme: Cast, uploaded: Upload) -> None:
        with acme.scope():
            change_rules(changes={"id_check": "luhn"}, by=acme.admin, now=NOON)
        roster = uploaded(*rows_with_ids("79927398713", "79927398710"))
        assert roster.reasons == {"bad_id": 1}

        with acme.scope():
            mended = mend_row(roster=roster, row=2, fields={"external_id": "79927398721"}, by=acme.staff, now=NOON)
        assert mended.reason == ""

    def test_that_often_do_not_fit_look_like_a_slipped_column(self, acme: Cast, uploaded: Upload) -> None:
        with acme.scope():
            change_rules(changes={"id_check": "luhn"}, by=acme.admin, now=NOON)

        roster = uploaded(*rows_with_ids(*(str(number) for number in range(1000, 1020))))

        with acme.scope():
            problem = RosterProblem.objects.get(roster=roster, code="slipped_column")
        assert problem.needs == "release"
        assert problem.details == {"ids": 20, "ids_wrong": 18}

    def test_that_nobody_told_us_about_are_noticed(self, acme: Cast, uploaded: Upload) -> None:
        right = [f"{number}{digit}" for number in range(1000, 1040) for digit in range(10) if is_luhn(number, digit)]

        roster = uploaded(*rows_with_ids(*right))

        with acme.scope():
            assert RosterProblem.objects.get(roster=roster, code="ids_have_checks").details == {"check": "luhn"}


def rows_with_ids(*ids: str) -> list[str]:
    return [f"{each},港　{n}郎,1980/01/02,090{20000000 + n},有,2022/08/20" for n, each in enumerate(ids)]


def is_luhn(number: int, digit: int) -> bool:
    digits = [int(character) for character in f"{number}{digit}"]
    return (
        sum(sum(divmod(each * 2, 10)) if place % 2 else each for place, each in enumerate(reversed(digits))) % 10 == 0
    )


class TestWhatHandsetsCannotShow:
    def test_is_listed_with_what_to_write_instead(self, acme: Cast, uploaded: Upload, signed_in: Any) -> None:
        roster = uploaded(person(1, name="𠮷田　花"), person(2, name="𠮷田　㈱"), person(3))

        with acme.scope():
            assert Recipient.objects.filter(roster=roster, reason="").count() == 3
            notice = RosterProblem.objects.get(roster=roster, code="hazards")
        page = signed_in(acme.users[Role.STAFF]).get(f"/rosters/{roster.public_id}").content.decode()
        assert (notice.needs, notice.details) == ("", {"characters": 2})
        assert "「吉」と書く" in page
        assert "「(株)」と書く" in page

    def test_names_of_diseases_are_told_by_column(self, acme: Cast, uploaded: Upload, signed_in: Any) -> None:
        rows = ["A-1,山田　花,1980/1/2,09011112222,有,結核", "A-2,山田　月,1980/1/2,09011112223,有,"]
        roster = uploaded(data=make_csv(*rows, header="管理番号,氏名,生年月日,電話番号,SMS同意,備考"))

        page = signed_in(acme.users[Role.STAFF]).get(f"/rosters/{roster.public_id}").content.decode()
        assert "病名などと思われる言葉のある行が1行あります" in page
        assert "「備考」の欄：1行" in page
