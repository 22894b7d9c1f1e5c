"""The bits of Markdown that the pages are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def page(title: str, *blocks: str) -> str:
    """A whole page; each block is separated by an empty line."""
    made = "<!-- Made by `make docs`: change the code, not this page. -->"
    return "\n\n".join([f"# {title}", made, *(block.strip("\n") for block in blocks)]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [_row(head), _row(["---"] * len(head)), *(_row(row) for row in rows)]
    return "\n".join(lines)


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"
