"""The fault suite's fixtures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.harness import System
from tests.faults.outcome import Outcome
from tests.figures import FIGURES

Report = Callable[[str, Outcome], None]


@pytest.fixture
def system(committed: None, tmp_path: Path) -> Iterator[System]:
    """Processes on the test's own database; they end before its tables are emptied."""
    with System(tmp_path) as system:
        yield system


@pytest.fixture(scope="session")
def report() -> Report:
    """Puts a row of figures into the table that is printed at the end."""

    def add(row: str, outcome: Outcome) -> None:
        recovered = "" if outcome.recovered_s is None else f", sending again after {outcome.recovered_s:.1f} s"
        faults = "".join(f", {name.upper()} {count}" for name, count in outcome.faults.items())
        FIGURES.append(
            (
                row,
                f"kills tried {outcome.kills}, lost {outcome.lost}, double {outcome.double}, "
                f"unknown {outcome.unknown}{recovered}{faults}",
            )
        )

    return add


@pytest.fixture(scope="session")
def note() -> Callable[[str, str], None]:
    """Puts any other figure into that table."""
    return lambda row, figures: FIGURES.append((row, figures))
