"""The main way works with forms and links alone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e import oracle, walking
from tests.e2e.conftest import TEXT, OpenPage
from tests.e2e.demonstration import Demonstration, wait_until
from tests.e2e.rosters import small_roster

pytestmark = pytest.mark.e2e


class TestWithoutJavaScript:
    def test_a_roster_is_read_checked_and_sent(self, demo: Demonstration, open_page: OpenPage) -> None:
        page = open_page("staff", java_script_enabled=False)
        walking.upload(page, small_roster(people=3))
        assert walking.equation(page) == {"total": 3, "sms": 3, "call": 0, "error": 0}

        walking.write_text(page, TEXT)
        walking.send(page, demo.user("staff"))

        def is_over() -> bool:
            again = page.get_by_role("link", name="最新の状況を表示する")
            if again.count():
                again.click()
            return walking.states_on(page) == {oracle.DELIVERED: 3}

        wait_until(is_over, timeout_s=60, what="all three are delivered")
        expect(page.get_by_text("送信完了").or_(page.get_by_text("すべて完了")).first).to_be_visible()

    def test_the_preview_comes_by_its_button(self, open_page: OpenPage) -> None:
        page = open_page("staff", java_script_enabled=False)
        walking.upload(page, small_roster(people=1))
        page.get_by_role("link", name="文面を選ぶ", exact=True).click()
        page.locator("#id_text").fill(TEXT)

        page.get_by_role("button", name="見え方を確かめる").click()

        expect(page.locator(".phone__bubble").first).to_contain_text("試験　花子0様")
        expect(page.locator("#id_text")).to_have_value(TEXT)


class TestAWornMouse:
    @pytest.mark.parametrize("has_script", [False, True], ids=["forms alone", "with scripts"])
    def test_makes_one_draft_of_two_clicks(self, open_page: OpenPage, has_script: bool) -> None:
        page, name = open_page("staff", java_script_enabled=has_script), f"二度押し {has_script}"
        walking.upload(page, small_roster(people=1))
        page.get_by_role("link", name="文面を選ぶ", exact=True).click()
        page.locator("#id_name").fill(name)
        page.locator("#id_text").fill(TEXT)

        page.get_by_role("button", name="送信前の確認へ").dblclick()

        expect(page.get_by_role("heading", name="送信前の確認", level=1)).to_be_visible()
        page.goto("/campaigns")
        expect(page.get_by_role("link", name=name)).to_have_count(1)
