"""Rows go out, are mended in Excel, and re-join their roster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from recipients.models import Recipient, Roster, Route
from recipients.services import mend_from_file, mending_files
from recipients.services.mending_files import MendedFileRefused, error_table
from tenants.permissions import Role
from tenants.spreadsheets import write_csv
from tests.app.recipients.conftest import make_csv, person
from tests.conftest import NOON, Cast

Upload = Callable[..., Roster]


@pytest.fixture
def roster(uploaded: Upload) -> Roster:
    return uploaded(person(1), person(2, phone="0901"), person(3, phone="なし", name="=1+1"), person(4, consent="?"))


class TestMendFromFile:
    def test_takes_what_was_changed_and_nothing_else(self, acme: Cast, roster: Roster) -> None:
        with acme.scope():
            out = write_csv(error_table(roster)).decode("utf-8-sig")
            assert "'=1+1" in out
            back = out.replace("0901,", "9011112222,").replace("なし,", "0902,").encode("cp932")

            result = mend_from_file(roster=roster, data=back, by=acme.staff, now=NOON)

            roster.refresh_from_db()
            rows = {row.row: row for row in Recipient.objects.filter(roster=roster)}
        assert (result.mended, result.wrong, result.unchanged) == (1, 1, 1)
        assert (roster.sms, roster.error) == (2, 2)
        assert rows[2].route == Route.SMS
        with acme.scope():
            assert rows[2].personal["phone"] == "+819011112222"
            assert rows[3].personal["name"] == "=1+1"

    def test_keeps_what_excel_alone_made_of_the_other_cells(self, acme: Cast, uploaded: Upload) -> None:
        header = "管理番号,氏名,電話番号,SMS同意,生年月日,番地,備考"
        cells = ["001234567890123456789", "'=港　花子", "0901", "有", "1980/01/02", "1-2", "二\n行" + "長" * 3000]
        quoted = ",".join(f'"{cell}"' for cell in cells)
        roster = uploaded(data=make_csv(quoted, header=header))
        with acme.scope():
            out = write_csv(error_table(roster)).decode("utf-8-sig")
            saved = out.replace(cells[0], "1.23457E+18").replace("1980/01/02", "1980/1/2").replace("1-2", "1月2日")
            assert saved.count("1.23457E+18") == saved.count("1月2日") == 1
            unchanged = mend_from_file(roster=roster, data=saved.encode(), by=acme.staff, now=NOON)
            back = saved.replace(",0901,", ",09011112222,").encode()

            result = mend_from_file(roster=roster, data=back, by=acme.staff, now=NOON)

            row = Recipient.objects.get(roster=roster)
            kept = Roster.objects.get(pk=roster.pk)
            assert (unchanged.mended, unchanged.unchanged, result.mended) == (0, 1, 1)
            assert (row.route, row.personal["phone"]) == (Route.SMS, "+819011112222")
            assert list(row.personal["cells"].values()) == [*cells[:2], "09011112222", *cells[3:]]
            assert kept.personal["edits"] == {"1": {"電話番号": "09011112222"}}

    def test_says_which_file_is_no_such_file_and_how_many_rows_one_may_have(
        self, acme: Cast, roster: Roster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(mending_files, "MOST_ROWS", 1)
        data = "名簿の行,電話番号\r\n1,1\r\n2,2\r\n".encode()
        with acme.scope(), pytest.raises(MendedFileRefused) as refused:
            mend_from_file(roster=roster, data=data, by=acme.staff, now=NOON)

        assert "1行まで読み込めます。3行目から後ろ" in str(refused.value.user_message)

    @pytest.mark.parametrize("data", [b"", b"%PDF-1.7", "氏名,電話番号\r\n山田,1\r\n".encode()])
    def test_refuses_another_file_and_changes_nothing(self, acme: Cast, roster: Roster, data: bytes) -> None:
        with acme.scope():
            with pytest.raises(MendedFileRefused):
                mend_from_file(roster=roster, data=data, by=acme.staff, now=NOON)

            assert Recipient.objects.filter(roster=roster, route=Route.ERROR).count() == 3

    def test_leaves_rows_without_an_error_alone(self, acme: Cast, roster: Roster) -> None:
        data = "名簿の行,電話番号\r\n1,09099998888\r\n77,1\r\n".encode()
        with acme.scope():
            result = mend_from_file(roster=roster, data=data, by=acme.staff, now=NOON)

            assert Recipient.objects.get(roster=roster, row=1).personal["phone"] == "+819010000001"
        assert (result.mended, result.unchanged) == (0, 2)


class TestPages:
    def test_give_the_rows_out_and_take_them_back(
        self, acme: Cast, roster: Roster, signed_in: Callable[..., Any]
    ) -> None:
        browser = signed_in(acme.users[Role.STAFF])
        out = browser.get(f"/rosters/{roster.public_id}/errors.csv").content.decode("utf-8-sig")
        back = SimpleUploadedFile("x.csv", out.replace("0901,", "09011112222,").encode("utf-8-sig"))

        answer = browser.post(f"/rosters/{roster.public_id}/mended", {"file": back}, follow=True)

        assert "1行を直しました" in answer.content.decode()
        assert browser.post(f"/rosters/{roster.public_id}/mended", follow=True).status_code == 200
        wrong = SimpleUploadedFile("別の表.csv", "氏名,電話番号\r\n山田,1\r\n".encode())
        refused = browser.post(f"/rosters/{roster.public_id}/mended", {"file": wrong}, follow=True).content.decode()
        assert "ファイル「別の表.csv」：「名簿の行」の列が見つかりません。" in refused

    def test_are_not_there_for_another_tenant(
        self, roster: Roster, globex: Cast, signed_in: Callable[..., Any]
    ) -> None:
        stranger = signed_in(globex.users[Role.ADMIN])

        assert stranger.get(f"/rosters/{roster.public_id}/errors.csv").status_code == 404
        assert stranger.post(f"/rosters/{roster.public_id}/mended").status_code == 404
