from __future__ import annotations

from pathlib import Path

import pytest

from devservers import browser
from devservers.errors import CannotStart


def fake(path: Path, *, exit_code: int = 0) -> str:
    path.write_text(f"#!/bin/sh\nexit {exit_code}\n")
    path.chmod(0o755)
    return str(path)


class TestProvide:
    def test_takes_the_one_that_is_named(self, tmp_path: Path) -> None:
        named = fake(tmp_path / "named")

        assert browser.provide(given={"CHROMIUM_PATH": named}) == named

    def test_takes_the_machine_s_where_the_named_one_does_not_start(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        broken = fake(tmp_path / "broken", exit_code=127)
        found = fake(tmp_path / "chromium")
        monkeypatch.setenv("PATH", str(tmp_path))

        assert browser.provide(given={"CHROMIUM_PATH": broken}) == found

    def test_says_so_when_none_can_be_had(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for way in ("_on_machine", "_of_playwright", "_install_package", "_install_playwright"):
            monkeypatch.setattr(browser, way, lambda: None)

        with pytest.raises(CannotStart, match="The browser tests need Chromium"):
            browser.provide(given={})
