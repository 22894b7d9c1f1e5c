"""A resident calls: an admin finds the text by number, and what became of it."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import OpenPage
from tests.e2e.sending import Sending
from tests.e2e.walking import RELEASE_ROSTER

pytestmark = pytest.mark.e2e
WIDE = str.maketrans("0123456789-", "０１２３４５６７８９－")


def a_number() -> str:
    """One of the release roster's that got a text and belongs to one person: 090-1234-5678."""
    truth = json.loads(RELEASE_ROSTER.with_suffix(".expected.json").read_text())["truth"]
    people = Counter(row["e164"] for row in truth)
    e164 = next(row["e164"] for row in truth if row["route"] == "sms" and people[row["e164"]] == 1)
    national = "0" + e164.removeprefix("+81")
    return f"{national[:3]}-{national[3:7]}-{national[7:]}"


def find(page: Page, number: str) -> None:
    """A number of one person leads to that person at once."""
    page.goto("/people")
    page.get_by_role("textbox").fill(number)
    page.get_by_role("button", name="さがす").click()
    expect(page.get_by_role("heading", name=" さん", level=1)).to_be_visible()


class TestSearchingByNumber:
    def test_finds_the_time_line_and_the_text_by_a_number_in_full_width(
        self, release: Sending, open_page: OpenPage
    ) -> None:
        page, number = open_page("admin"), a_number()

        find(page, number.translate(WIDE))

        name = page.get_by_role("heading", level=1).inner_text().removesuffix(" さん")
        assert number in page.locator(".page-header__lead").inner_text()
        told = page.locator(".timeline__sentence").all_inner_texts()
        assert any(re.fullmatch(r"(.*日 )?\d+:\d\d:\d\d に端末が受信しました。", words) for words in told), told
        text = page.locator(".phone__bubble").first.inner_text()
        assert re.fullmatch(rf"【みなと市保健所】{re.escape(name)}様\n療養終了日は2022/\d\d/\d\dです。", text), text

    def test_opens_the_certificate(self, release: Sending, open_page: OpenPage) -> None:
        page, number = open_page("admin"), a_number()
        find(page, number)

        page.get_by_role("link", name="この1通の記録と証明書").first.click()

        expect(page.get_by_role("button", name="証明書を印刷")).to_be_visible()
        page.emulate_media(media="print")
        expect(page.get_by_role("heading", name="送信証明書")).to_be_visible()
        expect(page.get_by_text("みなと市保健所が送信したSMSについて")).to_be_visible()
        expect(page.get_by_text(re.compile("stat:DELIVRD")).first).to_be_visible()
