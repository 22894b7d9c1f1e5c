"""One demonstration and one browser for all tests of this folder.

They come in one go and in the order in which they are written, and what they share ends with them: the browser's own
event loop would be in the way of tests that ask the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    expect,
    sync_playwright,
)

from devservers import browser as browsers
from devservers import environment
from tests.e2e.demonstration import Demonstration, demonstration
from tests.e2e.sending import Sending, send_roster
from tests.e2e.walking import PATIENCE_MS, RELEASE_ROSTER, SCRIPTED_ROSTER, sign_in

HERE = Path(__file__).parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
TEXT = "【みなと市保健所】{{氏名|様}}\n療養終了日は{{療養終了日}}です。"
OpenPage = Callable[..., Page]
expect.set_options(timeout=PATIENCE_MS)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ours last, by file and line, whatever order the others are shuffled into."""
    ours = [item for item in items if HERE in item.path.parents]
    ours.sort(key=lambda item: (item.path.name, item.location[1] or 0))
    items[:] = [item for item in items if item not in set(ours)] + ours


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    """One of our own, or the running one in the directory that E2E_DEMO names, for a quick look."""
    if running := environment.outside().get("E2E_DEMO"):
        yield Demonstration(Path(running))
        return
    with demonstration(tmp_path_factory.mktemp("demonstration")) as demo:
        yield demo


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = browsers.provide(given=environment.outside())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def sessions() -> dict[str, Any]:
    """Who is logged in already, by the person's key in demo.json: cookies to go on with."""
    return {}


@pytest.fixture
def open_page(demo: Demonstration, browser: Browser, sessions: dict[str, Any]) -> Iterator[OpenPage]:
    """A new window, logged in as somebody where a key of demo.json's users is given; closed after the test."""
    with windows(demo, browser, sessions) as open_window:
        yield open_window


@contextmanager
def windows(demo: Demonstration, browser: Browser, sessions: dict[str, Any]) -> Iterator[OpenPage]:
    """Opens windows and watches them: whatever a test does, no page may break, complain or ask a third party."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def open_window(key: str = "", *, width: int = 1280, origin: str = demo.url, **options: Any) -> Page:
        viewport = {"width": width, "height": 900}
        context = browser.new_context(
            base_url=origin, locale="ja-JP", viewport=viewport, storage_state=sessions.get(key), **options
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        watch(context, origin=origin, faults=faults)
        page = context.new_page()
        if key and key not in sessions:
            sign_in(page, demo.user(key))
            sessions[key] = context.storage_state()
        return page

    try:
        yield open_window
        assert faults == []
    finally:
        for context in contexts:
            context.close()


def watch(context: BrowserContext, *, origin: str, faults: list[str]) -> None:
    """Note what no page may do: fail, ask another origin, or write an error (a breach of the CSP is one)."""

    def asked(request: Request) -> None:
        if not request.url.startswith((origin, "data:", "blob:")):
            faults.append(f"asked {request.url}")

    def answered(response: Response) -> None:
        if response.status >= 500:
            faults.append(f"{response.status} from {response.url}")

    def said(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            faults.append(message.text)

    context.on("request", asked)
    context.on("response", answered)
    context.on("console", said)
    context.on("weberror", lambda error: faults.append(str(error.error)))


@pytest.fixture(scope="package")
def release(demo: Demonstration, browser: Browser, sessions: dict[str, Any]) -> Sending:
    """The release roster, sent by a member of staff in the browser: the main way, once for all tests."""
    with windows(demo, browser, sessions) as open_window:
        return send_roster(open_window("staff"), demo, roster=RELEASE_ROSTER, text=TEXT)


@pytest.fixture(scope="package")
def scripted(demo: Demonstration, browser: Browser, sessions: dict[str, Any], release: Sending) -> Sending:
    """The demonstration's own roster, whose numbers are scripts of the simulator."""
    with windows(demo, browser, sessions) as open_window:
        return send_roster(open_window("staff"), demo, roster=SCRIPTED_ROSTER, text=TEXT)
