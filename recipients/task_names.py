"""The names of this app's tasks: a wire format. Arguments are ids, by keyword."""

from __future__ import annotations

from typing import Final

READ_ROSTER: Final = "recipients.read_roster"
