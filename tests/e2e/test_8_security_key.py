"""A person is invited, and comes in by a security key: the browser's own, with a virtual key in it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import walking
from tests.e2e.conftest import OpenPage
from tests.e2e.demonstration import Demonstration

pytestmark = pytest.mark.e2e
EMAIL, NAME, PASSWORD = "key@minato.example", "鍵山 開", "sakura-hokenjo-kaze"  # noqa: S105 - of a test


def plug_in_key(page: Page) -> None:
    """A USB key whose owner touches it whenever it is asked (Chrome DevTools Protocol, WebAuthn)."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "usb",
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def invite(page: Page, demo: Demonstration) -> str:
    """The link that the mail brings; the demonstration's page shows it."""
    page.goto("/settings/people")
    page.locator("#id_email").fill(EMAIL)
    page.locator("#id_name").fill(NAME)
    page.locator("form:has(#id_email) [type=submit]").click()
    link = page.get_by_role("link", name="招待のアドレスを開く").first
    walking.answer_code(page, demo.user("admin"), then=link)
    return str(link.get_attribute("href"))


class TestSecurityKey:
    def test_is_the_first_factor_of_an_invited_person_and_lets_them_in_again(
        self, demo: Demonstration, open_page: OpenPage
    ) -> None:
        origin = demo.url.replace("127.0.0.1", "localhost")  # an address of numbers has no security keys
        link = invite(open_page("admin"), demo)
        page = open_page(origin=origin)
        plug_in_key(page)

        page.goto(link.replace(demo.url, origin))
        expect(page.get_by_text(NAME)).to_be_visible()
        for field in page.locator("[type=password]").all():
            field.fill(PASSWORD)
        page.locator("form:has([type=password]) [type=submit]").click()
        page.get_by_role("button", name="セキュリティキーを登録する").click()
        expect(page.get_by_role("heading", name=re.compile("予備コード"))).to_be_visible()
        page.goto("/")
        expect(page.locator(".site-header__person")).to_contain_text(NAME)

        page.goto("/account/logout")
        page.locator("main [type=submit]").click()
        page.goto("/")
        page.locator("[name=login]").fill(EMAIL)
        page.locator("[name=password]").fill(PASSWORD)
        page.locator("form:has([name=password]) [type=submit]").click()
        page.get_by_role("button", name="セキュリティキーを使う").click()
        expect(page.locator(".site-header__person")).to_contain_text(NAME)
