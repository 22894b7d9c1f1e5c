"""What was imported and collected stays until the end: the collector of garbage does not look through it again and again."""

from __future__ import annotations

import gc
from typing import Final

OFTEN_ENOUGH: Final = (50_000, 20, 50)  # Python's own 700 allocations are for programs that hold little


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(*OFTEN_ENOUGH)
