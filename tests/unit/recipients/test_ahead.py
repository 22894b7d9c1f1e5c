"""Items made in a thread are the same items, and the thread ends with whoever asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from recipients.services.ahead import run_ahead


def numbers(made: list[int], *, fail_at: int | None = None) -> Iterator[int]:
    for number in range(100):
        if number == fail_at:
            raise ValueError(number)
        made.append(number)
        yield number


class TestRunAhead:
    def test_gives_every_item_in_order(self) -> None:
        assert list(run_ahead(numbers([]))) == list(range(100))

    def test_raises_where_the_items_do(self) -> None:
        received = []

        with pytest.raises(ValueError, match="3"):
            received.extend(run_ahead(numbers([], fail_at=3)))

    def test_stops_making_when_nobody_asks_any_more(self) -> None:
        made: list[int] = []
        items = run_ahead(numbers(made))
        assert next(items) == 0

        items.close()  # type: ignore[attr-defined]  # a generator

        assert len(made) < 10
        assert all(thread.name != "run-ahead" for thread in threading.enumerate())
