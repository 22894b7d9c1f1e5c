"""Whether a carrier account is sick: signs in, a judgement out. Pure: no database, no clock.

An account falls sick by its first symptom, and is well again only after a while without any, so that texts do not swing
between two accounts.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

UNBOUND_FOR: Final = timedelta(seconds=30)
WELL_FOR: Final = timedelta(seconds=60)
ANSWERS: Final = 20  # fewer prove nothing
TROUBLE_SHARE: Final = 0.5


class Ailment(enum.StrEnum):
    REFUSED = "refused"  # the carrier refuses our log-in or our configuration
    UNBOUND = "unbound"  # no bind for 30 s
    FAILING = "failing"  # more than half of its answers are trouble of the carrier's own, or none came
    SILENT = "silent"  # it takes texts and reports on none, though it used to


@dataclass(frozen=True, slots=True)
class Signs:
    """What was seen of an account. ``answers`` and ``troubles`` of the last three minutes; ``accepted`` ten minutes ago and
    earlier, and ``receipts`` since, over twenty-five; ``used_to_report``: receipts came within a day."""

    is_bound: bool
    is_refused: bool
    error: str = ""
    answers: int = 0
    troubles: int = 0
    accepted: int = 0
    receipts: int = 0
    used_to_report: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """How an account stands. ``since``: the instant of its last change; ``well_since``: sick, without a symptom since."""

    is_healthy: bool
    since: datetime
    bound_at: datetime
    reason: str = ""
    detail: str = ""
    well_since: datetime | None = None


def judged(before: Condition, signs: Signs, *, now: datetime) -> Condition:
    """How it stands now."""
    bound_at = now if signs.is_bound else before.bound_at
    symptom = _symptom(signs, is_long_unbound=now - bound_at > UNBOUND_FOR)
    if symptom is not None:
        since = now if before.is_healthy else before.since
        return Condition(False, since, bound_at, reason=symptom, detail=_detail(symptom, signs))
    if before.is_healthy:
        return replace(before, bound_at=bound_at)
    well_since = before.well_since or now
    if now - well_since >= WELL_FOR and signs.is_bound:
        return Condition(True, now, bound_at)
    return replace(before, bound_at=bound_at, well_since=well_since)


def _symptom(signs: Signs, *, is_long_unbound: bool) -> Ailment | None:
    if signs.is_refused and not signs.is_bound:
        return Ailment.REFUSED
    if is_long_unbound:
        return Ailment.UNBOUND
    if signs.answers >= ANSWERS and signs.troubles > signs.answers * TROUBLE_SHARE:
        return Ailment.FAILING
    if signs.used_to_report and signs.accepted >= ANSWERS and not signs.receipts:
        return Ailment.SILENT
    return None


def _detail(ailment: Ailment, signs: Signs) -> str:
    if ailment is Ailment.FAILING:
        return f"{signs.troubles} / {signs.answers}"
    if ailment is Ailment.SILENT:
        return f"0 / {signs.accepted}"
    return signs.error
