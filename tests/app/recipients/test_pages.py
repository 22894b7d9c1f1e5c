"""The pages of rosters and of the register."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import override_settings

from recipients.models import OptOut, Roster, Route
from recipients.services import add_opt_out, upload_roster
from tenants.models import User
from tenants.permissions import Role
from tests.app.recipients.conftest import make_csv, person
from tests.conftest import NOON, Cast

Upload = Callable[..., Roster]
SignIn = Callable[[User], Any]


@pytest.fixture
def browser(acme: Cast, signed_in: SignIn, enqueued: list[Any]) -> Any:
    return signed_in(acme.users[Role.STAFF])


def words(response: Any) -> str:
    return str(response.content.decode())


class TestRosterNew:
    def test_says_the_limits_before_the_upload(self, browser: Any) -> None:
        page = browser.get("/rosters/new")

        assert page.status_code == 200
        assert "256MB・1,000,000行まで" in words(page)

    def test_takes_a_file_and_shows_its_page(self, acme: Cast, browser: Any) -> None:
        file = SimpleUploadedFile("8月の名簿.csv", make_csv(person(1)))

        answer = browser.post("/rosters/new", {"file": file})

        with acme.scope():
            roster = Roster.objects.get()
            assert roster.department == acme.department
        assert answer.headers["Location"] == f"/rosters/{roster.public_id}"
        page = browser.get(answer.headers["Location"])
        assert "8月の名簿" in words(page)
        assert f"/rosters/{roster.public_id}/progress" in words(page)

    def test_asks_for_a_file(self, acme: Cast, browser: Any) -> None:
        answer = browser.post("/rosters/new", {"name": "x"})

        assert answer.status_code == 422
        with acme.scope():
            assert not Roster.objects.exists()

    @override_settings(ROSTER_MAX_BYTES=10)
    def test_says_that_a_file_is_too_large(self, acme: Cast, browser: Any) -> None:
        answer = browser.post("/rosters/new", {"file": SimpleUploadedFile("x.csv", b"x" * 100_000)})

        assert answer.status_code == 422
        assert "ファイルが大きすぎます" in words(answer)

    def test_offers_a_sample_that_reads_without_a_fault(self, acme: Cast, browser: Any, uploaded: Upload) -> None:
        roster = uploaded(data=browser.get("/rosters/sample.csv").content)

        assert roster.counts == {"sms": 1, "call": 1, "error": 0, "skip": 0}

    def test_is_not_for_viewers(self, acme: Cast, signed_in: SignIn) -> None:
        assert signed_in(acme.users[Role.VIEWER]).get("/rosters/new").status_code == 403


class TestRosterPage:
    def test_adds_up(self, browser: Any, uploaded: Upload) -> None:
        roster = uploaded(person(1), person(2, consent="無"), person(3, phone="0901"))

        page = words(browser.get(f"/rosters/{roster.public_id}"))

        assert "route=call&amp;reason=no_consent" in page
        assert f"/campaigns/new?roster={roster.public_id}" in page
        assert "港　1郎" in page  # the first rows

    def test_says_why_a_file_could_not_be_read(self, browser: Any, uploaded: Upload) -> None:
        roster = uploaded(data=b"%PDF-1.7")

        page = browser.get(f"/rosters/{roster.public_id}")

        assert page.status_code == 200
        assert "PDFです" in words(page)

    def test_lets_people_choose_the_columns_of_a_file_without_a_phone(self, browser: Any, uploaded: Upload) -> None:
        roster = uploaded(data=make_csv("1,山田,x", header="番,氏,か"))
        assert "この列で読み直す" in words(browser.get(f"/rosters/{roster.public_id}"))

        refused = browser.post(f"/rosters/{roster.public_id}/mapping", {"name": "氏"})
        taken = browser.post(f"/rosters/{roster.public_id}/mapping", {"name": "氏", "phone": "か"})

        assert refused.status_code == 422
        assert taken.status_code == 302

    def test_asks_about_the_same_file_before_it_goes_on(self, browser: Any, uploaded: Upload) -> None:
        uploaded(person(1))
        roster = uploaded(person(1))
        assert "/campaigns/new" not in words(browser.get(f"/rosters/{roster.public_id}"))

        browser.post(f"/rosters/{roster.public_id}/confirm", {"codes": "same_file"})

        page = words(browser.get(f"/rosters/{roster.public_id}"))
        assert f"/campaigns/new?roster={roster.public_id}" in page
        assert "acme staff" in page

    def test_shows_progress_and_then_sends_the_browser_to_the_page(
        self, acme: Cast, browser: Any, uploaded: Upload
    ) -> None:
        with acme.scope():
            reading = upload_roster(data=b"x", file_name="x", department=acme.department, by=acme.staff, now=NOON)
        polled = browser.get(f"/rosters/{reading.public_id}/progress?delay=3")
        assert "delay:4s" in words(polled)
        done = uploaded(person(1))

        answer = browser.get(f"/rosters/{done.public_id}/progress")

        assert "HX-Redirect" in answer.headers

    def test_is_not_there_for_other_tenants_and_departments(
        self, acme: Cast, globex: Cast, browser: Any, uploaded: Upload
    ) -> None:
        roster = uploaded(person(1), cast=globex)
        address = f"/rosters/{roster.public_id}"

        assert browser.get(address).status_code == 404
        assert browser.get(f"{address}/rows").status_code == 404
        assert browser.get(f"{address}/progress").status_code == 404
        assert browser.post(f"{address}/confirm", {"codes": "x"}).status_code == 404
        assert browser.post(f"{address}/mapping", {"phone": "x"}).status_code == 404
        assert browser.post(f"{address}/rows/1", {"column": "x", "value": "y"}).status_code == 404


class TestRows:
    def test_offer_the_broken_cell_as_an_input_and_check_it_at_once(self, browser: Any, uploaded: Upload) -> None:
        roster = uploaded(person(1), person(2, phone="0901-99"))
        page = words(browser.get(f"/rosters/{roster.public_id}/rows?route=error"))
        assert 'value="0901-99"' in page

        fragment = browser.post(
            f"/rosters/{roster.public_id}/rows/2",
            {"column": "電話番号", "value": "090-1234-5678"},
            headers={"HX-Request": "true"},
        )

        assert 'id="row-2"' in words(fragment)
        assert 'hx-swap-oob="true"' in words(fragment)
        assert "<html" not in words(fragment)
        assert "3行目を直しました" in words(fragment)

    def test_that_are_mended_change_the_counts_above_them(self, browser: Any, uploaded: Upload) -> None:
        roster = uploaded(person(1, phone="0901-99"), person(2, phone="0901-98"), person(3, consent="たぶん"))
        address = f"/rosters/{roster.public_id}/rows"
        asked = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{address}?route=error&reason=too_short"}

        answer = browser.post(f"{address}/1", {"column": "電話番号", "value": "090-1234-5678"}, headers=asked)

        fragment = words(answer)
        reasons = fragment[fragment.index('id="reasons"') :]
        assert re.findall(r"(\d)人", reasons) == ["1", "1"]
        assert re.findall(r"reason=(\w+)\" aria-current", reasons) == ["too_short"]

    def test_can_be_mended_without_a_script(self, acme: Cast, browser: Any, uploaded: Upload) -> None:
        roster = uploaded(person(1, consent="たぶん"))

        answer = browser.post(f"/rosters/{roster.public_id}/rows/1", {"column": "SMS同意", "value": "有"}, follow=True)

        assert "2行目を直しました" in words(answer)
        with acme.scope():
            assert roster.recipients.get().route == Route.SMS

    def test_show_markup_in_a_cell_as_text(self, browser: Any, uploaded: Upload) -> None:
        roster = uploaded(person(1, name="<script>alert(1)</script>{{7*7}}"))

        page = words(browser.get(f"/rosters/{roster.public_id}/rows?route=sms"))

        assert "&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}" in page

    def test_are_not_there_beyond_the_last(self, browser: Any, uploaded: Upload) -> None:
        roster = uploaded(person(1))

        for row in (2, 10**15):
            answer = browser.post(f"/rosters/{roster.public_id}/rows/{row}", {"column": "電話番号", "value": "1"})
            assert answer.status_code == 404


class TestRosterList:
    def test_shows_what_there_is_with_few_queries(
        self, browser: Any, uploaded: Upload, django_assert_max_num_queries: Any
    ) -> None:
        assert "まだ名簿がありません" in words(browser.get("/rosters"))
        for number in range(5):
            uploaded(person(number), name=f"名簿{number}")

        with django_assert_max_num_queries(16):
            page = words(browser.get("/rosters"))

        assert all(f"名簿{number}" in page for number in range(5))


class TestOptOutPage:
    @pytest.fixture
    def admin(self, acme: Cast, signed_in: SignIn) -> Any:
        return signed_in(acme.users[Role.ADMIN])

    def test_adds_finds_and_ends(self, acme: Cast, admin: Any) -> None:
        assert admin.post("/registers/opt-outs/add", {"phone": "０９０-1000-0001"}).status_code == 302
        assert "090-1000-0001" in words(admin.get("/registers/opt-outs"))
        assert "090-1000-0001" in words(admin.post("/registers/opt-outs", {"phone": "+819010000001"}))
        with acme.scope():
            entry = OptOut.objects.get()

        admin.post(f"/registers/opt-outs/{entry.public_id}/end")

        assert "台帳は空です" in words(admin.get("/registers/opt-outs"))

    def test_keeps_what_was_typed_wrongly(self, admin: Any) -> None:
        answer = admin.post("/registers/opt-outs/add", {"phone": "12", "note": "窓口"})

        assert answer.status_code == 422
        assert 'value="12"' in words(answer)

    def test_exports_cells_that_do_nothing_and_takes_them_back(self, acme: Cast, admin: Any) -> None:
        with acme.scope():
            add_opt_out(phone="09010000001", note="=HYPERLINK(1)", by=acme.admin, now=NOON)
            add_opt_out(phone="09010000002", note="＝１＋１", by=acme.admin, now=NOON)
        exported = admin.get("/registers/opt-outs/export.csv").content
        assert b"'=HYPERLINK(1)" in exported
        assert "'＝１＋１" in exported.decode("utf-8-sig")
        assert "'＝１＋１" in admin.get("/registers/opt-outs/export.csv?encoding=cp932").content.decode("cp932")
        with acme.scope():
            OptOut.objects.update(ended_at=NOON)

        file = SimpleUploadedFile("x.csv", exported)
        answer = admin.post("/registers/opt-outs/import", {"file": file}, follow=True)

        assert "2件を加えました" in words(answer)
        with acme.scope():
            notes = {entry.personal["note"] for entry in OptOut.objects.filter(ended_at=None)}
        assert notes == {"=HYPERLINK(1)", "＝１＋１"}

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            ("電話番号,メモ\r\n09010000001,\r\nなし,x\r\n", "2件目の「電話番号」の欄: 電話番号として読み取れません"),
            ("番号\r\n甲\r\n", "ファイル「x.csv」：1行目の見出しに「電話番号」の列が見つかりません"),
            ('電話番号\r\n"0901\r\n0902\r\n', "1番目の欄の引用符"),
            ("", "ファイル「x.csv」"),
        ],
    )
    def test_imports_nothing_where_a_row_is_wrong(self, acme: Cast, admin: Any, content: str, sentence: str) -> None:
        file = SimpleUploadedFile("x.csv", content.encode("cp932"))

        answer = admin.post("/registers/opt-outs/import", {"file": file})

        assert (answer.status_code, sentence in words(answer)) == (422, True)
        with acme.scope():
            assert not OptOut.objects.exists()

    def test_may_be_read_but_not_changed_by_staff(self, browser: Any) -> None:
        assert browser.get("/registers/opt-outs").status_code == 200
        assert browser.post("/registers/opt-outs/add", {"phone": "09010000001"}).status_code == 403
        assert browser.get("/registers/opt-outs/export.csv").status_code == 403
