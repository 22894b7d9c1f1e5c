"""The names of tasks: a wire format. Arguments are ids, by keyword."""

from __future__ import annotations

from typing import Final

TIDY_DOOR: Final = "tenants.tidy_door"
