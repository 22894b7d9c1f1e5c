"""What goes wrong is said in a clear sentence, and nothing is half imported; other offices' pages are not there."""

from __future__ import annotations

import re
from http import HTTPStatus

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.e2e import walking
from tests.e2e.conftest import OpenPage
from tests.e2e.rosters import file, small_roster
from tests.e2e.sending import Sending

pytestmark = pytest.mark.e2e
PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
NO_ENCODING = "氏名,電話番号\r\n試験,060-1000-0001\r\n".encode("cp932") + b"\x81\xff\xfd,\xfe\xfe\xa0\r\n"
NO_PHONE = "氏名,療養終了日\r\n試験　花子,2022/08/20\r\n".encode("cp932")


def count_rosters(page: Page) -> int:
    """Those that may be sent to."""
    page.goto("/rosters")
    return page.locator("main tbody tr", has_text="読み込み済み").count()


class TestAFileThatIsNoRoster:
    @pytest.mark.parametrize(
        ("bad", "sentence"),
        [
            pytest.param(file("empty.csv", b""), "空|何も入っていません", id="empty", marks=pytest.mark.exhaustive),
            pytest.param(file("roster.csv", PDF), "PDF", id="pdf", marks=pytest.mark.exhaustive),
            pytest.param(file("broken.csv", NO_ENCODING), "3行目の文字を読み取れません", id="encoding"),
        ],
    )
    def test_is_refused_with_a_sentence_and_leaves_nothing(
        self, bad: FilePayload, sentence: str, open_page: OpenPage
    ) -> None:
        page = open_page("staff")
        before = count_rosters(page)

        page.goto("/rosters/new")
        page.locator("input[type=file]").set_input_files(bad)
        page.get_by_role("button", name="読み込む", exact=True).click()

        expect(page.get_by_text(re.compile(sentence)).first).to_be_visible()
        expect(page.get_by_role("link", name="文面を選ぶ", exact=True)).to_have_count(0)
        assert count_rosters(page) == before

    def test_without_a_phone_column_asks_which_it_is(self, open_page: OpenPage) -> None:
        page = open_page("staff")
        before = count_rosters(page)

        walking.upload(page, file("no-phone.csv", NO_PHONE))

        expect(page.get_by_text(re.compile("電話番号.*列")).first).to_be_visible()
        expect(page.get_by_role("button", name="この列で読み直す")).to_be_visible()
        expect(page.get_by_role("link", name="文面を選ぶ", exact=True)).to_have_count(0)
        assert count_rosters(page) == before


class TestAnUnknownPlaceholder:
    def test_is_named_and_what_was_typed_stays(self, open_page: OpenPage) -> None:
        page, text = open_page("staff"), "【みなと市保健所】{{氏名|様}} {{予約日}}に来てください。"
        walking.upload(page, small_roster(people=1))
        page.get_by_role("link", name="文面を選ぶ", exact=True).click()
        page.locator("#id_text").fill(text)

        page.get_by_role("button", name="送信前の確認へ").click()

        expect(page.locator("#error-summary")).to_contain_text("予約日")
        expect(page.locator("#id_text")).to_have_value(text)


class TestAnotherOffice:
    def test_finds_nothing_at_our_addresses(self, release: Sending, open_page: OpenPage) -> None:
        ours = open_page("staff")
        ours.goto(release.address)
        roster = ours.get_by_role("link", name="roster-release").first.get_attribute("href")
        ours.goto("/calls")
        call = ours.get_by_role("link", name="上から順に電話をかける").get_attribute("href")
        theirs = open_page("other_tenant_staff")

        for address in (release.address, f"{release.address}/rows.csv", roster, call):
            assert address
            answer = theirs.goto(address)
            assert answer is not None
            assert answer.status == HTTPStatus.NOT_FOUND, address
            assert release.rows[0][1] not in theirs.content()
            expect(theirs.get_by_role("heading", level=1)).to_have_text(re.compile("ページ"))
