"""How many requests a key may make per second.

Each web process counts by itself, in memory: no broker or table is asked, so none can forget or slow it. A key gets its
tenant's rate at least, and that times the number of processes at most.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Final

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from tenants.actors import Actor

BURST_S: Final = 1.0
KEPT: Final = 10_000

_lock = threading.Lock()
_free_at: dict[int, float] = {}


def take(key_id: int, *, per_s: int, now: float) -> float:
    """Take one request from the key's rate: 0 when it may pass, else the seconds to wait.

    The generic cell rate algorithm: a burst of one second's requests, then one each ``1 / per_s`` seconds.
    """
    with _lock:
        free_at = max(_free_at.get(key_id, 0.0), now)
        wait = free_at + 1 / per_s - (now + BURST_S)
        if wait > 1e-9:
            return wait
        if len(_free_at) >= KEPT:
            _forget_idle(now)
        _free_at[key_id] = free_at + 1 / per_s
        return 0.0


def _forget_idle(now: float) -> None:
    for key_id in [key_id for key_id, free_at in _free_at.items() if free_at <= now]:
        del _free_at[key_id]


def forget_all() -> None:
    """Between tests."""
    with _lock:
        _free_at.clear()


class KeyThrottle(BaseThrottle):
    """429 beyond the tenant's ``api_requests_per_s``, with ``Retry-After``."""

    _wait_s = 0.0

    def allow_request(self, request: Request, view: Any) -> bool:
        actor, tenant = request.user, getattr(request._request, "tenant", None)
        if not isinstance(actor, Actor) or actor.api_key_id is None or tenant is None:
            return True
        self._wait_s = take(actor.api_key_id, per_s=max(tenant.api_requests_per_s, 1), now=time.monotonic())
        return self._wait_s == 0.0

    def wait(self) -> float:
        return self._wait_s
