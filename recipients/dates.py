"""Days in a roster, and the age that follows from one. No clock: the day comes from outside."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

from tenants.japanese_dates import parse_date

__all__ = ["age_on", "parse_age", "parse_date"]


def age_on(born_on: date, day: date) -> int:
    """Completed years on `day`. A birthday counts from its own day on; 29 February's is 1 March in a common year."""
    return day.year - born_on.year - ((day.month, day.day) < (born_on.month, born_on.day))


def parse_age(raw: str) -> int | None:
    """Completed years as written: "35", "３５歳", "満35才", "35.0"; None for anything else, and for more than 130."""
    text = unicodedata.normalize("NFKC", raw).strip()
    match = re.fullmatch(r"満?\s*([0-9]{1,3})(?:\.0+)?\s*(?:歳|才|さい)?(?:\s*[0-9]{1,2}\s*[かヶケカ]月)?", text)
    if match is None or int(match[1]) > 130:
        return None
    return int(match[1])
