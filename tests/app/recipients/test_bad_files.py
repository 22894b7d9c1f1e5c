"""A bad file, from its upload to the page that says what is wrong with it; and cells that hold anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, override_settings

from recipients.labels import file_sentence
from recipients.models import Recipient, Roster, RosterState, Route
from recipients.services import read_roster
from tenants.packing import Packed
from tenants.permissions import Role
from tests.app.recipients.conftest import make_csv
from tests.bad_files import BAD_FILES, LARGE
from tests.conftest import NOON, Cast

Upload = Callable[..., Roster]
SMALL_ONES = sorted(name for name, (_make, code) in BAD_FILES.items() if code and name not in LARGE)
NASTY = {
    "formula": '=HYPERLINK("http://evil.example","押す")',
    "command": "=cmd|' /C calc'!A0",
    "plus": "+1+1",
    "wide equals": "＝1＋1",
    "tab": "\t=1+1",
    "template": "{{7*7}}{% debug %}${7*7}<%= 7*7 %>",
    "query": "'; DROP TABLE recipients_recipient; --",
    "markup": "<script>alert(1)</script>",
    "right to left": "\u202e花子\u202c",
    "zero width": "花\u200b子\ufeff",
    "variation": "葛\U000e0100城",
    "emoji": "👨‍👩‍👧‍👦🇯🇵",
    "astral": "𠮷田",
    "percent": "%s %(x)s {0}",
    "long": "あ" * 5_000,
}
HEADER = "管理番号,氏名,電話番号,SMS同意,年齢,備考"


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


@pytest.fixture
def browser(acme: Cast, enqueued: list[Any], signed_in: Callable[..., Any]) -> Any:
    return signed_in(acme.users[Role.STAFF])


class TestABadFile:
    @pytest.mark.parametrize("name", SMALL_ONES)
    def test_is_taken_explained_and_leaves_nothing(self, name: str, acme: Cast, browser: Any) -> None:
        make, code = BAD_FILES[name]
        made = make()
        content = made.read() if isinstance(made, Packed) else made

        answer = browser.post("/rosters/new", {"file": SimpleUploadedFile("8月の名簿.csv", content)})
        with acme.scope():
            roster = Roster.objects.get()
        read_roster(tenant_id=acme.tenant.pk, roster_id=roster.pk, now=NOON)
        page = browser.get(answer.headers["Location"])

        with acme.scope():
            roster.refresh_from_db()
            assert (roster.state, roster.failure_code) == (RosterState.FAILED, code)
            assert not Recipient.objects.exists()
            sentence = file_sentence(code, roster.personal["failure"]["params"])
        assert page.status_code == 200
        words = page.content.decode()
        assert "8月の名簿.csv" in words
        assert sentence in words.replace("&quot;", '"')
        assert "何も取り込んでいません" in words

    @override_settings(ROSTER_MAX_BYTES=1000)
    def test_that_is_too_large_is_not_even_kept(self, acme: Cast, browser: Any) -> None:
        content = b"x" * 200_000

        page = browser.post("/rosters/new", {"file": SimpleUploadedFile("x.csv", content)})
        api = Client(headers={"Authorization": f"Bearer {acme.keys[Role.STAFF]}"}).post(
            "/api/v1/rosters", {"file": SimpleUploadedFile("x.csv", content)}
        )

        assert page.status_code == 422
        assert (api.status_code, api.json()["code"]) == (413, "too_large")
        assert "ファイルを分けて" in api.json()["message"]
        with acme.scope():
            assert not Roster.objects.exists()

    def test_of_another_kind_is_told_by_its_size_on_the_page_before(self, browser: Any) -> None:
        with override_settings(ROSTER_MAX_BYTES=7 * 1024 * 1024, ROSTER_MAX_ROWS=12_345):
            words = browser.get("/rosters/new").content.decode()

        assert "7MB・12,345行まで" in words


class TestNastyCells:
    def test_are_kept_as_they_are_and_harm_nothing(self, acme: Cast, browser: Any, uploaded: Upload) -> None:
        rows = [
            f"A-{n},{quoted(text)},090{10000000 + n},有,30,{quoted(text)}" for n, text in enumerate(NASTY.values(), 1)
        ]

        roster = uploaded(data=make_csv(*rows, header=HEADER))

        assert (roster.state, roster.rows, roster.sms) == (RosterState.READY, len(NASTY), len(NASTY))
        with acme.scope():
            stored = list(Recipient.objects.filter(roster=roster).order_by("row"))
            assert [row.personal["cells"]["備考"] for row in stored] == list(NASTY.values())
        page = browser.get(f"/rosters/{roster.public_id}/rows?route=sms")
        assert page.status_code == 200
        assert "<script>alert(1)" not in page.content.decode()

    @pytest.mark.parametrize("text", [*NASTY.values(), "９" * 300, "٠٩٠"], ids=ascii)
    def test_in_the_phone_column_are_errors_that_say_so(self, text: str, browser: Any, uploaded: Upload) -> None:
        roster = uploaded(data=make_csv(f"A-1,山田,{quoted(text)},有,30,x", header=HEADER))

        assert (roster.state, roster.rows, roster.error) == (RosterState.READY, 1, 1)
        page = browser.get(f"/rosters/{roster.public_id}/rows?route=error")
        assert page.status_code == 200

    def test_user_defined_characters_name_their_column_and_offer_the_reading(
        self, acme: Cast, uploaded: Upload
    ) -> None:
        content = (
            "管理番号,氏名,フリガナ,電話番号\r\nA-1,".encode("cp932")
            + b"\xf0\x40\x93\x63"
            + ",タナカ,".encode("cp932")
            + b"09012345678\r\n"
        )

        roster = uploaded(data=content)

        with acme.scope():
            row = Recipient.objects.get(roster=roster)
            assert row.route in {Route.ERROR, Route.CALL}
            assert row.personal["kana"] == "タナカ"


class TestColumns:
    def test_tell_how_sure_the_guess_is_and_show_an_example(self, browser: Any, uploaded: Upload) -> None:
        roster = uploaded(data=make_csv("山田,090-1234-5678,有", header="氏名,緊急時以外の電話,SMS同意"))

        words = browser.get(f"/rosters/{roster.public_id}").content.decode()

        assert "確かさ" in words
        assert "例: 090-1234-5678" in words
        assert "見出しと中身から推測しました" in words

    def test_are_remembered_for_the_department_and_said_so(self, acme: Cast, browser: Any, uploaded: Upload) -> None:
        data = make_csv("山田,090-1234-5678,080-1234-5678", header="氏名,番号甲,番号乙")
        uploaded(data=data, mapping={"name": "氏名", "phone": "番号乙", "phone2": "番号甲"})

        again = uploaded(data=make_csv("090-1111-2222,鈴木,080-1111-2222", header="番号乙,氏名,番号甲"))

        words = browser.get(f"/rosters/{again.public_id}").content.decode()
        with acme.scope():
            assert again.mapping["phone"] == "番号乙"
            assert again.mapping["phone2"] == "番号甲"
        assert "この部署で前に選んだとおりに読みました" in words
