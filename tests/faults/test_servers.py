"""The broker and the database go away, are emptied, frozen, killed, and run out of room (rows 3, 4 and 15)."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connections

from devservers import ports
from dispatch.models import Campaign
from dispatch.states import Status
from tenants.permissions import Role
from tests.conftest import Cast, empty_tables, make_cast
from tests.faults.arranging import call_api, is_over, make_campaign, numbers, roster_file
from tests.faults.conftest import Report
from tests.faults.harness import System, W, wait_until
from tests.faults.servers import POSTGRES, VALKEY, Servers, pointed_at
from tests.faults.visitor import Visitor
from tests.smsc import make_batch, states

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

TEXTS = 600
TAKEN_UP_S = 60
GOES_ON_S = 30
UPLOADED = 2_000
Fault = Callable[[Servers], None]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with Servers(tmp_path_factory.mktemp("servers")) as servers:
        yield servers


@pytest.fixture
def hurt(servers: Servers, tmp_path: Path, django_db_blocker: Any) -> Iterator[System]:
    """Processes on servers that this test may hurt; and this process works on them too."""
    yield from on_servers(servers, tmp_path, django_db_blocker)


def on_servers(servers: Servers, folder: Path, django_db_blocker: Any) -> Iterator[System]:
    with django_db_blocker.unblock(), pointed_at(servers):
        try:
            with System(folder, environment=servers.environment) as system:
                yield system
        finally:
            empty_tables()


@pytest.fixture
def town(hurt: System) -> Cast:
    return make_cast("acme")


class TestBroker:
    @pytest.mark.parametrize("fault", ["emptied", "killed", "away for 60 s", "frozen for 20 s"])
    def test_fails_and_work_goes_on(
        self, hurt: System, town: Cast, servers: Servers, report: Report, note: Callable[[str, str], None], fault: str
    ) -> None:
        port = start_everything(hurt)
        staff = Visitor(port, town.users[Role.STAFF])
        make_batch(town, hurt.account(), numbers(TEXTS))
        campaign = make_campaign(town, 50)
        hurt.wait_for_texts(50)

        broker_begins(servers, fault)
        pressed = staff.post(f"/campaigns/{campaign.public_id}/send")
        hurt.kills += 1
        broker_ends(servers, fault)
        back = datetime.now(UTC)
        wait_until(lambda: messages_written(town, campaign) == 50, timeout_s=TAKEN_UP_S + 30, what="it is expanded")
        taken_up_s = (datetime.now(UTC) - back).total_seconds()
        wait_until(lambda: states(town) == {Status.DELIVERED: TEXTS + 50}, timeout_s=120, what="all are delivered")

        outcome = hurt.judge_when_settled(texts=TEXTS + 50, recovered_s=taken_up_s)
        report(f"3 broker {fault}", outcome)
        note(f"3 broker {fault}", f"“send” in the browser: {pressed.status} after {pressed.seconds:.2f} s")
        assert (pressed.status, pressed.location) == (302, f"/campaigns/{campaign.public_id}")
        assert pressed.seconds <= 1
        assert taken_up_s <= TAKEN_UP_S
        assert outcome.faults == {}
        assert outcome.unknown == 0
        assert hurt.deaths == {}


def broker_begins(servers: Servers, fault: str) -> None:
    if fault == "emptied":
        servers.empty_broker()
    elif fault.startswith("frozen"):
        servers.freeze(VALKEY)
    else:
        servers.stop(VALKEY, signal.SIGKILL)


def broker_ends(servers: Servers, fault: str) -> None:
    if fault == "killed":
        servers.start_valkey()
    elif fault.startswith("away"):
        time.sleep(60)
        servers.start_valkey()
    elif fault.startswith("frozen"):
        time.sleep(20)
        servers.thaw(VALKEY)


class TestDatabase:
    @pytest.mark.parametrize(
        "fault", ["restarted at once", "killed with -9", "connections killed", "away for 20 s", "frozen for 15 s"]
    )
    def test_fails_and_all_goes_on(
        self, hurt: System, town: Cast, servers: Servers, report: Report, note: Callable[[str, str], None], fault: str
    ) -> None:
        port = start_everything(hurt)
        staff = Visitor(port, town.users[Role.STAFF])
        make_batch(town, hurt.account(), numbers(2 * TEXTS))
        taken, answers, pages = 0, set(), set()
        hurt.wait_for_texts(100)
        key = town.keys[Role.ADMIN]

        for _ in range(5):
            taken += post_text(port, key)[0] == 201
        database_begins(servers, fault)
        hurt.kills += 1
        for _ in range(3):
            status = post_text(port, key, timeout_s=4)[0]
            taken += status == 201
            answers.add(status)
            pages.add(staff.get("/campaigns", timeout_s=4).status)
        database_ends(servers, fault)
        for connection in connections.all():
            connection.close()  # this test's own were hurt too
        back = datetime.now(UTC)
        goes_on_s = wait_until(lambda: hurt.recovered_s(back), timeout_s=90, what="texts leave again")
        wait_until(lambda: post_text(port, key)[0] == 201, timeout_s=GOES_ON_S, what="pages answer again")
        taken += 1
        wait_until(lambda: is_over(town), timeout_s=120, what="every text has an end or is unknown")

        count, unanswered = sum(states(town).values()) - 2 * TEXTS, 3 if 0 in answers else 0
        outcome = hurt.judge_when_settled(texts=2 * TEXTS + max(count, taken), recovered_s=goes_on_s)
        report(f"4 database {fault}", outcome)
        note(f"4 database {fault}", f"meanwhile the API {sorted(answers)}, pages {sorted(pages)} (0: none in 4 s)")
        silence = {0} if fault.startswith("frozen") else set()
        assert answers <= {201, 503} | silence
        assert pages <= {200, 503} | silence
        assert goes_on_s <= GOES_ON_S
        assert taken <= count <= taken + unanswered
        assert outcome.faults == {}
        assert outcome.unknown <= 2 * W
        assert hurt.deaths == {}


def database_begins(servers: Servers, fault: str) -> None:
    if fault == "connections killed":
        assert sum(servers.kill_connections() for _ in range(5)) > 0
    elif fault.startswith("frozen"):
        servers.freeze(POSTGRES)
    else:
        servers.stop(POSTGRES, signal.SIGKILL if fault.startswith("killed") else signal.SIGQUIT)


def database_ends(servers: Servers, fault: str) -> None:
    if fault.startswith("frozen"):
        time.sleep(15)
        servers.thaw(POSTGRES)
    elif fault.startswith("away"):
        time.sleep(20)
        servers.start_postgres()
    elif fault != "connections killed":
        servers.start_postgres()


class TestDiskFull:
    def test_stops_everything_and_it_goes_on_when_there_is_room(
        self, tmp_path: Path, report: Report, note: Callable[[str, str], None], django_db_blocker: Any
    ) -> None:
        small = tmp_path / "small"
        small.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=220m", "tmpfs", small], capture_output=True, check=False
        )
        if mounted.returncode != 0:
            pytest.skip("a small file system can't be mounted here")
        try:
            with Servers(small) as servers:
                run = on_servers(servers, tmp_path, django_db_blocker)
                system = next(run)
                fill_the_disk(system, servers, small / "ballast", report, note)
                with suppress(StopIteration):
                    next(run)
        finally:
            subprocess.run(["umount", "--lazy", small], check=False)


def fill_the_disk(
    system: System, servers: Servers, ballast: Path, report: Report, note: Callable[[str, str], None]
) -> None:
    town = make_cast("acme")
    port = start_everything(system, answer_delay=0.05)
    staff = Visitor(port, town.users[Role.STAFF])
    make_batch(town, system.account(), numbers(3_000))
    system.wait_for_texts(100)

    free = shutil.disk_usage(ballast.parent).free
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        for _ in range(free // 4096 + 2):
            file.write(b"x" * 4096)
    system.kills += 1
    answers, uploads = set(), []
    wait_until(lambda: is_full(servers), timeout_s=60, what="the database runs out of room")
    for _ in range(5):
        answers.add(post_text(port, town.keys[Role.ADMIN])[0])
        uploads.append(staff.upload("/rosters/new", roster_file(UPLOADED)).status)
        time.sleep(1)
    ballast.unlink()
    if not is_answering(servers):
        with suppress(Exception):
            servers.stop(POSTGRES, signal.SIGQUIT)
        servers.start_postgres()
    back = datetime.now(UTC)
    goes_on_s = wait_until(lambda: system.recovered_s(back), timeout_s=90, what="texts leave again")
    wait_until(lambda: is_over(town), timeout_s=240, what="every text has an end or is unknown")

    uploads.append(staff.upload("/rosters/new", roster_file(UPLOADED)).status)
    whole = [("ready", UPLOADED)] * uploads.count(302)
    wait_until(lambda: rosters_of(servers) == whole, timeout_s=90, what="the rosters that were taken are read wholly")

    with psycopg.connect(servers.admin_url) as connection:
        (count,) = connection.execute("SELECT count(*) FROM dispatch_message").fetchone() or (0,)
    outcome = system.judge_when_settled(texts=count, recovered_s=goes_on_s)
    report("15 disk full for PostgreSQL", outcome)
    note(
        "15 disk full for PostgreSQL",
        f"meanwhile the API {sorted(answers)}, uploads {uploads[:-1]}; then {uploads[-1]}",
    )
    assert count >= 3_000
    assert outcome.faults == {}
    assert goes_on_s <= GOES_ON_S
    assert answers <= {201, 503}
    assert set(uploads[:-1]) <= {302, 503}
    assert uploads[-1] == 302


def rosters_of(servers: Servers) -> list[tuple[str, int]]:
    """State and rows of each roster, by plain SQL."""
    with psycopg.connect(servers.admin_url) as connection:
        return connection.execute(
            "SELECT r.state, count(p.id) FROM recipients_roster r"
            " LEFT JOIN recipients_recipient p ON p.roster_id = r.id GROUP BY r.id"
        ).fetchall()


def is_full(servers: Servers) -> bool:
    """Whether it refuses to write, or does not answer any more."""
    try:
        with psycopg.connect(servers.admin_url, connect_timeout=2) as connection:
            connection.execute("CREATE TABLE filler AS SELECT repeat('x', 1000) FROM generate_series(1, 2000)")
            connection.execute("DROP TABLE filler")
    except psycopg.OperationalError:
        return True
    return False


def is_answering(servers: Servers) -> bool:
    try:
        psycopg.connect(servers.admin_url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def start_everything(system: System, **knobs: object) -> int:
    port = ports.free_port()
    system.start_smsc(**{"answer_delay": 0.1, **knobs})
    system.account()
    system.start_web(port)
    for start in (system.start_default, system.start_beat, system.start_carrier):
        start()
    system.wait_for_binds()
    for _ in range(8):
        call_api(port, "GET", "campaigns", "nobody's")  # every process has loaded its code
    return port


def post_text(port: int, key: str, *, timeout_s: float = 15) -> tuple[int, Any]:
    """Status 0 where no answer came in time."""
    body = {"to": "09012345678", "text": "【みなと市】お知らせです。"}
    try:
        return call_api(port, "POST", "messages", key, body, timeout_s=timeout_s)
    except TimeoutError:
        return 0, None


def messages_written(cast: Cast, campaign: Campaign) -> int:
    with cast.scope():
        return campaign.messages.count()
