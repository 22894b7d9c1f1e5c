"""The scene of the attacks: two tenants, the first with two departments, each full of canaries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tenants import throttling
from tenants.models import Department
from tests.conftest import Cast
from tests.factories.dispatch import make_account
from tests.security.planting import Planted, plant


@dataclass(frozen=True, slots=True)
class Scene:
    """acme's own department and its neighbour, and globex; each with one of everything."""

    acme: Cast
    globex: Cast
    neighbour: Department
    mine: Planted
    neighbours: Planted
    theirs: Planted


@pytest.fixture(autouse=True)
def _no_rate_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "take", lambda *args, **options: 0.0)


@pytest.fixture
def scene(committed: None, enqueued: Any, acme: Cast, globex: Cast) -> Scene:
    make_account()
    with acme.scope():
        neighbour = Department.objects.create(name="収納課")
    return Scene(
        acme=acme,
        globex=globex,
        neighbour=neighbour,
        mine=plant(acme, department=acme.department, word="雲雀ひばり", number="06011110001"),
        neighbours=plant(acme, department=neighbour, word="郭公かっこう", number="06022220002"),
        theirs=plant(globex, department=globex.department, word="金糸雀かなりあ", number="06033330003"),
    )
