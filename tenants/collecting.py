"""Garbage collection in processes that make and forget thousands of objects a second."""

from __future__ import annotations

import gc
from typing import Final

YOUNG: Final = 20_000  # objects more than were forgotten, before the youngest are looked through (Python's own: 700)


def spare_what_is_loaded() -> None:
    """Code and settings, some hundred thousand objects that live as long as the process, are never looked through again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 50)
