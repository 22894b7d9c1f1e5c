"""Typed readers of the environment; the only code that touches ``os.environ``."""

from __future__ import annotations

import base64
import binascii
import os
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

MASTER_KEY_BYTES = 32


class BadSetting(Exception):
    """An environment variable is missing or unusable; the text names it and says what it should be."""


def text(name: str, default: str | None = None) -> str:
    value = os.environ.get(name, "")  # noqa: TID251 - this is the one place
    if value:
        return value
    if default is None:
        raise BadSetting(f"{name} is not set.")
    return default


def flag(name: str, *, default: bool = False) -> bool:
    value = text(name, "1" if default else "0").strip().lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise BadSetting(f"{name} must be 1 or 0.")


def number(name: str, default: int) -> int:
    value = text(name, str(default))
    try:
        return int(value)
    except ValueError as exc:
        raise BadSetting(f"{name} must be a whole number.") from exc


def words(name: str, default: str = "") -> list[str]:
    """A list written with commas."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def choice(name: str, default: str, *, among: tuple[str, ...]) -> str:
    value = text(name, default).strip().lower()
    if value not in among:
        raise BadSetting(f"{name} must be one of {', '.join(among)}.")
    return value


def day(name: str) -> date | None:
    value = text(name, "")
    if not value:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError as exc:
        raise BadSetting(f"{name} must be a day like 2022-08-15.") from exc


def database(name: str, default: str | None = None) -> dict[str, Any]:
    """Django's description of a PostgreSQL database from a URL ``postgresql://user:password@host:port/name?option=value``."""
    parts = urlsplit(text(name, default))
    if parts.scheme not in {"postgres", "postgresql"}:
        raise BadSetting(f"{name} must begin with postgresql://.")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": dict(parse_qsl(parts.query)),
    }


def master_keys(name: str, default: str | None = None) -> dict[int, bytes]:
    """Key number → 32 bytes, from ``1:<base64>,2:<base64>``; the highest number seals, all of them open."""
    keys: dict[int, bytes] = {}
    for entry in text(name, default).split(","):
        number_text, _, encoded = entry.strip().partition(":")
        try:
            key_number, key = int(number_text), base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error) as exc:
            raise BadSetting(f"{name} must look like 1:<base64 of 32 bytes>.") from exc
        if len(key) != MASTER_KEY_BYTES or not 0 < key_number < 256:
            raise BadSetting(f"{name} wants keys of 32 bytes, numbered 1 to 255.")
        keys[key_number] = key
    return keys
