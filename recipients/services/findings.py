"""What is found about a whole file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Found:
    """A problem of the file; ``details`` fill its sentence and hold nothing personal."""

    code: str
    details: dict[str, Any] = field(default_factory=dict)
