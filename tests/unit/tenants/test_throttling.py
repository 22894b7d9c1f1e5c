"""A key's rate."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tenants import throttling
from tenants.throttling import take


@pytest.fixture(autouse=True)
def _no_history() -> Iterator[None]:
    throttling.forget_all()
    yield
    throttling.forget_all()


class TestTake:
    def test_lets_a_burst_of_one_second_pass_and_no_more(self) -> None:
        waits = [take(1, per_s=50, now=100.0) for _ in range(51)]

        assert waits[:50] == [0.0] * 50
        assert waits[50] == pytest.approx(1 / 50)

    def test_lets_the_rate_pass_for_ever(self) -> None:
        assert not any(take(1, per_s=50, now=100.0 + each / 50) for each in range(1000))

    def test_a_refused_request_costs_nothing(self) -> None:
        for _ in range(500):
            take(1, per_s=50, now=100.0)

        assert take(1, per_s=50, now=100.021) == 0.0

    def test_one_key_leaves_another_alone(self) -> None:
        for _ in range(100):
            take(1, per_s=50, now=100.0)

        assert take(2, per_s=50, now=100.0) == 0.0

    def test_forgets_idle_keys_before_it_grows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(throttling, "KEPT", 3)
        for key_id in range(10):
            take(key_id, per_s=50, now=100.0 + key_id)

        assert len(throttling._free_at) <= 4
