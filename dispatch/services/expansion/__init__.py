"""From a roster to messages, batches and calls."""

from __future__ import annotations

from dispatch.services.expansion.running import expand_campaign

__all__ = ["expand_campaign"]
