"""Figures that tests found, printed as a table at the end, whichever process of a parallel run found them."""

from __future__ import annotations

from typing import Any, Final

import pytest

FIGURES: Final[list[tuple[str, str]]] = []
_NAME: Final = "figures"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker hands its figures to the process that prints."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_NAME] = [list(row) for row in FIGURES]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    FIGURES.extend((row, figures) for row, figures in getattr(node, "workeroutput", {}).get(_NAME, []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not FIGURES:
        return
    terminalreporter.section("faults: kills tried, lost, double, unknown")
    width = max(len(row) for row, _ in FIGURES)
    for row, figures in FIGURES:
        terminalreporter.write_line(f"{row:<{width}}  {figures}")
