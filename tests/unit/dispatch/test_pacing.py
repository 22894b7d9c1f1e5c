from __future__ import annotations

import pytest

from dispatch.pacing import FLOOR, GRACE_S, Pacer, Slot, Throttle, rest_s


class TestSlot:
    def test_lets_its_parts_leave_evenly(self) -> None:
        slot = Slot(start=10.0, end=10.1, parts=10)

        assert [slot.due(10.0), slot.due(10.05), slot.due(10.1)] == [0, 5, 10]

    def test_keeps_back_what_has_left(self) -> None:
        assert Slot(start=0.0, end=0.1, parts=10, used=4).due(0.05) == 1

    @pytest.mark.parametrize(("now", "left"), [(0.0, 10), (GRACE_S / 2, 10), (GRACE_S, 10), (0.071, 7), (0.2, 0)])
    def test_forfeits_each_part_whose_time_is_over(self, now: float, left: int) -> None:
        slot = Slot(start=0.0, end=0.1, parts=10)

        slot.forfeit(now)

        assert slot.due(1.0) == left


class TestPacer:
    def test_lets_everything_leave_where_there_is_no_limit(self) -> None:
        pacer = Pacer(limit=None)

        assert pacer.wants(0.0) == 0
        assert pacer.allow(500, 0.0) == 500

    def test_lets_nothing_leave_before_it_holds_a_slot(self) -> None:
        assert Pacer(limit=100).allow(5, 0.0) == 0

    def test_asks_for_a_tenth_of_a_second_and_no_more_while_that_lasts(self) -> None:
        pacer = Pacer(limit=200)

        assert pacer.wants(0.0) == 20
        pacer.grant(start=0.0, end=0.1, parts=20)
        assert pacer.wants(0.01) == 0
        assert pacer.wants(0.08) == 20

    @pytest.mark.parametrize("limit", [1, 7, 33, 200, 1_500])
    def test_never_exceeds_its_slots_over_a_second(self, limit: int) -> None:
        pacer, now, given_until, gone = Pacer(limit=limit), 0.0, 0.0, 0
        while now < 3.0:
            parts = pacer.wants(now)
            if parts:
                start = max(given_until, now)
                given_until = start + parts / limit
                pacer.grant(start=start, end=given_until, parts=parts)
            gone += pacer.allow(10_000, now)
            now += 0.005

        assert 0.95 * 3 * limit - 2 <= gone <= 3 * limit + max(1, limit * 0.1)

    @pytest.mark.parametrize("limit", [100, 1_000])
    def test_does_not_make_up_for_a_loop_that_was_held_up(self, limit: int) -> None:
        """Held up for 90 ms, it keeps 105 % in the second after it all the same."""
        pacer, given_until, left = Pacer(limit=limit), 0.0, list[float]()
        for tick in range(800):
            now = tick * 0.005
            if 1.0 < now < 1.09:
                continue
            while parts := pacer.wants(now):
                start = max(given_until, now)
                given_until = start + parts / limit
                pacer.grant(start=start, end=given_until, parts=parts)
            left += [now] * pacer.allow(10_000, now)

        busiest = max(sum(1 for at in left if begin <= at < begin + 1.0) for begin in sorted(set(left)))
        assert busiest <= 1.05 * limit

    def test_pauses_after_a_throttled_answer(self) -> None:
        pacer = Pacer(limit=None)

        pacer.answered(throttled=True, now=5.0)

        assert pacer.allow(10, 5.001) == 0
        assert pacer.allow(10, 5.1) == 10


def judge(throttle: Throttle, *, second: float, share: float) -> None:
    """A hundred answers of which ``share`` said "slower", judged at ``second``."""
    for n in range(99):
        throttle.answered(throttled=n < share * 100, now=throttle.judged_at)
    throttle.answered(throttled=False, now=second)


class TestThrottle:
    def test_slows_down_while_that_helps_and_recovers(self) -> None:
        throttle = Throttle()

        judge(throttle, second=1.0, share=0.5)
        judge(throttle, second=2.0, share=0.3)
        slowed = throttle.factor
        judge(throttle, second=3.0, share=0.0)

        assert slowed == pytest.approx(0.64)
        assert throttle.factor > slowed

    def test_keeps_its_pace_where_slowing_down_does_not_help(self) -> None:
        throttle = Throttle()

        for second in range(1, 60):
            judge(throttle, second=float(second), share=0.3)

        assert throttle.factor >= 0.8

    def test_never_stops_for_good(self) -> None:
        throttle, share = Throttle(), 0.99
        for second in range(1, 200):
            share *= 0.8
            judge(throttle, second=float(second), share=max(share, 0.05))

        assert throttle.factor >= FLOOR


class TestRest:
    @pytest.mark.parametrize(
        ("failures", "longest"), [(0, 1.0), (1, 2.0), (2, 4.0), (5, 32.0), (6, 60.0), (10, 60.0), (32_767, 60.0)]
    )
    def test_grows_from_a_second_to_a_minute(self, failures: int, longest: float) -> None:
        assert rest_s(is_refused=False, failures=failures, share=1.0) == longest

    @pytest.mark.parametrize("failures", [0, 10])
    def test_is_long_from_the_first_refusal_on(self, failures: int) -> None:
        assert rest_s(is_refused=True, failures=failures, share=0.0) == 20.0
        assert rest_s(is_refused=True, failures=failures, share=1.0) == 40.0

    @pytest.mark.parametrize("is_refused", [False, True])
    def test_is_another_for_each_of_many_that_failed_together(self, is_refused: bool) -> None:
        rests = [rest_s(is_refused=is_refused, failures=6, share=share / 10) for share in range(11)]

        assert rests == sorted(set(rests))
        assert rests[-1] == 2 * rests[0]
