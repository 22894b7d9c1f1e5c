"""The hours in which a tenant may send, in Japan. Pure: no clock, no settings.

``until`` equal to ``start`` means the whole day; an earlier one means that the window crosses midnight. The window is
closed at ``until`` itself. Japan has no daylight saving time, so local days always have 24 hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

JAPAN: Final = ZoneInfo("Asia/Tokyo")


@dataclass(frozen=True, slots=True)
class SendingHours:
    start: time
    until: time

    @property
    def is_whole_day(self) -> bool:
        return self.start == self.until

    def is_open(self, at: datetime) -> bool:
        """Whether an aware instant lies inside the hours."""
        if self.is_whole_day:
            return True
        clock = at.astimezone(JAPAN).time()
        if self.start < self.until:
            return self.start <= clock < self.until
        return clock >= self.start or clock < self.until

    def opening(self, at: datetime) -> datetime:
        """``at`` itself while open, else the next instant at which the hours begin (in Japan time)."""
        if self.is_open(at):
            return at
        local = at.astimezone(JAPAN)
        today = local.replace(hour=self.start.hour, minute=self.start.minute, second=self.start.second, microsecond=0)
        return today if today > local else today + timedelta(days=1)
