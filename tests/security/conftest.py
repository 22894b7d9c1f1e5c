"""The scene of the attacks: two tenants, the first with two departments, each full of canaries.

It is planted once for a file, since that takes seconds, and put back before each test, whatever the one before did to it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connections

from tenants import throttling
from tenants.models import Department
from tests.conftest import (
    Cast,
    KeptCast,
    delete_rows,
    empty_tables,
    publish_to_a_list,
    superuser_without_triggers,
)
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
    limit_nothing(monkeypatch)


def limit_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(throttling, "take", lambda *args, **options: 0.0)


@pytest.fixture(scope="module")
def planted(kept_casts: dict[str, KeptCast], django_db_blocker: Any) -> Iterator[tuple[Scene, dict[str, bytes]]]:
    """The scene, committed, and the rows of all tables; these are emptied when the file is through."""
    with django_db_blocker.unblock():
        try:
            with pytest.MonkeyPatch.context() as patch:
                publish_to_a_list(patch)
                limit_nothing(patch)
                made = make_scene(kept_casts["acme"].write(), kept_casts["globex"].write())
            yield made, rows_of_tables()
        finally:
            close_connections()
            empty_tables()


def make_scene(acme: Cast, globex: Cast) -> Scene:
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


@pytest.fixture
def scene(planted: tuple[Scene, dict[str, bytes]], django_db_blocker: Any, enqueued: Any) -> Iterator[Scene]:
    """As it was planted. What a test does to it is really committed, and seen by every role."""
    made, rows = planted
    put_back(rows)
    with django_db_blocker.unblock():
        try:
            yield copy.deepcopy(made)
        finally:
            close_connections()


def close_connections() -> None:
    for connection in connections.all():
        connection.close()


def rows_of_tables() -> dict[str, bytes]:
    """Of each table that holds any, as the superuser sees them."""
    rows = {}
    with superuser_without_triggers() as superuser:
        for (table,) in superuser.execute(
            "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall():
            with superuser.cursor().copy(f"COPY {table} TO STDOUT") as copied:
                if found := b"".join(bytes(piece) for piece in copied):
                    rows[table] = found
    return rows


def put_back(rows: dict[str, bytes]) -> None:
    with superuser_without_triggers() as superuser, superuser.transaction():
        emptied = delete_rows(superuser)
        for table in rows.keys() & set(emptied):
            with superuser.cursor().copy(f"COPY {table} FROM STDIN") as copied:
                copied.write(rows[table])
