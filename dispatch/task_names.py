"""The names of tasks: a wire format. Arguments are ids, by keyword."""

from __future__ import annotations

from typing import Final

PUMP: Final = "dispatch.pump"
PREPARE_CAMPAIGN: Final = "dispatch.prepare_campaign"
EXPAND_CAMPAIGN: Final = "dispatch.expand_campaign"
CLOSE_LOOP: Final = "dispatch.close_loop"
SWEEP: Final = "dispatch.sweep"
FOLD_TALLIES: Final = "dispatch.fold_tallies"
FORGET: Final = "dispatch.forget"
FORGET_OLD: Final = "dispatch.forget_old"
WATCH_ACCOUNTS: Final = "dispatch.watch_accounts"
