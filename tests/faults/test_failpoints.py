"""Every border between a commit and a socket: a process dies there, once each (row 1, and row 2 in small).

`make test` kills at some of them; `make test-faults` at each.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from django.utils import timezone

from devservers.runner import ROOT
from dispatch.models import Campaign, Message
from dispatch.services.campaigns.stopping import pause_campaign
from dispatch.states import Status
from dispatch.task_names import EXPAND_CAMPAIGN
from recipients.models import Roster, RosterState
from recipients.task_names import READ_ROSTER
from tenants.failpoints import NAMES
from tests.conftest import Cast
from tests.faults.arranging import (
    make_campaign,
    messages_of,
    numbers,
    publish,
    rows_of,
    send,
    upload,
)
from tests.faults.conftest import Report
from tests.faults.harness import BROKER_DATABASE, FAILPOINT_EXIT, System, W, broker_url, wait_until
from tests.smsc import make_batch

IN_CARRIER_WORKER = sorted(name for name in NAMES if name.startswith(("pump.", "receipts.")))
IN_DEFAULT_WORKER = sorted(name for name in NAMES if name.startswith(("expand.", "read.")))
EACH = [*IN_CARRIER_WORKER, *IN_DEFAULT_WORKER]
SOME = ["pump.after_intent", "pump.after_write", "receipts.after_store"]
"""One of each kind. After a chunk that was expanded or read: tests/app/dispatch/test_expansion.py, tests/app/recipients/
test_killed_reader.py."""
IN_WEB = {"web.after_commit", "webhook.after_store", "publish.before_send"}  # test_failpoints_web
APPS = ("tenants", "recipients", "templates_sms", "carriers", "dispatch", "reports", "config")
FAULTS = [pytest.mark.faults, pytest.mark.timeout(600)]
TEXTS = 60
ROWS = 4_500  # more than one chunk


def used_failpoints() -> Iterator[str]:
    """The names in every call of ``failpoint(…)``."""
    for app in APPS:
        for path in (ROOT / app).rglob("*.py"):
            yield from names_in(path)


def names_in(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "failpoint":
            chosen = node.args[0]
            outcomes = (chosen.body, chosen.orelse) if isinstance(chosen, ast.IfExp) else (chosen,)
            yield from (str(ast.literal_eval(outcome)) for outcome in outcomes)


BORDERS = {"submit", "acknowledge", "send_task", "commit", "claim", "store_and_apply"}
"""Methods by which octets leave (to the carrier, in answer to a receipt, to the broker), and what is committed for them.

