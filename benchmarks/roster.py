"""The way of a roster: a CSV is uploaded → its check page answers, through everything real.

    python -m benchmarks.roster [--rows 100000] [--encoding cp932]

PostgreSQL (fsync and synchronous_commit on), Valkey, the web process, the default worker and beat run on this machine as
`make demo` runs them. A client with an API key uploads a roster as offices write them (`tests/roster_files.py`), asks
until it is ready, and opens its page in a browser's session. The last line is JSON (DESIGN.md §8); `seconds` is from the
first byte of the upload to the last byte of the page, `peak_mb` the largest peak of any web or worker process, and
`ratio_to_floor` compares the CPU of all processes with bare reading and storing of the same rows in the same run.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import roster_floor, roster_stages
from benchmarks.measuring import cpu_us, difference, peak_mb, server_pids
from benchmarks.roster_client import Client
from benchmarks.serving import prepared_servers, wait_until_up
from devservers import environment as servers_environment
from devservers import processes
from devservers.ports import LOOPBACK, free_port
from devservers.runner import Runner
from devservers.stopping import StopRequest

WATCHED = (processes.WEB, processes.WORKER)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--encoding", default="cp932")
    options = parser.parse_args()
    port = free_port()
    with (
        prepared_servers(BASE_URL=f"http://{LOOPBACK}:{port}") as environment,
        tempfile.TemporaryDirectory(prefix="todoke-bench-") as folder,
    ):
        return measure(options, folder=Path(folder), port=port, environment=environment)


def measure(options: argparse.Namespace, *, folder: Path, port: int, environment: dict[str, str]) -> int:
    data = make_file(options.rows, options.encoding)
    print(f"{options.rows:,} rows, {len(data) / 1e6:.1f} MB, {options.encoding}", flush=True)
    with Runner(logs=folder / "logs", stop=StopRequest()) as runner:
        ordinary = servers_environment.without_superuser(environment)
        runner.start(processes.default_worker(environment=ordinary))
        runner.start(processes.beat(directory=folder, environment=ordinary))
        runner.start(processes.web(port=port, environment=ordinary))
        client = Client.of_a_new_tenant(port=port)
        wait_until_up(port, path="/readyz")
        client.upload_and_see(make_file(200, options.encoding))  # imports, connections, caches: what a day begins with
        marks, used, peaks = drive(client, data, runner)
    result = report(options.rows, data, options.encoding, marks, used, peaks)
    print(json.dumps(result))
    return 0


def make_file(rows: int, encoding: str) -> bytes:
    """A health centre's roster, in pieces of a few thousand different people, numbered on."""
    from tests.roster_files import HEADER, as_csv, people

    piece = people(min(rows, 20_000), seed=rows, characters=encoding)
    cells = ((f"R4-{n:07d}", *piece[n % len(piece)].cells[1:]) for n in range(rows))
    return as_csv([HEADER, *cells], encoding=encoding)


def drive(client: Client, data: bytes, runner: Runner) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """(seconds after which each step was over, CPU by process, peak memory by process)."""
    roots = dict(runner.pids().items())
    roots["postgres"], roots["valkey"] = server_pids()
    before = cpu_us(roots)
    marks = client.upload_and_see(data)
    used = difference(before, cpu_us(roots))
    return marks, used, {name: peak_mb(roots[name]) for name in WATCHED}


def report(
    rows: int, data: bytes, encoding: str, marks: dict[str, float], used: dict[str, float], peaks: dict[str, float]
) -> dict[str, Any]:
    before = 0.0
    total = marks["the page answered"]
    for name, mark in marks.items():
        print(f"{name:<28}{mark:8.2f} s  (+{mark - before:.2f} s, {100 * (mark - before) / total:.0f} %)")
        before = mark
    for name, value in sorted(used.items(), key=lambda item: -item[1]):
        print(f"CPU {name:<24}{value / rows:8.1f} us per row  {100 * value / sum(used.values()):5.1f} %")
    for name, value in peaks.items():
        print(f"peak {name:<23}{value:8.1f} MB")
    stages = roster_stages.run(data)
    for name, value in stages.items():
        print(f"stage {name:<22}{value / rows:8.1f} us per row  {100 * value / sum(stages.values()):5.1f} %")
    bare = roster_floor.run(data, encoding=encoding)
    print(
        f"floor                       {bare / rows:8.1f} us per row (reading and storing, PostgreSQL's work included)"
    )
    return {
        "rows": rows,
        "rows_per_s": round(rows / total),
        "seconds": round(total, 2),
        "peak_mb": round(max(peaks.values()), 1),
        "ratio_to_floor": round(sum(used.values()) / bare, 2),
        "cpu_us_per_row": round(sum(used.values()) / rows, 1),
        "stages_us_per_row": {name: round(value / rows, 1) for name, value in stages.items()},
    }


if __name__ == "__main__":
    sys.exit(main())
