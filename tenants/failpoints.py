"""Places where a test may kill the process: ``FAILPOINT=name`` exits there at once, as kill -9 would.

``FAILPOINT=name:3`` exits at the third passing. Every border between a commit and a socket has one (RELIABILITY.md).
"""

from __future__ import annotations

import os
from typing import Final

from django.conf import settings

NAMES: Final = frozenset(
    {
        "pump.claimed",
        "pump.before_intent",
        "pump.after_intent",
        "pump.after_write",
        "pump.before_answers",
        "pump.after_answers",
        "receipts.before_store",
        "receipts.after_store",
        "receipts.after_acknowledge",
        "expand.before_chunk",
        "expand.after_chunk",
        "read.after_chunk",
        "publish.before_send",
        "web.after_commit",
        "webhook.after_store",
    }
)
_passed = 0


def failpoint(name: str) -> None:
    global _passed
    wanted = settings.FAILPOINT
    if not wanted:
        return
    chosen, _, times = wanted.partition(":")
    if chosen != name:
        return
    _passed += 1
    if _passed >= int(times or 1):
        os._exit(137)
