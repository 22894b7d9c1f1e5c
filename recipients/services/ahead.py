"""Work ahead in a thread: the next rows are read and sealed while PostgreSQL stores the last ones."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")
_POLL_S: Final = 0.2


def run_ahead(items: Iterator[Item], *, depth: int = 1) -> Iterator[Item]:
    """The same items, each made up to ``depth`` places before it is asked for. Errors come where they would have come.

    ``items`` must not touch the database: a thread has connections of its own, and no scope.
    """
    maker = _Maker(items, depth=depth)
    maker.thread.start()
    try:
        while (entry := maker.made.get()) is not None:
            if isinstance(entry, _Failed):
                raise entry.error
            yield entry
    finally:
        maker.stopped.set()
        maker.thread.join()


class _Failed:
    """The error that ended the making."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class _Maker(Generic[Item]):
    """The thread and the queue between the two; None is the end."""

    def __init__(self, items: Iterator[Item], *, depth: int) -> None:
        self._items = items
        self.made: queue.Queue[Item | _Failed | None] = queue.Queue(maxsize=depth)
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._make, name="run-ahead", daemon=True)

    def _make(self) -> None:
        try:
            for item in self._items:
                if not self._put(item):
                    return
        except BaseException as exc:
            self._put(_Failed(exc))
        else:
            self._put(None)

    def _put(self, entry: Item | _Failed | None) -> bool:
        """False where nobody wants the rest."""
        while not self.stopped.is_set():
            try:
                self.made.put(entry, timeout=_POLL_S)
            except queue.Full:
                continue
            return True
        return False
