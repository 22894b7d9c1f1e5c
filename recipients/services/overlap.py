"""How much of a file came before, whatever its name and order: each roster keeps a sketch of its rows.

The sketch is the rows' keyed hashes, the ``KEPT`` smallest of them: small files are there as a whole, and of large ones
the same share of the same rows, so that two sketches tell how many rows two files have in common (a bottom-k sketch).
"""

from __future__ import annotations

import heapq
import struct
from dataclasses import dataclass
from typing import Final

from recipients.models import Roster, RosterState

KEPT: Final = 512
COMPARED: Final = 200  # rosters, the latest ones
FEWEST_ROWS: Final = 10  # in common: a small office's roster may hold some people of yesterday's
SHARE: Final = 0.8
_BYTES: Final = 8


class RowSketch:
    """Gathered while a file is read."""

    def __init__(self) -> None:
        self._heap: list[int] = []  # the negatives of what is kept, the largest hash on top
        self._kept: set[int] = set()

    def add(self, digest: bytes) -> None:
        """A row by its keyed digest, of which the sum does not take the last bytes. One that came before counts once."""
        value = int.from_bytes(digest[-_BYTES:], "big")
        if value in self._kept:
            return
        if len(self._heap) < KEPT:
            heapq.heappush(self._heap, -value)
            self._kept.add(value)
        elif value < -self._heap[0]:
            self._kept.discard(-heapq.heappushpop(self._heap, -value))
            self._kept.add(value)

    def value(self) -> bytes:
        return struct.pack(f">{len(self._kept)}Q", *sorted(self._kept))


@dataclass(frozen=True, slots=True)
class Overlap:
    """An earlier roster with nearly the same rows."""

    earlier: Roster
    percent: int


def find_overlap(roster: Roster, sketch: bytes) -> Overlap | None:
    """The latest earlier roster of which at least ``SHARE`` of this one's rows came."""
    earlier = (
        Roster.objects.filter(pk__lt=roster.pk, row_sketch__isnull=False)
        .exclude(state=RosterState.FAILED)
        .only("pk", "tenant", "public_id", "created_at", "row_sketch")
        .order_by("-pk")[:COMPARED]
    )
    mine = _values(sketch)
    for other in earlier:
        percent = _percent_in_common(mine, _values(bytes(other.row_sketch)))
        if percent is not None:
            return Overlap(other, percent)
    return None


def _percent_in_common(mine: frozenset[int], theirs: frozenset[int]) -> int | None:
    """The share of my rows that are theirs too, from the part of the range that both sketches cover."""
    edges = [max(sketch) for sketch in (mine, theirs) if len(sketch) >= KEPT]
    seen = {value for value in mine if value <= min(edges)} if edges else mine
    common = len(seen & theirs)
    if common < FEWEST_ROWS or common < SHARE * len(seen):
        return None
    return min(99, 100 * common // len(seen))


def _values(sketch: bytes) -> frozenset[int]:
    return frozenset(struct.unpack(f">{len(sketch) // _BYTES}Q", sketch))
