"""Evidence by number among millions of earlier texts: the page's query, and the page as a browser gets it.

    python -m benchmarks.evidence --messages 10000000

Starts servers of its own and a real web process, fills in years of texts (``history.py``; some ten minutes and 15 GB for ten
million), and asks for numbers at random. The last line is JSON (DESIGN.md §8): ``p50_ms`` and ``p99_ms`` are of searching a number
and gathering everything about its person, ``page_p95_ms`` of the whole answer over HTTP, logged in, access recorded.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from benchmarks.serving import prepared_servers, session_cookie, wait_until_up
from devservers import environment as servers_environment
from devservers import processes
from devservers.ports import LOOPBACK, free_port
from devservers.runner import Runner
from devservers.stopping import StopRequest

TOKEN: Final = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--searches", type=int, default=1_000)
    parser.add_argument("--pages", type=int, default=300)
    options = parser.parse_args()
    with prepared_servers() as environment:
        print(json.dumps(measure(options, environment)))
    return 0


def measure(options: argparse.Namespace, environment: dict[str, str]) -> dict[str, Any]:
    from benchmarks import history

    began = time.monotonic()
    past = history.fill(options.messages)
    print(f"filled in {time.monotonic() - began:.0f} s")
    queries = sorted(query_ms(past, random.choice(past.numbers)) for _ in range(options.searches))
    pages = sorted(page_times(past, environment, count=options.pages))
    return {
        "messages": options.messages,
        "p50_ms": round(statistics.median(queries), 1),
        "p99_ms": round(queries[int(len(queries) * 0.99) - 1], 1),
        "page_p95_ms": round(pages[int(len(pages) * 0.95) - 1], 1),
    }


def query_ms(past: Any, number: str) -> float:
    """Milliseconds for everything that the page shows: the person behind the number, texts, receipts, calls."""
    from reports.selectors.people import dossier_of, find_people
    from tenants.context import tenant_scope

    began = time.perf_counter()
    with tenant_scope(past.tenant_id):
        (person,) = find_people(number, by=past.actor)
        dossier = dossier_of(person.key, by=past.actor)
    passed = (time.perf_counter() - began) * 1000
    if len(dossier.sent) < 20:
        raise AssertionError(f"{len(dossier.sent)} texts found")
    return passed


def page_times(past: Any, environment: dict[str, str], *, count: int) -> list[float]:
    """Milliseconds from sending the search to the last octet of the person's page, the redirection between included."""
    from tenants.context import tenant_scope
    from tenants.models import User

    with tenant_scope(past.tenant_id):
        cookie = session_cookie(User.objects.get(pk=past.actor.user_id))
    port = free_port()
    with (
        tempfile.TemporaryDirectory(prefix="todoke-bench-") as folder,
        Runner(logs=Path(folder), stop=StopRequest()) as runner,
    ):
        runner.start(processes.web(port=port, environment=servers_environment.without_superuser(environment)))
        wait_until_up(port, path="/healthz")
        browser = Browser(port, cookie=cookie)
        browser.search(past.numbers[0])
        return [browser.search(random.choice(past.numbers)) for _ in range(count)]


class Browser:
    """One connection that is kept, one session."""

    def __init__(self, port: int, *, cookie: str) -> None:
        self._connection = http.client.HTTPConnection(LOOPBACK, port, timeout=30)
        self._host = f"{LOOPBACK}:{port}"
        self._cookies = [cookie]
        page, cookies = self._ask("GET", "/people")
        self._cookies += cookies
        found = TOKEN.search(page)
        if found is None:
            raise AssertionError("no form on the page: not logged in?")
        self._token = found.group(1)

    def search(self, number: str) -> float:
        began = time.perf_counter()
        form = urlencode({"query": number, "csrfmiddlewaretoken": self._token})
        self._connection.request("POST", "/people", form, self._headers(kind="application/x-www-form-urlencoded"))
        answer = self._connection.getresponse()
        answer.read()
        page, _ = self._ask("GET", answer.headers["Location"])
        passed = (time.perf_counter() - began) * 1000
        if page.count("見本") < 20:
            raise AssertionError("the page shows too few texts")
        return passed

    def _ask(self, method: str, address: str) -> tuple[str, list[str]]:
        self._connection.request(method, address, headers=self._headers())
        answer = self._connection.getresponse()
        page = answer.read().decode()
        if answer.status != 200:
            raise AssertionError(f"{address}: {answer.status}")
        return page, [cookie.partition(";")[0] for cookie in answer.headers.get_all("Set-Cookie", [])]

    def _headers(self, *, kind: str = "") -> dict[str, str]:
        headers = {"Host": self._host, "Cookie": "; ".join(self._cookies), "Referer": f"http://{self._host}/people"}
        return {**headers, "Content-Type": kind} if kind else headers


if __name__ == "__main__":
    sys.exit(main())
