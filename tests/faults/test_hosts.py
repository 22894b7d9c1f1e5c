"""A host is cut off in mid-work: the other takes over, and the first hurts nothing when it is back.

Nobody is killed and no connection closed: to the cut host the others are gone, to the others it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from django.utils import timezone

from dispatch.models import Campaign
from dispatch.services.campaigns.stopping import pause_campaign
from dispatch.states import Status
from tests.conftest import Cast, admin_url, empty_tables, make_cast
from tests.faults.arranging import is_over, make_campaign, messages_of, numbers, send
from tests.faults.conftest import Report
from tests.faults.harness import System, W, wait_until
from tests.faults.hosts import CARRIER, Cut, Host, Network, NotHere, network
from tests.faults.servers import Servers, pointed_at
from tests.smsc import make_batch, states

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

FIRST, SECOND = "first", "second"
TAKES_OVER_S = 60
GOES_ON_S = 90
BACK_S = 120
ROWS = 12_000
Note = Callable[[str, str], None]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Network, Servers]]:
    """The hall with PostgreSQL, Valkey and room for the carrier, and two hosts for workers."""
    try:
        with network(FIRST, SECOND) as net:
            folder = tmp_path_factory.mktemp("hall")
            with Servers(folder, address=net.hall.address, within=net.hall.within) as servers:
                yield net, servers
    except NotHere as exc:
        pytest.skip(f"no hosts of their own can be made on this machine: {exc}")


@pytest.fixture
def net(town: tuple[Network, Servers]) -> Network:
    return town[0]


@pytest.fixture
def system(town: tuple[Network, Servers], tmp_path: Path, django_db_blocker: Any) -> Iterator[System]:
    net, servers = town
    with django_db_blocker.unblock(), pointed_at(servers):
        try:
            where = {"smsc_address": net.address(CARRIER), "smsc_within": net.hall.within}
            with System(tmp_path, environment=servers.environment, **where) as system:
                yield system
        finally:
            empty_tables()


@pytest.fixture
def office(system: System) -> Cast:
    return make_cast("acme")


class TestCutOff:
    @pytest.mark.parametrize("how", list(Cut), ids=lambda how: how.name.lower())
    def test_in_mid_send_the_other_takes_over_and_nothing_leaves_twice(
        self, system: System, office: Cast, net: Network, report: Report, note: Note, how: Cut
    ) -> None:
        first, second = net.hosts[FIRST], net.hosts[SECOND]
        system.start_smsc(answer_delay=0.1)
        account = system.account(binds=2)
        for head in range(8):
            make_batch(office, account, numbers(150, f"+819{head}"))
        workers = [system.start_carrier(n, within=host.within) for n, host in enumerate((first, second), start=1)]
        system.wait_for_binds(2)
        system.wait_for_texts(100)

        with cut_off(net, first, how, in_transaction_of=system.pid(workers[0])) as held:
            system.kills += 1
            assert held
            taken_over_s = wait_until(
                lambda: not held & batches_of(system.pid(workers[0])), timeout_s=TAKES_OVER_S, what="it is taken over"
            )
            wait_until(
                lambda: Status.QUEUED not in states(office), timeout_s=240, what="the other sends all that is left"
            )
        back_s = wait_until(
            lambda: bound_by() == {system.pid(name) for name in workers}, timeout_s=BACK_S, what="both are bound"
        )
        system.stop(workers[1])
        for head in range(2):
            make_batch(office, account, numbers(150, f"+818{head}"))
        wait_until(lambda: is_over(office), timeout_s=240, what="every text has an end or is unknown")

        outcome = system.judge_when_settled(texts=1_500, recovered_s=taken_over_s)
        report(f"a host is cut off: {how.value}", outcome)
        note(f"a host is cut off: {how.value}", f"both are bound {back_s:.0f} s after it is back")
        assert outcome.faults == {}
        assert 0 < outcome.unknown <= 2 * W
        assert workers[0] not in system.deaths

    def test_in_mid_expansion_the_other_goes_on_and_it_works_again_when_it_is_back(
        self, system: System, office: Cast, net: Network, report: Report, note: Note
    ) -> None:
        first, second = net.hosts[FIRST], net.hosts[SECOND]
        system.account("elsewhere", port=1)  # no carrier worker runs that could bind to it
        campaigns = [paused_campaign(office) for _ in range(2)]
        system.start_beat()
        system.start_default(name="worker-first", within=first.within)
        wait_until(lambda: any(messages_of(campaign)[1] for campaign in campaigns), timeout_s=60, what="it begins")

        with psycopg.connect(admin_url()) as judge:
            judge.execute("SELECT id FROM dispatch_campaign FOR UPDATE")
            wait_until(lambda: is_waiting(first), timeout_s=30, what="its transaction waits for the campaign's row")
            system.start_default(name="worker-second", within=second.within)
            wait_until(lambda: is_listening(second, system), timeout_s=60, what="the second listens")
            net.cut(first, Cut.SILENCE)
            before = [messages_of(campaign)[1] for campaign in campaigns]
        try:
            goes_on_s = wait_until(
                lambda: [messages_of(campaign)[1] for campaign in campaigns] != before,
                timeout_s=GOES_ON_S,
                what="the second goes on",
            )
            wait_until(lambda: all(messages_of(campaign)[0] for campaign in campaigns), timeout_s=180, what="all of it")
        finally:
            net.mend(first, Cut.SILENCE)
        system.kills += 1
        system.stop("worker-second")
        campaigns.append(paused_campaign(office))
        back_s = wait_until(lambda: messages_of(campaigns[-1])[0], timeout_s=BACK_S, what="the first works again")
        outcome = system.judge(texts=ROWS * len(campaigns), recovered_s=goes_on_s)
        report("a host is cut off while it expands", outcome)
        note("a host is cut off while it expands", f"it works again {back_s:.0f} s after it is back")
        assert [messages_of(campaign) for campaign in campaigns] == [(True, ROWS, ROWS)] * len(campaigns)
        assert outcome.faults == {}
        assert "worker-first" not in system.deaths


def paused_campaign(cast: Cast) -> Campaign:
    campaign = make_campaign(cast, ROWS)
    send(cast, campaign)
    with cast.scope():
        pause_campaign(campaign=Campaign.objects.get(pk=campaign.pk), by=cast.staff, now=timezone.now())
    return campaign


@contextmanager
def cut_off(net: Network, host: Host, how: Cut, *, in_transaction_of: int) -> Iterator[set[int]]:
    """While the block lasts. The cut falls into a transaction of that worker, whose locks the server then holds for nobody.

    Yields the batches that the worker held.
    """
    with psycopg.connect(admin_url()) as judge:
        wait_until(lambda: batches_of(in_transaction_of), timeout_s=20, what="it holds a batch", every_s=0.02)
        judge.execute("SELECT id FROM dispatch_batch FOR UPDATE")
        held = batches_of(in_transaction_of)
        wait_until(lambda: is_waiting(host), timeout_s=9, what="its transaction waits for a row", every_s=0.01)
        net.cut(host, how)
        time.sleep(0.1)  # what had left before has arrived
    try:
        yield held
    finally:
        net.mend(host, how)


def batches_of(pid: int) -> set[int]:
    """The batches that the worker with this process id holds (all hosts here share one space of process ids)."""
    with psycopg.connect(admin_url()) as connection:
        rows = connection.execute("SELECT id, holder FROM dispatch_batch WHERE state = 1").fetchall()
    return {batch for batch, holder in rows if holder.split(":")[1] == str(pid)}


def bound_by() -> set[int]:
    """The process ids of the workers that hold a bound bind."""
    with psycopg.connect(admin_url()) as connection:
        rows = connection.execute(
            "SELECT holder FROM carriers_carrierbind WHERE state = 'bound' AND lease_until > clock_timestamp()"
        ).fetchall()
    return {int(holder.split(":")[1]) for (holder,) in rows if holder}


def is_waiting(host: Host) -> bool:
    """Whether a session of this host waits for a lock."""
    with psycopg.connect(admin_url()) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE client_addr = %s AND wait_event_type = 'Lock'", [host.address]
        ).fetchone()
    return bool(found and found[0])


def is_listening(host: Host, system: System) -> bool:
    """Whether a worker of this host waits for tasks."""
    with redis.Redis.from_url(system.environment["REDIS_URL"]) as broker:
        clients = broker.client_list()
    return any(client["addr"].startswith(f"{host.address}:") and client["cmd"] == "brpop" for client in clients)
