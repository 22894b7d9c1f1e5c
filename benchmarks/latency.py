"""How soon a single text is with the carrier: alone, and urgent while a campaign is under way.

    python -m benchmarks.latency [--rate 50] [--seconds 10] [--campaign 100000] [--urgent 20]

Everything is real, as in ``pipeline.py``, with a web process besides; a client with an API key posts texts one by one. A text is
handed over when the simulator's journal has it, and accepted when the API has answered; both count from the first octet of the
request. The last line is JSON.
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.office import prepare
from benchmarks.pipeline import start_processes, stop, wait_for_binds, wait_until_delivered
from benchmarks.serving import prepared_servers, wait_until_up
from devservers import environment as servers_environment
from devservers import processes
from devservers.ports import LOOPBACK, free_port
from devservers.runner import Runner
from devservers.stopping import StopRequest

CLIENTS: Final = 8
FIRST: Final = 10_000_000
PATIENCE_S: Final = 60.0
BETWEEN_URGENT_S: Final = 0.5


class Posted(NamedTuple):
    """A text as its client saw it. ``at`` is the instant (seconds since 1970) at which its request began."""

    number: str
    at: float
    accepted_s: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=50.0, help="single texts per second")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--campaign", type=int, default=100_000, help="texts under way while urgent ones come")
    parser.add_argument("--urgent", type=int, default=20)
    options = parser.parse_args()
    port = free_port()
    with (
        prepared_servers(BASE_URL=f"http://{LOOPBACK}:{port}") as environment,
        tempfile.TemporaryDirectory(prefix="todoke-bench-") as name,
        Runner(logs=Path(name), stop=StopRequest()) as runner,
    ):
        senders = start_processes(Path(name), name="bench", window=200, binds=1)
        try:
            runner.start(processes.web(port=port, environment=servers_environment.without_superuser(environment)))
            print(json.dumps(measure(options, port=port, journal=Path(name) / "bench.jsonl")))
        finally:
            stop(senders)
    return 0


def measure(options: argparse.Namespace, *, port: int, journal: Path) -> dict[str, Any]:
    from dispatch.services.campaigns.departure import send_campaign
    from tenants.context import tenant_scope

    client = Client(port, key=key_of_a_new_tenant())
    wait_until_up(port, path="/healthz")
    campaign, actor, now = prepare(options.campaign, name="campaign")
    wait_for_binds(1)
    client.post("+819099999999")  # imports and connections
    singles = client.post_evenly(int(options.rate * options.seconds), per_s=options.rate)
    began = time.monotonic()
    with tenant_scope(campaign.tenant_id):
        send_campaign(campaign=campaign, by=actor, now=now)
    urgent = []
    for n in range(options.urgent):
        time.sleep(BETWEEN_URGENT_S)
        urgent.append(client.post(f"+8180{FIRST + n}", priority="urgent"))
    lasted_s = time.monotonic() - began
    wait_until_delivered(campaign.tenant_id, options.campaign, began)
    taken = arrivals(journal)
    handed = sorted(taken[text.number] - text.at for text in singles)
    urgently = sorted(taken[text.number] - text.at for text in urgent)
    campaign_texts = [at for number, at in taken.items() if number.startswith("+8190")]
    return {
        "singles": len(singles),
        "singles_per_s": options.rate,
        "accepted_p99_ms": round(1000 * share(sorted(text.accepted_s for text in singles), 0.99), 1),
        "handed_over_p50_s": round(share(handed, 0.5), 3),
        "handed_over_p95_s": round(share(handed, 0.95), 3),
        "campaign": options.campaign,
        "campaign_was_under_way_s": round(max(campaign_texts) - min(campaign_texts), 1),
        "urgent": len(urgent),
        "urgent_within_s": round(lasted_s, 1),
        "urgent_p50_s": round(share(urgently, 0.5), 3),
        "urgent_most_s": round(urgently[-1], 3),
    }


def share(values: list[float], of: float) -> float:
    """The value that this share of the sorted values does not exceed."""
    return values[min(len(values) - 1, int(len(values) * of))]


def arrivals(journal: Path) -> dict[str, float]:
    """Number → the instant at which the simulator took the first part for it."""
    from carriers.simulator.journal import read_journal

    found: dict[str, float] = {}
    for part in read_journal(journal).accepted:
        found.setdefault(f"+{part.key.to}", datetime.fromisoformat(part.at).timestamp())
    return found


def key_of_a_new_tenant() -> str:
    """An API key that may send at all hours, as often as it likes."""
    from django.utils import timezone

    from tenants.context import tenant_scope
    from tenants.permissions import Role
    from tenants.services import create_member, create_tenant, issue_api_key

    now = timezone.now()
    tenant = create_tenant(
        name="singles",
        office_name="みなと市水道局",
        send_from="00:00",
        send_until="00:00",
        api_requests_per_s=1_000,
        now=now,
    )
    with tenant_scope(tenant.pk):
        user = create_member(email="s@singles.example", name="singles", password=None, role=Role.ADMIN, department=None)
        return issue_api_key(owner=user, name="singles", role=Role.ADMIN, department=None, by=None, now=now).token


class Client:
    """Posts texts, each on a connection of its own."""

    def __init__(self, port: int, *, key: str) -> None:
        self._port, self._key = port, key

    def post(self, number: str, *, priority: str = "normal") -> Posted:
        """Raises ``AssertionError`` where the API does not take it."""
        text = {"to": number, "text": "【みなと市水道局】本日の断水は終わりました。", "priority": priority}
        at, began = time.time(), time.monotonic()
        status, body = self._ask(json.dumps(text).encode())
        if status not in {HTTPStatus.CREATED, HTTPStatus.ACCEPTED}:
            raise AssertionError(f"{status}: {body[:300]!r}")
        return Posted(number, at, time.monotonic() - began)

    def post_evenly(self, count: int, *, per_s: float) -> list[Posted]:
        """Begun at a steady pace, whether the ones before are answered or not (as far as ``CLIENTS`` suffice)."""
        begin = time.monotonic()

        def post_in_turn(n: int) -> Posted:
            time.sleep(max(0.0, begin + n / per_s - time.monotonic()))
            return self.post(f"+8170{FIRST + n}")

        with ThreadPoolExecutor(CLIENTS) as pool:
            return list(pool.map(post_in_turn, range(count)))

    def _ask(self, body: bytes) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection(LOOPBACK, self._port, timeout=PATIENCE_S)
        try:
            connection.request("POST", "/api/v1/messages", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


if __name__ == "__main__":
    sys.exit(main())
