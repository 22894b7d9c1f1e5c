"""Name to provider: a new provider is one folder and one line here."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Final

from carriers.base import Provider
from carriers.errors import Misconfigured

PROVIDERS: Final[dict[str, str]] = {
    "smpp": "carriers.providers.smpp.carrier:SmppProvider",
    "http_json": "carriers.providers.http_json.carrier:HttpJsonProvider",
}
"""Loaded when first used, so that the web processes never import a codec."""


def provider_choices() -> list[tuple[str, str]]:
    """For forms; a callable, so that no provider costs a migration."""
    return [(name, name) for name in PROVIDERS]


@cache
def provider_named(name: str) -> Provider:
    """Raises ``Misconfigured``."""
    if name not in PROVIDERS:
        raise Misconfigured(f"no provider named {name!r}")
    module, _, attribute = PROVIDERS[name].partition(":")
    provider: Provider = getattr(import_module(module), attribute)()
    return provider
