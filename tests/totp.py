"""The code that an authenticator app shows; needs nothing of the project, so that tests of a running service can use it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time

PERIOD_S = 30


def code_at(secret: str, at: float) -> str:
    """RFC 6238 with six digits, half a minute and SHA-1, as every app does it."""
    digest = hmac.digest(base64.b32decode(secret), (int(at) // PERIOD_S).to_bytes(8, "big"), hashlib.sha1)
    offset = digest[-1] & 0x0F
    return f"{(int.from_bytes(digest[offset : offset + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"


def current_code(secret: str) -> str:
    return code_at(secret, time.time())


def wait_for_room(needed_s: float = 10) -> None:
    """Until the code that is shown now stays for so long."""
    left_s = PERIOD_S - time.time() % PERIOD_S
    if left_s < needed_s:
        time.sleep(left_s)
