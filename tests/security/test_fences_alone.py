"""Each fence alone suffices: row security without the manager's filter, the filter without row security; and neither
leaks from one request into the next."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import celery
import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection, connections, models
from django.http import Http404

import config.celery  # registers the tasks
from config import env
from templates_sms import api as templates_api
from templates_sms.selectors import visible_templates
from tenants.context import TenantScopeMissing, has_scope
from tenants.managers import TenantManager
from tenants.permissions import Permission, Role
from tenants.tasking import TenantTask
from tests.rules.test_routes import PLAIN
from tests.security.conftest import Scene
from tests.security.matrix import addresses, ask, takes_objects
from tests.security.people import Caller, member
from tests.security.planting import tenant_models

PAGES: Final = [route for route in PLAIN if "GET" in route.permissions and route.path != "/readyz"]
FLEETING: Final = re.compile(
    r'nonce="[^"]*"|name="csrfmiddlewaretoken" value="[^"]*"|\d{1,2}:\d\d(:\d\d)?|/people/[\w-]+|hx-headers=\'[^\']*\''
)


@pytest.fixture
def no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first fence is torn down: a manager that filters nothing."""
    monkeypatch.setattr(TenantManager, "get_queryset", models.Manager.get_queryset)


@pytest.fixture
def no_row_security(scene: Scene) -> Iterator[None]:
    """The third fence is torn down: the application asks as the superuser, who sees every row."""
    kept = dict(connection.settings_dict)
    admin = urlsplit(settings.DATABASE_ADMIN_URL)
    connection.close()
    connection.settings_dict.update(USER=admin.username, PASSWORD=admin.password)
    yield
    connection.close()
    connection.settings_dict.update(kept)


def leaks(caller: Caller, scene: Scene) -> list[str]:
    """Every page and call of ``caller``, with acme's ids and with none: what of acme stands in the answers."""
    found = []
    for route in PAGES:
        for address in addresses(route, scene.mine):
            response = ask(caller, "GET", address)
            traces = scene.mine.traces_in(response)
            is_found = takes_objects(route) and response.status_code == 200
            if traces or is_found or response.status_code >= 500:
                found.append(f"{address}: {response.status_code} {traces}")
    return found


class TestRowSecurityAlone:
    def test_hides_what_no_filter_leaves_out(self, scene: Scene, no_filter: None) -> None:
        assert len(PAGES) > 20

        assert leaks(member(scene.globex, Role.ADMIN), scene) == []

    def test_leaves_nothing_of_others_in_any_table(self, scene: Scene, no_filter: None) -> None:
        with scene.globex.scope():
            for model in tenant_models():
                others = model._default_manager.exclude(tenant_id=scene.globex.tenant.pk)
                assert not others.exists(), model

    def test_changes_and_deletes_nothing_of_others(self, scene: Scene, no_filter: None) -> None:
        with scene.globex.scope(), connection.cursor() as cursor:
            for model in tenant_models():
                cursor.execute("SELECT has_table_privilege(%s, 'DELETE')", [model._meta.db_table])
                if cursor.fetchone()[0]:
                    cursor.execute(
                        f"DELETE FROM {model._meta.db_table} WHERE tenant_id = %s",  # noqa: S608
                        [scene.acme.tenant.pk],
                    )
                    assert cursor.rowcount == 0, model


class TestFilterAlone:
    def test_hides_what_the_database_would_show(self, scene: Scene, no_row_security: None) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(DISTINCT tenant_id) FROM dispatch_message")
            assert cursor.fetchone() == (2,)

        assert leaks(member(scene.globex, Role.ADMIN), scene) == []

    def test_makes_the_same_pages(self, scene: Scene, no_row_security: None) -> None:
        """Figures too: with and without row security every page and call answers the same."""
        caller, differ = member(scene.globex, Role.ADMIN), []
        superuser = {key: connection.settings_dict[key] for key in ("USER", "PASSWORD")}
        application = env.database("DATABASE_URL")
        for route in PAGES:
            is_ours = takes_objects(route) or Permission.OPERATE in route.permissions.values()
            if is_ours or route.path.startswith("/account/"):  # whose secrets are new each time
                continue
            bodies = []
            for login in (superuser, application):
                connection.close()
                connection.settings_dict.update(USER=login["USER"], PASSWORD=login["PASSWORD"])
                bodies.append(FLEETING.sub("", ask(caller, "GET", route.address()).content.decode("utf-8", "replace")))
            if bodies[0] != bodies[1]:
                differ.append(route.path)

        assert differ == []


class TestManyRequests:
    """Two tenants by turns over one connection, while what happens inside them fails in every way."""

    REQUESTS: Final = 1_000

    def test_leave_nothing_behind(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        chance = random.Random(5)
        monkeypatch.setattr(templates_api, "visible_templates", self.failing(chance))
        sides = [
            (scene.mine, scene.theirs, member(scene.acme, Role.ADMIN)),
            (scene.theirs, scene.mine, member(scene.globex, Role.ADMIN)),
        ]
        statuses: dict[int, int] = {}
        for _number in range(self.REQUESTS):
            own, other, caller = chance.choice(sides)
            response = caller.ask("GET", "/api/v1/templates")
            statuses[response.status_code] = statuses.get(response.status_code, 0) + 1
            body = response.content.decode()
            assert other.word not in body
            assert response.status_code != 200 or own.word in body
            assert not has_scope()
            assert self.scope_of_the_connection() == ""

        assert set(statuses) == {200, 403, 404, 500, 503}

    def failing(self, chance: random.Random) -> Any:
        def sometimes(by: Any) -> Any:
            kind = chance.randrange(30)
            if kind == 0:
                raise RuntimeError
            if kind == 1:
                raise PermissionDenied
            if kind == 2:
                raise Http404
            if kind == 3:
                connection.cursor().execute("SELECT 1 / 0")
            if kind == 4:
                connection.close()
            if kind == 5:
                raise DatabaseError
            return visible_templates(by)

        return sometimes

    def scope_of_the_connection(self) -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT coalesce(current_setting('app.tenant_id', true), '')")
            return str(cursor.fetchone()[0])


class TestTasks:
    def ours(self) -> dict[str, celery.Task]:
        config.celery.app.loader.import_default_modules()
        return {name: task for name, task in config.celery.app.tasks.items() if not name.startswith("celery.")}

    def test_of_a_tenant_refuse_to_run_for_none(self) -> None:
        of_tenants = [task for task in self.ours().values() if isinstance(task, TenantTask)]

        assert of_tenants
        for task in of_tenants:
            with pytest.raises(TenantScopeMissing):
                task()

    def test_of_the_service_see_no_tenants_rows(self, scene: Scene) -> None:
        """Outside a scope neither fence lets a tenant's row through, whatever a task asks."""
        assert {name for name, task in self.ours().items() if not isinstance(task, TenantTask)}
        for model in tenant_models():
            with pytest.raises(TenantScopeMissing):
                model._default_manager.all()
            with connections["default"].cursor() as cursor:
                cursor.execute(f"SELECT count(*) FROM {model._meta.db_table}")  # noqa: S608
                assert cursor.fetchone() == (0,), model
