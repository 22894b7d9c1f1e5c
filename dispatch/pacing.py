"""How fast an account may be fed: a bucket of parts per second that halves when the carrier throttles. Pure: no clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PAUSE_S: Final = 0.05  # after a throttled answer nothing leaves for so long
DECREASE: Final = 0.7
RECOVERY_S: Final = 10.0  # from the floor back to the limit without throttling
FLOOR: Final = 0.1  # of the limit
BURST_S: Final = 0.1


@dataclass(slots=True)
class Pacer:
    """Allows at most ``limit`` parts per second (None: as fast as the window lets). Additive increase, multiplicative decrease.

    ``now`` is any monotonic clock in seconds.
    """

    limit: float | None
    now: float
    rate: float = 0.0
    tokens: float = 0.0
    paused_until: float = 0.0
    decreased_at: float = -1.0

    def __post_init__(self) -> None:
        self.rate = self.limit or 0.0
        self.tokens = self.rate * BURST_S

    def allow(self, wanted: int, now: float) -> int:
        """How many of ``wanted`` parts may leave now; they are taken from the bucket."""
        elapsed, self.now = max(0.0, now - self.now), now
        if now < self.paused_until:
            return 0
        if self.limit is None:
            return wanted
        self.rate = min(self.limit, self.rate + self.limit * elapsed / RECOVERY_S)
        self.tokens = min(self.tokens + self.rate * elapsed, max(1.0, self.rate * BURST_S))
        granted = min(wanted, int(self.tokens))
        self.tokens -= granted
        return granted

    def throttled(self, now: float) -> None:
        """The carrier said "slower". At most one decrease for each pause, however many answers say so."""
        if now < self.paused_until:
            return
        self.paused_until = now + PAUSE_S
        if self.limit is not None:
            self.rate = max(self.limit * FLOOR, self.rate * DECREASE)

    def wait_s(self, now: float) -> float:
        """Seconds until at least one part may leave."""
        if now < self.paused_until:
            return self.paused_until - now
        if self.limit is None or self.tokens >= 1:
            return 0.0
        return (1 - self.tokens) / max(self.rate, 0.01)