Letters and operators' webhooks carry no resident's text; a request's own commit is the middleware's.
"""
BY_ITS_CALLER = {("receiving", "_acknowledge")}  # of which the only one that has stored is `_store`


def borders() -> Iterator[tuple[tuple[str, str], bool]]:
    """Module and function of each such call in what sends and receives, and whether a failpoint stands beside it."""
    for path in [ROOT / "tenants" / "tasking.py", *(ROOT / "dispatch" / "services" / "sending").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                called = {ast.unparse(call.func) for call in ast.walk(node) if isinstance(call, ast.Call)}
                if any("." in name and name.rpartition(".")[2] in BORDERS for name in called):
                    yield (path.stem, node.name), "failpoint" in called


class TestNames:
    def test_are_each_used_exactly_once(self) -> None:
        assert Counter(used_failpoints()) == Counter(NAMES)

    def test_are_each_reached_by_a_test(self) -> None:
        assert {*IN_CARRIER_WORKER, *IN_DEFAULT_WORKER, *IN_WEB} == NAMES

    def test_stand_at_every_border_between_commit_and_socket(self) -> None:
        found = dict(borders())

        assert {("pump", "_write"), ("pump", "_commit_window"), ("receiving", "_store"), ("tasking", "_run")} <= set(
            found
        )
        assert {place for place, has_failpoint in found.items() if not has_failpoint} == BY_ITS_CALLER


class TestKilledAtAFailpoint:
    @pytest.mark.parametrize("names", [pytest.param(SOME, id="some"), pytest.param(EACH, id="each", marks=FAULTS)])
    def test_nothing_is_lost_and_nothing_done_twice(
        self, names: list[str], acme: Cast, system: System, report: Report
    ) -> None:
        of_carrier, of_default = (
            [name for name in names if name in known] for known in (IN_CARRIER_WORKER, IN_DEFAULT_WORKER)
        )
        rosters, campaigns = arrange_reading_and_expanding(acme, system, of_default)
        arrange_sending(acme, system, of_carrier)

        kill_default_workers(acme, system, of_default, rosters, campaigns)
        carriers = [system.start_carrier(n, failpoint=name) for n, name in enumerate(of_carrier, start=1)]
        system.start_default()
        system.start_beat()
        wait_until(lambda: set(carriers) <= set(system.deaths), timeout_s=100, what="every failpoint is reached")
        wait_until(lambda: has_ended(rosters, campaigns), timeout_s=120, what="everything is read and expanded")
        wait_until(lambda: all_answered(acme), timeout_s=60, what="every text has an end or is unknown")

        system.kills = len(names)
        outcome = system.judge_when_settled(texts=TEXTS * len(of_carrier) + ROWS * len(campaigns))
        report(f"1, 2 each of {system.kills} failpoints of the workers", outcome)
        assert {name: system.deaths[name] for name in carriers} == {name: [FAILPOINT_EXIT] for name in carriers}
        assert [rows_of(roster) for roster in rosters] == [("ready", ROWS, ROWS)] * len(rosters)
        assert [messages_of(campaign) for campaign in campaigns] == [(True, ROWS, ROWS)] * len(campaigns)
        assert outcome.faults == {}
        assert outcome.unknown <= 2 * W * len(of_carrier)


def arrange_sending(cast: Cast, system: System, failpoints: list[str]) -> None:
    """A carrier account with texts for each worker that will die."""
    names = [f"account{n}" for n, _ in enumerate(failpoints)]
    system.start_smsc(*names, answer_delay=0.05)
    for n, name in enumerate(names):
        make_batch(cast, system.account(name), numbers(TEXTS, f"+8190{n}"))


def arrange_reading_and_expanding(
    cast: Cast, system: System, failpoints: list[str]
) -> tuple[list[Roster], list[Campaign]]:
    """Rosters to be read, and paused campaigns to be expanded: their texts are written and do not leave."""
    configured = system.account("elsewhere", port=1)
    campaigns = [make_campaign(cast, ROWS) for name in failpoints if name.startswith("expand.")]
    for campaign in campaigns:
        send(cast, campaign)
        with cast.scope():
            pause_campaign(campaign=Campaign.objects.get(pk=campaign.pk), by=cast.staff, now=timezone.now())
    configured.is_enabled = False  # no worker shall try to bind to it
    configured.save(using="operator")
    return [upload(cast, ROWS) for name in failpoints if name.startswith("read.")], campaigns


def kill_default_workers(
    cast: Cast, system: System, failpoints: list[str], rosters: list[Roster], campaigns: list[Campaign]
) -> None:
    """Each on a broker of its own, so that each gets the task that leads to its failpoint."""
    to_expand, to_read = iter(campaigns), iter(rosters)
    for n, name in enumerate(failpoints, start=1):
        broker = broker_url(BROKER_DATABASE + n)
        system.start_default(name=name, failpoint=name, REDIS_URL=broker)
        if name.startswith("expand."):
            publish(broker, EXPAND_CAMPAIGN, tenant_id=cast.tenant.pk, campaign_id=next(to_expand).pk)
        else:
            publish(broker, READ_ROSTER, tenant_id=cast.tenant.pk, roster_id=next(to_read).pk)
    for name in failpoints:
        wait_until(partial(has_died_in_pool, system, name), timeout_s=60, what=f"{name} is reached")
        system.rest(name)
        system.kill(name)


def has_died_in_pool(system: System, name: str) -> bool:
    return f"exitcode {FAILPOINT_EXIT}" in system.log(name)


def has_ended(rosters: list[Roster], campaigns: list[Campaign]) -> bool:
    are_read = all(rows_of(roster)[0] == RosterState.READY for roster in rosters)
    return are_read and all(messages_of(campaign)[0] for campaign in campaigns)


def all_answered(cast: Cast) -> bool:
    """Of the texts outside the campaigns."""
    with cast.scope():
        waiting = Message.objects.filter(campaign=None, state__in=[Status.QUEUED, Status.ACCEPTED])
        return not waiting.exists()
