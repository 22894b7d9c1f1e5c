"""Production refuses to start with settings or servers that would endanger residents' data."""

from __future__ import annotations

from django.conf import settings

from tenants.checks import unsafe_servers, unsafe_settings


class UnsafeToStart(Exception):
    """A sentence for each thing that must be mended first."""


def refuse_unsafe() -> None:
    """Called by the web process, the workers and beat before they serve. Raises ``UnsafeToStart`` in production."""
    if not settings.REFUSES_UNSAFE_START:
        return
    found = [*unsafe_settings(None), *unsafe_servers()]
    if found:
        raise UnsafeToStart("\n" + "\n".join(f"{error.id}: {error.msg}" for error in found))
