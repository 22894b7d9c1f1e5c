"""What was imported and collected stays until the end: the collector of garbage does not look through it again and again."""

from __future__ import annotations

from tenants.collecting import spare_what_is_loaded


def pytest_collection_finish() -> None:
    spare_what_is_loaded()
