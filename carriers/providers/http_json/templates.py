"""The body of a request from its template: placeholders in strings, replaced literally and once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from carriers.errors import Misconfigured

PLACEHOLDERS: Final = frozenset({"to", "text", "sender", "reference", "key"})
_PLACEHOLDER: Final = re.compile(r"\{(" + "|".join(sorted(PLACEHOLDERS)) + r")\}")


def placeholders_in(template: Any, *, depth: int) -> set[str]:
    """The names that a template uses. Raises ``Misconfigured`` where it is nested too deeply or is no JSON."""
    if depth < 0:
        raise Misconfigured("body is nested too deeply")
    if isinstance(template, str):
        return set(_PLACEHOLDER.findall(template))
    if isinstance(template, dict):
        return set().union(*(placeholders_in(value, depth=depth - 1) for value in template.values()))
    if isinstance(template, list):
        return set().union(*(placeholders_in(value, depth=depth - 1) for value in template))
    if template is None or isinstance(template, bool | int | float):
        return set()
    raise Misconfigured("body must be JSON")


def fill(template: Any, values: Mapping[str, str]) -> Any:
    """The template with its placeholders replaced. A text that looks like a placeholder stays as it is."""
    if isinstance(template, str):
        return _PLACEHOLDER.sub(lambda match: values[match[1]], template)
    if isinstance(template, dict):
        return {key: fill(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [fill(value, values) for value in template]
    return template
