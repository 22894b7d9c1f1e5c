"""The ways through the pages, as a person with a mouse takes them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct
import time
from pathlib import Path

from playwright.sync_api import FilePayload, Locator, Page, expect

from devservers.runner import ROOT

RELEASE_ROSTER = ROOT / "tests" / "data" / "roster-release.csv"
SCRIPTED_ROSTER = ROOT / "demo" / "roster.csv"
PATIENCE_MS = 60_000
CODE_LIFE_S = 30
_used_steps: dict[str, int] = {}


def sign_in(page: Page, user: dict[str, str]) -> None:
    """By e-mail and password, and by a code where one is asked for."""
    page.goto("/")
    page.locator("[name=login]").fill(user["email"])
    page.locator("[name=password]").fill(user["password"])
    page.locator("form:has([name=password]) [type=submit]").click()
    answer_code(page, user, then=page.locator(".site-header__person"))


def answer_code(page: Page, user: dict[str, str], *, then: Locator) -> None:
    """Type the code of the second factor where it is asked for, and wait for what comes ``then``."""
    field = page.locator("input[name=code], input[name=factor_code]")
    expect(field.or_(then).first).to_be_visible()
    if field.count():
        field.fill(_next_code(page, user["totp_secret"]))
        field.press("Enter")
        expect(then).to_be_visible()


def _next_code(page: Page, secret: str) -> str:
    """RFC 6238. A code serves once; that of the next half minute is taken too, as from a phone whose clock is fast."""
    wanted = max(int(time.time()) // CODE_LIFE_S, _used_steps.get(secret, 0) + 1)
    while wanted > int(time.time()) // CODE_LIFE_S + 1:
        page.wait_for_timeout(500)
    _used_steps[secret] = wanted
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack(">Q", wanted), hashlib.sha1)
    start = digest[-1] & 15
    number = struct.unpack(">I", digest[start : start + 4])[0] & 0x7FFFFFFF
    return f"{number % 10**6:06}"


def figure(where: Locator) -> int:
    """The first number of an element's text."""
    found = re.search(r"[\d,]+", where.inner_text())
    assert found is not None, where.inner_text()
    return int(found[0].replace(",", ""))


def upload(page: Page, roster: Path | FilePayload) -> None:
    """From any page to the roster's, which shows once the worker has read it."""
    page.goto("/rosters/new")
    page.locator("input[type=file]").set_input_files(roster)
    page.get_by_role("button", name="読み込む", exact=True).click()
    expect(page.locator("#equation, .banner--error").first).to_be_visible()


def confirm_problems(page: Page) -> None:
    """Say "I have looked" to whatever the roster's page asks."""
    while (button := page.get_by_role("button", name="確かめた")).count():
        button.first.click()
        page.wait_for_load_state()


def equation(page: Page) -> dict[str, int]:
    """The tiles of the equation: total, sms, call, error and, where there are any, skip."""
    kinds = ("total", "sms", "call", "error", "skip")
    tiles = {kind: page.locator(f".equation .tile--{kind} .tile__count") for kind in kinds}
    return {kind: figure(tile) for kind, tile in tiles.items() if tile.count()}


def write_text(page: Page, text: str) -> None:
    """From the roster's page to the check page."""
    page.get_by_role("link", name="文面を選ぶ", exact=True).click()
    page.locator("#id_text").fill(text)
    page.get_by_role("button", name="送信前の確認へ").click()
    expect(page.get_by_role("heading", name="送信前の確認", level=1)).to_be_visible()


def send(page: Page, user: dict[str, str]) -> None:
    """The last press, and whatever it asks for, to the status page."""
    people = page.locator("input[name=people]")
    if people.count():
        people.fill(str(equation(page)["sms"]))
    page.get_by_role("button", name=re.compile("人に送信する$")).click()
    answer_code(page, user, then=page.locator("#progress"))


def wait_until_over(page: Page, *, timeout_ms: int = PATIENCE_MS) -> None:
    """The page itself stops asking when nothing is under way any more; it is not loaded again."""
    page.evaluate("window.stayed = true")
    expect(page.locator("#progress")).to_be_visible()
    expect(page.locator("#progress [hx-get]")).to_have_count(0, timeout=timeout_ms)
    expect(page.locator("#rows[hx-get], .htmx-request")).to_have_count(0)  # rows and charts have followed
    assert page.evaluate("window.stayed"), "the page was loaded again"


def states_on(page: Page) -> dict[str, int]:
    """The words and figures under the bar of states."""
    lines = page.locator("#progress .state-bar__item").all_inner_texts()
    return {word: int(count.replace(",", "")) for word, count in (line.rsplit(maxsplit=1) for line in lines)}


def rows_on(section: Locator) -> list[list[str]]:
    """The cells of a table's rows, as they read."""
    return section.locator("tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.innerText))"
    )
