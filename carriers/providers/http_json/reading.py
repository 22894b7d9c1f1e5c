"""Reads keys of a configuration, and refuses what it does not know. No message quotes a value."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from carriers.errors import Misconfigured
from carriers.tls import PEM_LENGTH


class Reader:
    """Each method raises ``Misconfigured``."""

    def __init__(self, config: Mapping[str, Any], *, within: str = "") -> None:
        self._config = config
        self._within = within
        self._read: set[str] = set()

    def _get(self, key: str) -> Any:
        self._read.add(key)
        return self._config.get(key)

    def _wrong(self, key: str, wanted: str) -> Misconfigured:
        return Misconfigured(f"{self._within}{key} must be {wanted}")

    def text(self, key: str, *, longest: int = 200, required: bool = False) -> str:
        value = self._get(key)
        if value is None and not required:
            return ""
        if not isinstance(value, str) or len(value) > longest or (required and not value):
            raise self._wrong(key, f"a text of at most {longest} characters")
        if "\0" in value or "\r" in value or "\n" in value:
            raise self._wrong(key, "without control characters")
        return value

    def pem(self, key: str) -> str:
        """A file of certificates or keys, or what would stand in it: the one value that may have lines."""
        value = self._get(key)
        if value is None:
            return ""
        if not isinstance(value, str) or len(value) > PEM_LENGTH or not value.isascii() or "\0" in value:
            raise self._wrong(key, "a file, or what would stand in it (PEM)")
        return value

    def flag(self, key: str, *, default: bool = False) -> bool:
        value = self._get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false")
        return value

    def choice(self, key: str, choices: Collection[str], default: str) -> str:
        value = self._get(key)
        if value is None:
            return default
        if not isinstance(value, str) or value not in choices:
            raise self._wrong(key, f"one of {sorted(choices)}")
        return value

    def integer(self, key: str, least: int, most: int, *, default: int) -> int:
        value = self._get(key)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self._wrong(key, f"a whole number from {least} to {most}")
        return value

    def seconds(self, key: str, default: float, most: float) -> float:
        value = self._get(key)
        if value is None:
            return default
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or not 0 < value <= most:
            raise self._wrong(key, f"seconds above 0 and at most {most}")
        return float(value)

    def mapping(self, key: str, *, required: bool = False) -> dict[str, Any]:
        value = self._get(key)
        if value is None and not required:
            return {}
        if not isinstance(value, dict) or not all(isinstance(name, str) for name in value) or (required and not value):
            raise self._wrong(key, "a JSON object")
        return value

    def refuse_unread(self) -> None:
        """A misspelt key must not be passed over."""
        unknown = sorted(str(key) for key in set(self._config) - self._read)
        if unknown:
            raise Misconfigured(f"unknown keys: {', '.join(key[:40] for key in unknown[:5])}")
