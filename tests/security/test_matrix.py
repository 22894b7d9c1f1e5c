"""Route × method × actor, over every route of the resolver: what each should get follows from the declared Permission and
the table of roles. Nothing is listed by hand: a new route is walked as soon as it exists.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from tenants.permissions import ROLE_TABLE, Permission, Role
from tests.rules.test_routes import PLAIN, Walked
from tests.security.conftest import Scene
from tests.security.matrix import addresses, ask, takes_objects
from tests.security.people import Caller, joined, member, nobody, operator
from tests.security.planting import NOT_PLANTED, Planted, contents, tenant_models

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
NEEDS_NOTHING: Final = {Permission.PUBLIC, Permission.SIGNED_IN}


def walked(
    routes: Iterable[Walked], planted: Planted, *, most: int | None = None
) -> Iterator[tuple[Walked, str, str, Permission | None]]:
    """(route, method, address, what the route asks for by that method; None where it takes no such method)."""
    for route in routes:
        for address in islice(addresses(route, planted), most):
            for method in METHODS:
                if method in route.permissions or method == "PUT":  # which nothing of ours takes
                    yield route, method, address, route.permissions.get(method)


def is_allowed(caller: Caller, permission: Permission, route: Walked) -> bool:
    if permission is Permission.PUBLIC:
        return True
    if caller.actor is None or (route.is_api and not caller.key):
        return False
    return caller.actor.may(permission)


def refusals(caller: Caller, route: Walked) -> set[int]:
    """What whoever may not gets."""
    if caller.actor is None or (route.is_api and not caller.key):
        return {401} if route.is_api else {302}
    return {403}


class TestPlanting:
    def test_every_table_of_a_tenant_holds_a_canary(self, scene: Scene) -> None:
        with scene.globex.scope():
            empty = {
                model.__name__
                for model in tenant_models()
                if model not in NOT_PLANTED and not model._default_manager.exists()
            }

        assert not empty, "tests/security/planting.py could not make a row of these"

    def test_its_own_people_see_it(self, scene: Scene) -> None:
        """Else the tests below would prove nothing."""
        admin = member(scene.acme, Role.ADMIN)
        pages = [f"/rosters/{scene.mine.ids['roster']}", f"/messages/{scene.mine.ids['single']}", "/templates"]
        pages += [f"/api/v1/campaigns/{scene.mine.ids['campaign']}/messages", f"/people/{scene.mine.person}"]

        assert [page for page in pages if not scene.mine.traces_in(admin.ask("GET", page))] == []


class TestDoors:
    @pytest.mark.parametrize("who", ["nobody", "operator", *Role])
    def test_open_as_the_table_says(self, scene: Scene, who: str) -> None:
        """One's own objects: who may is not refused, who may not gets 403, the log-in or 401; never a 5xx."""
        caller = {"nobody": nobody, "operator": operator}.get(who, lambda: member(scene.acme, Role(who)))()
        wrong = []
        for route, method, address, permission in walked(PLAIN, scene.mine, most=1):
            if route.path == "/readyz" or (permission is Permission.PUBLIC and method != "GET"):
                continue
            if permission is None and who not in {"nobody", Role.ADMIN}:
                continue  # no role makes a route take a method: nobody and whoever may most stand for all
            status = ask(caller, method, address).status_code
            if permission is None or not is_allowed(caller, permission, route):
                expected = status in {405} | refusals(caller, route)
            else:
                expected = status < 500 and status != 401 and (method, status) != ("GET", 403)
            if not expected:
                wrong.append((route.path, method, permission, status))

        assert "\n".join(map(str, wrong)) == ""


class TestWalls:
    """What is another's is never there: 404 as for an id that nobody has, and no trace of it anywhere."""

    @pytest.mark.parametrize("role", [Role.ADMIN, pytest.param(Role.STAFF, marks=pytest.mark.exhaustive)])
    def test_between_tenants(self, scene: Scene, role: Role) -> None:
        caller = member(scene.globex, role)
        with scene.acme.scope():
            before = contents()

        assert "\n".join(self.holes(caller, scene.mine)) == ""
        with scene.acme.scope():
            assert contents() == before

    @pytest.mark.parametrize("role", [Role.ADMIN, Role.STAFF])
    def test_between_departments(self, scene: Scene, role: Role) -> None:
        caller = joined(scene.acme, "neighbour", (role, scene.neighbour))
        with scene.acme.scope():
            before = contents()

        assert "\n".join(self.holes(caller, scene.mine, in_tenant=True)) == ""
        with scene.acme.scope():
            assert contents() == before

    def test_a_role_there_opens_nothing_here(self, scene: Scene) -> None:
        """A viewer here who is more there: what a viewer may not read here stays shut."""
        caller = joined(scene.acme, "both", (Role.ADMIN, scene.neighbour), (Role.VIEWER, scene.acme.department))
        beyond = [
            route for route in PLAIN if not set(route.permissions.values()) & (ROLE_TABLE[Role.VIEWER] | NEEDS_NOTHING)
        ]

        assert "\n".join(self.holes(caller, scene.mine, beyond, in_tenant=True)) == ""

    def test_whoever_may_read_no_roster_sees_no_number(self, scene: Scene) -> None:
        """A viewer sees how many and how far; who they are stands on no page and in no answer."""
        caller, seen = member(scene.acme, Role.VIEWER), []
        for route, method, address, permission in walked(PLAIN, scene.mine):
            if method == "GET" and permission is not None and route.path != "/readyz":
                body = ask(caller, method, address).content.decode("utf-8", "replace")
                seen += [
                    f"{address}: {trace}" for trace in scene.mine.traces if trace != scene.mine.word and trace in body
                ]

        assert seen == []

    def holes(
        self, caller: Caller, others: Planted, routes: list[Walked] = PLAIN, *, in_tenant: bool = False
    ) -> list[str]:
        holes: list[str] = []
        for route, method, address, permission in walked(routes, others):
            if permission is None or route.path == "/readyz":
                continue
            response = ask(caller, method, address)
            is_hidden = not takes_objects(route) or self.is_as_for_nobodys(caller, route, method, response)
            traces = others.traces_in(response, in_tenant=in_tenant)
            if traces or not is_hidden or response.status_code >= 500:
                holes.append(f"{method} {address}: {response.status_code} {traces}")
        return holes

    def is_as_for_nobodys(self, caller: Caller, route: Walked, method: str, response: Any) -> bool:
        """404 or 403; where the empty body is refused first, that is said of an id that nobody has too."""
        if response.status_code in {403, 404, 405}:
            return True
        nowhere = route.address(**dict.fromkeys(route.uuid_names, UUID(int=uuid4().int)), address="x")
        return (
            response.status_code in {302, 400, 409, 415, 422}
            and ask(caller, method, nowhere).status_code == response.status_code
        )
