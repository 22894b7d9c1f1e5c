"""Every move between states, and the order of receipts."""

from __future__ import annotations

from itertools import permutations, product

import pytest

from dispatch.states import FINAL, MOVES, RECEIPT_ORDER, MoveForbidden, Status, after_receipt, move, of_parts

S = Status


class TestMove:
    @pytest.mark.parametrize(("old", "new"), list(product(Status, Status)))
    def test_allows_exactly_what_the_table_says(self, old: Status, new: Status) -> None:
        if new in MOVES[old]:
            assert move(old, new) is new
        else:
            with pytest.raises(MoveForbidden):
                move(old, new)

    def test_knows_every_state(self) -> None:
        assert set(MOVES) == set(Status)

    def test_cancels_only_what_is_queued(self) -> None:
        assert [old for old in Status if S.CANCELLED in MOVES[old]] == [S.QUEUED]

    def test_lets_a_machine_repeat_nothing_that_may_have_left(self) -> None:
        assert {old for old in Status if S.QUEUED in MOVES[old]} == {S.SENDING, S.UNKNOWN}

    def test_never_leaves_an_end_but_for_a_higher_receipt(self) -> None:
        for old in FINAL:
            assert all(new in RECEIPT_ORDER and new > old for new in MOVES[old])


class TestAfterReceipt:
    @pytest.mark.parametrize("start", [S.QUEUED, S.SENDING, S.ACCEPTED, S.UNKNOWN])
    @pytest.mark.parametrize("receipts", list(permutations(RECEIPT_ORDER, 3)))
    def test_ends_in_the_highest_whatever_the_order(self, start: Status, receipts: tuple[Status, ...]) -> None:
        state = start
        for receipt in (*receipts, receipts[0]):
            state = after_receipt(state, receipt)

        assert state is max(receipts, key=RECEIPT_ORDER.index)

    @pytest.mark.parametrize("old", [S.CANCELLED, S.FAILED])
    @pytest.mark.parametrize("receipt", RECEIPT_ORDER)
    def test_changes_no_definite_end(self, old: Status, receipt: Status) -> None:
        assert after_receipt(old, receipt) is old


class TestOfParts:
    @pytest.mark.parametrize(
        ("parts", "whole"),
        [
            ([S.DELIVERED, S.DELIVERED], S.DELIVERED),
            ([S.DELIVERED, S.ACCEPTED], S.ACCEPTED),
            ([S.DELIVERED, S.UNDELIVERED], S.UNDELIVERED),
            ([S.FAILED, S.DELIVERED], S.FAILED),
            ([S.UNKNOWN, S.ACCEPTED], S.UNKNOWN),
            ([S.EXPIRED, S.REJECTED], S.REJECTED),
        ],
    )
    def test_is_delivered_only_as_a_whole(self, parts: list[Status], whole: Status) -> None:
        assert of_parts(parts) is whole
        assert of_parts(reversed(parts)) is whole
