"""Ids of others where a form or an address names something: in the query and in every field of every form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from tenants.models import Membership
from tenants.permissions import Permission, Role
from tests.rules.test_routes import PLAIN, Walked
from tests.security.conftest import Scene
from tests.security.matrix import addresses, ask
from tests.security.people import Caller, joined, member
from tests.security.planting import Planted, contents

WORDS: Final = {
    "name": "x",
    "text": "x",
    "role": "staff",
    "kind": "notice",
    "email": "new@x.example",
    "to": "06010000055",
}
PAGES: Final = [
    route
    for route in PLAIN
    if not route.is_api
    and route.path != "/readyz"
    and not route.path.startswith("/account/")
    and Permission.OPERATE not in route.permissions.values()
]


def of_acme(scene: Scene) -> dict[str, str]:
    """Field → what acme's own people would put there."""
    with scene.acme.scope():
        membership = Membership.objects.get(user=scene.acme.users[Role.STAFF])
    ids = {name: str(public_id) for name, public_id in scene.mine.ids.items()}
    return {
        **ids,
        "id": ids["single"],
        "department": str(scene.acme.department.public_id),
        "person": str(membership.user_id),
        "membership": str(membership.pk),
        "cursor": "",
    }


def of_nobody(references: dict[str, str]) -> dict[str, str]:
    return {name: "999999999" if value.isdigit() else value and str(uuid4()) for name, value in references.items()}


def requests_to(route: Walked, own: Planted) -> Iterator[tuple[str, str]]:
    address = next(addresses(route, own))
    for method in ("GET", "POST"):
        if method in route.permissions:
            yield method, address


class TestOfAnotherTenant:
    @pytest.mark.parametrize("role", [Role.ADMIN, pytest.param(Role.STAFF, marks=pytest.mark.exhaustive)])
    def test_are_not_there(self, scene: Scene, role: Role) -> None:
        caller = member(scene.globex, role)
        with scene.acme.scope():
            before = contents()

        assert "\n".join(holes(caller, scene, own=scene.theirs)) == ""
        with scene.acme.scope():
            assert contents() == before


class TestOfAnotherDepartment:
    def test_are_not_there(self, scene: Scene) -> None:
        caller = joined(scene.acme, "neighbour", (Role.STAFF, scene.neighbour))
        with scene.acme.scope():
            before = contents()

        assert "\n".join(holes(caller, scene, own=scene.neighbours, in_tenant=True)) == ""
        with scene.acme.scope():
            assert contents() == before


def holes(caller: Caller, scene: Scene, *, own: Planted, in_tenant: bool = False) -> Iterator[str]:
    """On pages of one's own, every field names what is another's: no trace of it, and no other answer than for nobody's."""
    theirs, nobodys = of_acme(scene), of_nobody(of_acme(scene))
    for route in PAGES:
        for method, address in requests_to(route, own):
            response, nowhere = (answer(caller, method, address, given) for given in (theirs, nobodys))
            traces = scene.mine.traces_in(response, in_tenant=in_tenant)
            is_other = not in_tenant and response.status_code != nowhere.status_code
            if traces or is_other or response.status_code >= 500:
                yield f"{method} {address}: {response.status_code}, for nobody's {nowhere.status_code}; {traces}"


def answer(caller: Caller, method: str, address: str, references: dict[str, str]) -> Any:
    if method == "POST":
        return ask(caller, method, address, WORDS | references)
    return ask(caller, method, f"{address}?{urlencode(references)}")
