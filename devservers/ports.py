"""Free TCP ports of this machine."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable

from devservers.errors import CannotStart

LOOPBACK = "127.0.0.1"

# Below the range from which the kernel takes the ports of outgoing connections (32768 and up on Linux), so that no
# connection of ours takes a port between our look and the server's bind.
LOWEST, HIGHEST = 20_000, 32_000
_ATTEMPTS = 200


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback address right now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port(*, preferred: int | None = None) -> int:
    """The preferred port where it is free, else any; drawn by lot, so that two checkouts seldom meet."""
    if preferred is not None and is_free(preferred):
        return preferred
    draw = random.SystemRandom()
    for _ in range(_ATTEMPTS):
        port = draw.randrange(LOWEST, HIGHEST)
        if is_free(port):
            return port
    raise CannotStart(f"No free TCP port was found between {LOWEST} and {HIGHEST} on {LOOPBACK}.")


def wait_until_listening(*, host: str, port: int, timeout_s: float, is_alive: Callable[[], bool]) -> bool:
    """True once something accepts a connection there; False when `timeout_s` passed or `is_alive` says no."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and is_alive():
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False
