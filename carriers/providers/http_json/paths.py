"""Where a value stands in a JSON document: ``data.messages.0.id``."""

from __future__ import annotations

from typing import Any, Final

from carriers.errors import Misconfigured

Path = tuple[str, ...]
_LONGEST: Final = 10


def read_path(text: str, key: str) -> Path:
    """Raises ``Misconfigured``. A dot alone is the document itself."""
    path = () if text == "." else tuple(text.split("."))
    if len(path) > _LONGEST or not all(path):
        raise Misconfigured(f"{key} must be names with dots between, as in data.id")
    return path


def find(document: Any, path: Path) -> Any:
    """The value there, None where there is none. A step is a key of an object or a place in a list."""
    for step in path:
        if isinstance(document, dict):
            document = document.get(step)
        elif isinstance(document, list) and step.isdecimal() and int(step) < len(document):
            document = document[int(step)]
        else:
            return None
    return document


def find_text(document: Any, path: Path | None, *, longest: int = 70) -> str:
    """The value as a text; "" where there is none, or nothing that could be an id, a code or a number."""
    value = find(document, path) if path is not None else None
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    text = str(value).strip()
    return text if len(text) <= longest and text.isprintable() else ""
