"""How fast a bind may feed its account. Pure: no clock, no database.

An account's limit is handed out in slots of a tenth of a second from the account's row, so that all binds of all hosts
together keep it (``dispatch.services.sending.quota``). Inside a slot parts leave evenly. When the carrier throttles, a bind
slows itself down besides: multiplicatively while that helps, and back up additively.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Final

SLOT_S: Final = 0.1
AHEAD_S: Final = 0.06  # the next slot is asked for so long before this one ends
GRACE_S: Final = 0.04  # a part that could not leave at its time may leave so long after it, then it is forfeit
PAUSE_S: Final = 0.02  # after a throttled answer nothing leaves for so long
LOOK_S: Final = 0.5  # throttling is judged over so long
DECREASE: Final = 0.8
INCREASE_PER_S: Final = 0.1
FLOOR: Final = 0.05
TOLERATED: Final = 0.02  # share of throttled answers that calls for nothing
HELPS: Final = 0.85  # slowing down helped if the share fell below this part of what it was
TRUCE_S: Final = 10.0
MIN_REST_S: Final = 1.0
MAX_REST_S: Final = 60.0
REFUSED_REST_S: Final = 40.0  # a carrier that refuses us may lock us out when it is asked too often
MOST_FAILURES: Final = 10  # counted no further


def rest_s(*, is_refused: bool, failures: int, share: float) -> float:
    """How long nobody tries a bind again that failed, after so many ``failures`` in a row before this one.

    ``share`` is a random number from 0 to 1: binds that failed together do not come back in step.
    """
    longest = REFUSED_REST_S if is_refused else min(MAX_REST_S, MIN_REST_S * 2 ** min(failures, MOST_FAILURES))
    return longest * (0.5 + share / 2)


@dataclass(slots=True)
class Slot:
    """``parts`` may leave between ``start`` and ``end`` (seconds of the caller's clock), evenly.

    What was held up (a busy loop, a full window) is not made up for later: no second would keep the limit then.
    """

    start: float
    end: float
    parts: int
    used: int = 0

    def due(self, now: float) -> int:
        """Parts that may have left by ``now`` and have not."""
        return max(0, self._by(now) - self.used)

    def forfeit(self, now: float) -> None:
        """Parts whose time is over count as used."""
        self.used = max(self.used, self._by(now - GRACE_S))

    def _by(self, instant: float) -> int:
        """Parts whose time comes up to ``instant``."""
        share = (instant - self.start) / max(self.end - self.start, 1e-9)
        return math.floor(self.parts * min(1.0, max(0.0, share)) + 1e-9)


@dataclass(slots=True)
class Throttle:
    """A bind's own restraint, between ``FLOOR`` and 1, from the share of answers that said "slower".

    A carrier that throttles at random is not helped by slowing down; then the pace is kept for ``TRUCE_S``.
    """

    factor: float = 1.0
    paused_until: float = 0.0
    judged_at: float = 0.0
    answers: int = 0
    refusals: int = 0
    share_before: float | None = None
    truce_until: float = 0.0

    def answered(self, *, throttled: bool, now: float) -> None:
        self.answers += 1
        if throttled:
            self.refusals += 1
            self.paused_until = now + PAUSE_S
        if now - self.judged_at >= LOOK_S:
            self._judge(now)

    def _judge(self, now: float) -> None:
        share, elapsed = self.refusals / self.answers, min(now - self.judged_at, 2.0)
        self.answers = self.refusals = 0
        self.judged_at = now
        if share <= TOLERATED:
            self.factor = min(1.0, self.factor + INCREASE_PER_S * elapsed)
            self.share_before = None
        elif now < self.truce_until:
            self.factor = min(1.0, self.factor + INCREASE_PER_S * elapsed)
        elif self.share_before is not None and share > self.share_before * HELPS:
            self.factor = min(1.0, self.factor / DECREASE)
            self.truce_until = now + TRUCE_S
            self.share_before = None
        else:
            self.factor = max(FLOOR, self.factor * DECREASE)
            self.share_before = share


@dataclass(slots=True)
class Pacer:
    """Decides how many parts may leave now. ``limit`` is the account's, in parts per second; None: as the window lets."""

    limit: float | None
    slots: deque[Slot] = field(default_factory=deque)
    throttle: Throttle = field(default_factory=Throttle)
    _owed: float = 0.0

    def wants(self, now: float) -> int:
        """Parts to ask the account's row for; 0 while the slots in hand reach far enough."""
        if self.limit is None:
            return 0
        while self.slots and now > self.slots[0].end + GRACE_S:
            self.slots.popleft()
        if self.slots and self.slots[-1].end - now > AHEAD_S:
            return 0
        self._owed += self.limit * SLOT_S * self.throttle.factor
        whole = max(1, math.floor(self._owed))
        self._owed = max(0.0, self._owed - whole)
        return whole

    def grant(self, *, start: float, end: float, parts: int) -> None:
        self.slots.append(Slot(start, end, parts))

    def allow(self, wanted: int, now: float) -> int:
        """How many of ``wanted`` parts may leave now; they count as gone."""
        if wanted <= 0 or now < self.throttle.paused_until:
            return 0
        if self.limit is None:
            return wanted
        allowed = 0
        for slot in self.slots:
            slot.forfeit(now)
            taken = min(wanted - allowed, slot.due(now))
            slot.used += taken
            allowed += taken
        return allowed

    def answered(self, *, throttled: bool, now: float) -> None:
        self.throttle.answered(throttled=throttled, now=now)

    def wait_s(self, now: float) -> float:
        """Seconds until it is worth asking again."""
        if now < self.throttle.paused_until:
            return self.throttle.paused_until - now
        if self.limit is None:
            return 0.0
        return min(SLOT_S / 4, max(0.001, 1.0 / self.limit / 2))
