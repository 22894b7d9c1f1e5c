"""A campaign's text, bound to the columns of its roster: rows in, texts and what they cost out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from templates_sms.ladders import bill_text
from templates_sms.rendering import Renderer
from templates_sms.segments import compose

ONE_PART: Final = 70  # characters outside the astral planes: one part in every alphabet and on every ladder
_ASTRAL: Final = re.compile("[\U00010000-\U0010ffff]")


class Unrenderable(Exception):
    """This row cannot be made a text."""

    is_too_long = False


class TooLong(Unrenderable):
    """No carrier of the ladder takes a text of this length."""

    is_too_long = True


class Wording:
    """Raises ``templates_sms.rendering.TemplateProblem`` for a text that does not fit the columns."""

    __slots__ = ("_headers", "_ladder", "_render")

    def __init__(self, text: str, *, headers: Iterable[str], ladder: str) -> None:
        renderer = Renderer(text, headers=headers)
        self._render, self._headers, self._ladder = renderer.render, renderer.headers, ladder

    def render(self, cells: Mapping[str, str]) -> str:
        """The text that this person gets, composed. Raises ``Unrenderable`` where a column is missing."""
        try:
            return compose(self._render(cells))
        except KeyError as exc:
            raise Unrenderable from exc

    def has_hole(self, cells: Mapping[str, str]) -> bool:
        """Whether a cell that the text quotes is empty."""
        return any(not cells[header].strip() for header in self._headers)

    def billed_parts(self, text: str) -> int:
        """Raises ``TooLong``."""
        if is_surely_one_part(text):
            return 1
        bill = bill_text(text, profile=self._ladder)
        if bill.is_too_long:
            raise TooLong
        return bill.parts


def is_surely_one_part(text: str) -> bool:
    """Decided without measuring; most texts are that short."""
    return len(text) <= ONE_PART and _ASTRAL.search(text) is None
