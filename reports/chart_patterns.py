"""Colour and pattern of each state in a chart: told apart without colour, on paper, and by every kind of sight.

Colours are the Digital Agency's primitives (``config/static/css/tokens.css``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final


@dataclass(frozen=True, slots=True)
class Paint:
    """A ground colour and the marks drawn on each 8 × 8 px tile of it."""

    ground: str
    marks: str = ""


def _lines(colour: str, path: str, width: float = 1.5) -> str:
    return f'<path d="{path}" stroke="{colour}" stroke-width="{width}" fill="none"/>'


RISING: Final = "M-2 2 2-2M0 8 8 0M6 10 10 6"
FALLING: Final = "M-2 6 2 10M0 0 8 8M6-2 10 2"

PAINTS: Final[Mapping[str, Paint]] = {
    "queued": Paint("#e6e6e6", '<circle cx="4" cy="4" r="1.4" fill="#767676"/>'),
    "sending": Paint("#c5d7fb", _lines("#3460fb", RISING)),
    "accepted": Paint("#7096f8", _lines("#e8f1fe", "M0 4h8", 2)),
    "delivered": Paint("#197a4b"),
    "undelivered": Paint("#c74700", _lines("#ffdfca", FALLING)),
    "expired": Paint("#ffc199", _lines("#8b3200", "M4 0v8")),
    "rejected": Paint("#ce0000", _lines("#ffdada", RISING + FALLING, 1)),
    "failed": Paint("#850000", '<circle cx="4" cy="4" r="1.6" fill="#ffdada"/>'),
    "unknown": Paint("#ffd43d", '<path d="M0 0h4v4H0zM4 4h4v4H4z" fill="#806300"/>'),
    "cancelled": Paint("#ffffff", _lines("#999999", FALLING, 1)),
    "sms": Paint("#0017c1"),
    "call": Paint("#ffa66d", _lines("#8b3200", RISING)),
    "error": Paint("#ce0000", _lines("#ffdada", RISING + FALLING, 1)),
    "skip": Paint("#cccccc", '<circle cx="4" cy="4" r="1.4" fill="#666666"/>'),
}


def fill(*, chart_id: str, key: str) -> str:
    """What a shape's ``fill`` says for the state ``key``."""
    paint = PAINTS[key]
    return f"url(#{escape(chart_id)}-{key})" if paint.marks else paint.ground


def definitions(*, chart_id: str, keys: Sequence[str]) -> str:
    """The ``<defs>`` of the patterns that ``keys`` need; empty where all are plain."""
    patterns = "".join(
        f'<pattern id="{escape(chart_id)}-{key}" width="8" height="8" patternUnits="userSpaceOnUse">'
        f'<rect width="8" height="8" fill="{PAINTS[key].ground}"/>{PAINTS[key].marks}</pattern>'
        for key in dict.fromkeys(keys)
        if PAINTS[key].marks
    )
    return f"<defs>{patterns}</defs>" if patterns else ""


def swatch_svg(*, chart_id: str, key: str) -> str:
    """A square of 16 px with its own pattern, so that it needs no other drawing on the page."""
    own_id = f"{chart_id}-swatch"
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" class="swatch" width="16" height="16" aria-hidden="true" '
        'focusable="false">'
        f"{definitions(chart_id=own_id, keys=[key])}"
        f'<rect x="0.5" y="0.5" width="15" height="15" fill="{fill(chart_id=own_id, key=key)}" stroke="#767676"/></svg>'
    )
