"""When an account is sick, and when it is well again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from carriers.health import Ailment, Condition, Signs, judged

NOON = datetime(2022, 8, 15, 3, 0, tzinfo=UTC)
WELL = Condition(True, NOON, NOON)
FINE = Signs(is_bound=True, is_refused=False)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


class TestFallsSick:
    @pytest.mark.parametrize(
        ("signs", "after_s", "reason"),
        [
            (Signs(is_bound=False, is_refused=True, error="HTTP 401"), 0, Ailment.REFUSED),
            (Signs(is_bound=False, is_refused=False), 31, Ailment.UNBOUND),
            (replace(FINE, answers=20, troubles=11), 0, Ailment.FAILING),
            (replace(FINE, accepted=20, used_to_report=True), 0, Ailment.SILENT),
        ],
    )
    def test_with_a_reason(self, signs: Signs, after_s: float, reason: Ailment) -> None:
        after = judged(WELL, signs, now=at(after_s))

        assert (after.is_healthy, after.reason, after.since) == (False, reason, at(after_s))

    @pytest.mark.parametrize(
        ("signs", "after_s"),
        [
            (FINE, 3_600),
            (Signs(is_bound=False, is_refused=False), 30),
            (Signs(is_bound=True, is_refused=True), 0),
            (replace(FINE, answers=19, troubles=19), 0),
            (replace(FINE, answers=20, troubles=10), 0),
            (replace(FINE, accepted=1_000), 0),
            (replace(FINE, accepted=1_000, receipts=1, used_to_report=True), 0),
        ],
    )
    def test_and_by_nothing_less(self, signs: Signs, after_s: float) -> None:
        assert judged(WELL, signs, now=at(after_s)).is_healthy


class TestGetsWell:
    def test_after_a_minute_without_a_symptom(self) -> None:
        sick = judged(WELL, replace(FINE, answers=20, troubles=20), now=at(10))

        first = judged(sick, FINE, now=at(20))
        almost = judged(first, FINE, now=at(79))
        well = judged(almost, FINE, now=at(80))

        assert [state.is_healthy for state in (first, almost, well)] == [False, False, True]
        assert (almost.since, well.since, well.reason) == (at(10), at(80), "")

    def test_and_begins_anew_with_each_symptom(self) -> None:
        trouble = replace(FINE, answers=20, troubles=20)
        state = judged(judged(WELL, trouble, now=at(0)), FINE, now=at(10))

        state = judged(state, trouble, now=at(60))
        state = judged(state, FINE, now=at(71))

        assert not state.is_healthy
        assert (state.since, state.well_since) == (at(0), at(71))
