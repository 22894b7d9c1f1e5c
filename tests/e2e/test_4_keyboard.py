"""From the log-in to the sent campaign with Tab, Enter and Space; where the focus is can always be seen."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e import oracle, walking
from tests.e2e.conftest import TEXT, OpenPage
from tests.e2e.demonstration import Demonstration
from tests.e2e.rosters import file, small_roster

pytestmark = pytest.mark.e2e
MANY = 120
IS_SEEN = """() => {
    const style = getComputedStyle(document.activeElement);
    return parseFloat(style.outlineWidth) >= 2 && style.outlineStyle !== "none" || style.boxShadow !== "none";
}"""


def tab_to(page: Page, target: Locator) -> None:
    """Tab until ``target`` has the focus; each stop on the way must show that it has it."""
    for _ in range(MANY):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
        assert page.evaluate(f"document.activeElement === document.body || ({IS_SEEN})()"), page.evaluate(
            "document.activeElement.outerHTML"
        )
    raise AssertionError(f"{target} is out of the keyboard's reach")


def press(page: Page, target: Locator, key: str = "Enter") -> None:
    tab_to(page, target)
    page.keyboard.press(key)


class TestKeyboardAlone:
    def test_leads_from_the_log_in_to_the_sent_campaign(self, demo: Demonstration, open_page: OpenPage) -> None:
        page, user = open_page(), demo.user("staff")
        page.goto("/")
        tab_to(page, page.locator("[name=login]"))
        page.keyboard.type(user["email"])
        tab_to(page, page.locator("[name=password]"))
        page.keyboard.type(user["password"])
        press(page, page.locator("form:has([name=password]) [type=submit]"))
        upload = page.get_by_role("link", name="名簿を読み込む").first
        walking.answer_code(page, user, then=upload)
        press(page, upload)

        tab_to(page, page.locator("input[type=file]"))
        with page.expect_file_chooser() as chooser:
            page.keyboard.press("Space")
        chooser.value.set_files(small_roster(people=2))
        press(page, page.get_by_role("button", name="読み込む", exact=True), "Space")
        expect(page.locator("#equation")).to_be_visible()
        press(page, page.get_by_role("link", name="文面を選ぶ", exact=True))

        tab_to(page, page.locator("#id_text"))
        page.keyboard.insert_text(TEXT)
        press(page, page.get_by_role("button", name="送信前の確認へ"))
        press(page, page.get_by_role("button", name="2人に送信する"), "Space")
        walking.answer_code(page, user, then=page.locator("#progress"))

        walking.wait_until_over(page)
        assert walking.states_on(page) == {oracle.DELIVERED: 2}

    def test_goes_on_in_the_next_cell_after_a_mended_row(self, demo: Demonstration, open_page: OpenPage) -> None:
        page = open_page()
        walking.sign_in(page, demo.user("staff"))
        people = "".join(f"M-{row},試験　花子{row},0901234,有\r\n" for row in (1, 2))
        walking.upload(page, file("mend.csv", f"管理番号,氏名,電話番号,SMS同意\r\n{people}".encode("cp932")))
        page.goto(f"{page.url}/rows?route=error")

        tab_to(page, page.locator("#cell-1-1"))
        page.keyboard.type("060-1900-0001")
        page.keyboard.press("Enter")

        expect(page.locator("#row-1 form")).to_have_count(0)
        expect(page.locator("#cell-2-1")).to_be_focused()
