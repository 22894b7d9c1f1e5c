"""Which row of the spreadsheet a person stands on: the number at Excel's left edge, title and blank lines counted.

Rows are counted from 1 below the header everywhere else. Where lines that are no people stand above or between them,
the notices that tell of them carry the shifts: ``"1:1,57:2"`` is one line more from row 1 on, two from row 57 on.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import Any, Final

_HEADER_ONLY: Final = "1:1"


class SheetRows:
    """The numbers of one file, from its stored notices."""

    def __init__(self, notices: Iterable[Mapping[str, Any]]) -> None:
        shifts = next((n["params"]["shifts"] for n in notices if "shifts" in n["params"]), _HEADER_ONLY)
        parts = [part.split(":") for part in shifts.split(",") if part]
        self._starts = [int(start) for start, _shift in parts]
        self._shifts = [int(shift) for _start, shift in parts]

    @property
    def are_known(self) -> bool:
        """Not where people and other lines take turns all the way down."""
        return bool(self._starts)

    def of(self, row: int) -> int:
        """The sheet's number of ``row``; where it is not known, the row's own."""
        return row + self._shifts[bisect_right(self._starts, row) - 1] if self._starts else row
