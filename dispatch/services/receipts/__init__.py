"""Receipts: stored as they came, matched to their message, applied by the order of ``dispatch.states``."""

from dispatch.services.receipts.recording import rematch, store_and_apply

__all__ = ["rematch", "store_and_apply"]
