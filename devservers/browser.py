"""The browser of the end-to-end tests: one on the machine, else Debian's package, else Playwright's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from devservers.errors import CannotStart

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FONT_PACKAGE = "fonts-noto-cjk"


def provide(*, given: Mapping[str, str]) -> str:
    """The path of a Chromium that starts, installing one where there is none; CannotStart where none can be had."""

    def named() -> str | None:
        return given.get("CHROMIUM_PATH")

    for find in (named, _on_machine, _of_playwright, _install_package, _install_playwright):
        path = find()
        if path and starts(path):
            return path
    raise CannotStart(
        "The browser tests need Chromium, and none was found or could be installed: install the package chromium, or "
        "name one by CHROMIUM_PATH."
    )


def starts(path: str) -> bool:
    """Whether the program is there and its libraries are."""
    try:
        return subprocess.run([path, "--version"], capture_output=True, check=False, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _on_machine() -> str | None:
    return next(filter(None, map(shutil.which, _NAMES)), None)


def _install_package() -> str | None:
    """Debian's, which brings its libraries along; only root may install it."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return None
    print("Installing Debian's chromium for the browser tests …", flush=True)
    apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    _quietly([*apt, "update"])
    _quietly([*apt, "install", "--yes", "--no-install-recommends", "chromium", _FONT_PACKAGE])
    return _on_machine()


def _install_playwright() -> str | None:
    print("Fetching Playwright's own Chromium for the browser tests …", flush=True)
    _quietly([sys.executable, "-m", "playwright", "install", "chromium"])
    return _of_playwright()


def _of_playwright() -> str | None:
    """Where Playwright keeps its own, if it fetched one; asked in a process of its own, for it starts a driver."""
    question = (
        "from playwright.sync_api import sync_playwright\n"
        "with sync_playwright() as playwright: print(playwright.chromium.executable_path)"
    )
    answer = subprocess.run([sys.executable, "-c", question], capture_output=True, text=True, check=False)
    path = answer.stdout.strip()
    return path if path and Path(path).exists() else None


def _quietly(command: list[str]) -> None:
    """Run an installer; what it says is shown only when it fails, and whether it helped is found out afterwards."""
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        print(f"{' '.join(command)} failed:\n{result.stderr[-2000:]}", flush=True)
