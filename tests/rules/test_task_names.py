"""The names of tasks are a wire format: constants, registered tasks, routes, schedule, workers and callers agree."""

from __future__ import annotations

import ast
import inspect
import re
from importlib import import_module
from typing import Final

import pytest
import yaml
from celery import Task

from config.celery import app
from devservers import processes
from tenants.tasking import TenantTask
from tests.rules.project_files import APPS, ROOT, python_files, shown

NAMES: Final = {
    value: (module, constant)
    for module in (f"{name}.task_names" for name in APPS if (ROOT / name / "task_names.py").exists())
    for constant, value in vars(import_module(module)).items()
    if constant.isupper()
}
BY_CONSTANT: Final = {constant: name for name, (_module, constant) in NAMES.items()}
ENQUEUERS: Final = frozenset({"enqueue_on_commit", "enqueue"})
# The sweep enqueues what a query finds: its function takes the query, the task's name and the names of the ids.
SWEEP, SWEEPER = "dispatch/services/sweeping.py", "_wake"
PASSES_ON: Final = {"tenants/tasking.py", SWEEP}


@pytest.fixture(scope="module", autouse=True)
def _tasks_are_loaded() -> None:
    app.loader.import_default_modules()


def ours() -> dict[str, Task]:
    return {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}


def parameters(name: str) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(app.tasks[name].run).parameters)


class TestNames:
    def test_are_constants_and_registered_tasks_alike(self) -> None:
        assert set(NAMES) == set(ours())

    def test_begin_with_their_app(self) -> None:
        assert [name for name, (module, _) in NAMES.items() if name.split(".")[0] != module.split(".")[0]] == []

    def test_are_given_once(self) -> None:
        assert len(BY_CONSTANT) == len(NAMES)


class TestTasks:
    @pytest.mark.parametrize("name", sorted(NAMES))
    def test_take_ids_by_keyword_and_bear_later_ones(self, name: str) -> None:
        kinds = [parameter.kind for parameter in parameters(name).values()]

        assert kinds[-1] is inspect.Parameter.VAR_KEYWORD, "an argument of a later version must not fail the task"
        assert set(kinds[:-1]) <= {inspect.Parameter.KEYWORD_ONLY}

    @pytest.mark.parametrize("name", sorted(NAMES))
    def test_of_a_tenant_ask_for_it(self, name: str) -> None:
        assert isinstance(app.tasks[name], TenantTask) is ("tenant_id" in parameters(name))

    def test_are_acknowledged_late_and_leave_no_result(self) -> None:
        assert {(task.acks_late, task.ignore_result) for task in ours().values()} == {(True, True)}


class TestRoutes:
    def test_lead_known_tasks_to_known_queues(self) -> None:
        queues = {queue.name for queue in app.conf.task_queues}

        assert set(app.conf.task_routes) <= set(NAMES)
        assert {route["queue"] for route in app.conf.task_routes.values()} <= queues
        assert app.conf.task_default_queue in queues

    def test_lead_to_queues_that_workers_consume(self) -> None:
        queues = {queue.name for queue in app.conf.task_queues}
        compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
        in_compose = " ".join(word for service in compose["services"].values() for word in service.get("command", ()))
        workers = (processes.default_worker(environment={}), processes.carrier_worker(bind=1, environment={}))
        in_demo = " ".join(word for worker in workers for word in worker.command)

        for words in (in_compose, in_demo):
            assert {name for found in re.findall(r"--queues=([\w,]+)", words) for name in found.split(",")} == queues


class TestSchedule:
    def test_names_known_tasks_that_need_no_argument(self) -> None:
        for entry in app.conf.beat_schedule.values():
            assert entry["task"] in NAMES
            assert not entry.get("kwargs")
            assert not entry.get("args")
            assert all(
                parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters(entry["task"]).values()
            )

    def test_lets_no_tick_outlive_its_use(self) -> None:
        """A broker that was away must not bring a heap of old ticks."""
        for entry in app.conf.beat_schedule.values():
            assert 0 < entry["options"]["expires"] <= 600


def calls() -> list[tuple[str, str, set[str]]]:
    """(where, task's name, keywords) of everything that is enqueued."""
    found = []
    for file in python_files(*APPS):
        for node in ast.walk(ast.parse(file.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            if node.func.id in ENQUEUERS:
                name, keywords = node.args[0], {str(keyword.arg) for keyword in node.keywords} - {"using"}
            elif node.func.id == SWEEPER and shown(file) == SWEEP:
                name, keywords = node.args[1], {ast.literal_eval(word) for word in node.args[2:]}
            else:
                continue
            constant = name.attr if isinstance(name, ast.Attribute) else name.id if isinstance(name, ast.Name) else ""
            if constant in BY_CONSTANT:
                found.append((f"{shown(file)}:{node.lineno}", BY_CONSTANT[constant], keywords))
            else:
                assert shown(file) in PASSES_ON, f"{shown(file)}:{node.lineno} enqueues by no name of task_names.py"
    return found


class TestCallers:
    def test_give_what_the_task_takes(self) -> None:
        found = calls()

        assert found
        for where, name, keywords in found:
            wanted = {key for key, value in parameters(name).items() if value.kind is inspect.Parameter.KEYWORD_ONLY}
            needed = {key for key in wanted if parameters(name)[key].default is inspect.Parameter.empty}
            assert needed <= keywords <= wanted, f"{where} calls {name} with {sorted(keywords)}"

    def test_never_import_tasks(self) -> None:
        """Services enqueue by name: the direction of imports stays downwards."""
        importing = [
            shown(file)
            for file in python_files(*APPS)
            if re.search(
                r"^(?:from \w+\.tasks import|from \w+ import .*\btasks\b|import \w+\.tasks)", file.read_text(), re.M
            )
        ]

        assert importing == []
