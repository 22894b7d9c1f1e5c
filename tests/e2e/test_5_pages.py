"""Every page of the map, wide and narrow, in both languages: sound for people, readers and keyboards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from gettext import GNUTranslations

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, expect

from devservers.runner import ROOT
from tests.e2e import walking
from tests.e2e.conftest import TEXT, OpenPage, windows
from tests.e2e.demonstration import Demonstration
from tests.e2e.rosters import small_roster
from tests.e2e.sending import Sending

pytestmark = pytest.mark.e2e
NARROW, WIDE = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
STAFF = {
    "today": "/",
    "rosters": "/rosters",
    "upload": "/rosters/new",
    "roster": "{roster}",
    "rows to mend": "{roster}/rows?route=error",
    "rows to phone": "{roster}/rows?route=call",
    "campaigns": "/campaigns",
    "editor": "/campaigns/new?roster={roster_id}",
    "check": "{check}",
    "status": "{status}",
    "calls": "{calls}",
    "call": "{call}",
    "templates": "/templates",
    "new template": "/templates/new",
    "calendar": "/calendar",
}
ADMIN = {
    "people": "/people",
    "person": "{person}",
    "message": "{message}",
    "template": "{template}",
    "opt-outs": "/registers/opt-outs",
    "settings": "/settings",
    "departments": "/settings/departments",
    "members": "/settings/people",
    "keys": "/settings/keys",
    "audit": "/audit",
}
OPERATOR = {"operations": "/ops"}
PAGES = [(key, name) for key, names in (("staff", STAFF), ("admin", ADMIN), ("operator", OPERATOR)) for name in names]
OF_WIDTH = ["scrollable-region-focusable", "target-size", "link-name", "button-name"]
"""Rules of axe whose answer may change with the width: what is folded away, cut off or put closer together."""
RUN_AXE = """async options => {
    const light = axe._audit.rules.filter(rule => ["minor", "moderate"].includes(rule.impact)).map(rule => rule.id);
    if (!light.length) throw new Error("axe no longer tells how serious a rule is");
    if (!options.runOnly) options.rules = Object.fromEntries(light.map(id => [id, { enabled: false }]));
    const found = await axe.run({ exclude: [["tbody tr:nth-child(n+21)"]] }, options);
    return found.violations;
}"""
"""Rows of a table come from one template: what is wrong with the hundredth is wrong with one of the first twenty."""
JAPANESE = re.compile("[ぁ-んァ-ヶ一-龠]")
WORDS_OF_PAGE = """() => {
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
    for (let node; (node = walker.nextNode()); ) {
        if (node.nodeType === Node.TEXT_NODE) found.push(node.data);
        else found.push(...["aria-label", "placeholder", "title", "alt"].map(name => node.getAttribute(name) ?? ""));
    }
    return found.map(words => words.trim()).filter(words => words);
}"""


@dataclass
class Tour:
    """A window per person and language, kept for all pages; and where the pages are."""

    open_window: OpenPage
    addresses: dict[str, str] = field(default_factory=dict)
    pages: dict[tuple[str, str], Page] = field(default_factory=dict)

    def visit(self, key: str, name: str, *, language: str = "ja") -> Page:
        if (key, language) not in self.pages:
            page = self.pages[key, language] = self.open_window(key)
            page.goto("/")
            if language == "en":
                page.get_by_role("button", name="English").first.click()
                expect(page.locator("html[lang=en]")).to_be_attached()
        page = self.pages[key, language]
        page.set_viewport_size(WIDE)
        answer = page.goto((STAFF | ADMIN | OPERATOR)[name].format_map(self.addresses))
        assert answer is not None
        assert answer.ok, answer.status
        expect(page.locator(".htmx-request")).to_have_count(0)  # charts come by themselves
        return page


@pytest.fixture(scope="module")
def tour(demo: Demonstration, browser: Browser, sessions: dict[str, object], scripted: Sending) -> Iterator[Tour]:
    with windows(demo, browser, sessions) as open_window:
        tour = Tour(open_window, {"status": scripted.address})
        find_addresses(tour)
        yield tour


def find_addresses(tour: Tour) -> None:
    """As people find them: by clicking."""
    page = tour.visit("staff", "status")
    tour.addresses["roster"] = str(page.locator("main dl a").first.get_attribute("href"))
    tour.addresses["roster_id"] = tour.addresses["roster"].rsplit("/")[-1]
    tour.addresses["calls"] = str(page.get_by_role("link", name="架電リストを開く").get_attribute("href"))
    page = tour.visit("staff", "calls")
    tour.addresses["call"] = str(page.locator("main tbody th a").first.get_attribute("href"))
    walking.upload(page, small_roster(people=2))
    walking.write_text(page, TEXT)
    tour.addresses["check"] = page.url
    page = tour.visit("admin", "people")
    page.get_by_role("textbox").fill("060-1100-1036")
    page.get_by_role("button", name="さがす").click()
    evidence = page.get_by_role("link", name="この1通の記録と証明書").first
    tour.addresses["message"] = str(evidence.get_attribute("href"))
    tour.addresses["person"] = page.url
    page.goto("/templates")
    tour.addresses["template"] = str(page.locator("main a[href^='/templates/0']").first.get_attribute("href"))


def overflow_of(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    width: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width


def serious_faults(page: Page, *, rules: list[str] | None = None) -> list[str]:
    """What axe finds, by these rules or by all whose faults would be serious, in all but the later rows of long tables."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    options = {"resultTypes": ["violations"], **({"runOnly": rules} if rules else {})}
    found = page.evaluate(RUN_AXE, options)
    return [
        f"{one['id']}: {node['html'][:200]}"
        for one in found
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]


@cache
def words_with_english() -> set[str]:
    """The Japanese words of ours that have an English translation."""
    with (ROOT / "locale" / "en" / "LC_MESSAGES" / "django.mo").open("rb") as compiled:
        words = GNUTranslations(compiled)._catalog  # type: ignore[attr-defined]  # the module has no question for it
    return {word for word in words if isinstance(word, str) and JAPANESE.search(word)}


class TestEveryPage:
    @pytest.mark.parametrize(("key", "name"), PAGES)
    def test_is_sound_wide_and_narrow(self, key: str, name: str, tour: Tour) -> None:
        page = tour.visit(key, name)

        assert page.locator("html").get_attribute("lang") == "ja"
        assert re.fullmatch(r"\S.* \| (みなと市保健所 \| )?届け", page.title()), page.title()
        assert page.locator("h1:visible").count() == 1
        assert overflow_of(page) <= 0
        assert serious_faults(page) == []
        page.set_viewport_size(NARROW)
        assert overflow_of(page) <= 0
        assert serious_faults(page, rules=OF_WIDTH) == []

    @pytest.mark.parametrize(("key", "name"), PAGES)
    def test_speaks_english_where_there_are_words(self, key: str, name: str, tour: Tour) -> None:
        page = tour.visit(key, name, language="en")

        assert page.locator("html").get_attribute("lang") == "en"
        left = words_with_english() & set(page.evaluate(WORDS_OF_PAGE))
        assert left <= OF_THE_TENANT, left
        page.set_viewport_size(NARROW)
        assert overflow_of(page) <= 0


OF_THE_TENANT = {"なし", "氏名", "管理番号", "電話番号", "生年月日", "年齢", "フリガナ"}
"""Headers and cells of the rosters that are words of ours too: a tenant's words stay as they are."""
