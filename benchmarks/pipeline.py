"""The whole way of a campaign: approved → last receipt stored, through everything real.

    python -m benchmarks.pipeline --messages 20000 [--window 200] [--binds 1] [--old 10000000]

PostgreSQL (fsync and synchronous_commit on), Valkey, Celery workers, beat and the simulated SMSC run on this machine. The last
line is JSON (DESIGN.md §8); the judge of "lost" and "double" is the simulator's journal.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.measuring import cpu_us, difference, server_pids
from benchmarks.office import prepare
from benchmarks.serving import ROOT, prepared_servers
from devservers.ports import LOOPBACK, free_port

CELERY = (sys.executable, "-m", "celery", "-A", "config")
TIMEOUT_S = 900
LOOK_S = 0.25  # looking takes part of what is measured
WARM_UP = 200  # imports, connections, keys, statements: what a day begins with


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--window", type=int, default=200)
    parser.add_argument("--binds", type=int, default=1)
    parser.add_argument("--floor-messages", type=int, default=20_000)
    parser.add_argument("--old", type=int, default=0, help="texts of earlier years that the tables hold already")
    options = parser.parse_args()
    with prepared_servers():
        return measure(options)


def measure(options: argparse.Namespace) -> int:
    if options.old:
        from benchmarks import history

        history.fill(options.old)
    with tempfile.TemporaryDirectory(prefix="todoke-bench-") as folder:
        processes = start_processes(Path(folder), name="bench", window=options.window, binds=options.binds)
        try:
            result = drive(Path(folder), processes, options)
        finally:
            stop(processes)
    print(json.dumps(result))
    return 0 if result["lost"] == 0 and result["double"] == 0 else 1


def start_processes(
    folder: Path, *, name: str, window: int, binds: int, smsc_options: Sequence[str] = ()
) -> dict[str, subprocess.Popen[bytes]]:
    """A carrier account of that name and all that sends by it; the simulator's journal is ``folder/name.jsonl``."""
    from carriers.services import configure_account

    port = free_port()
    configure_account(
        name=name,
        provider="smpp",
        config={"host": LOOPBACK, "port": port, "system_id": name},
        secrets={"password": name},
        window=window,
        binds=binds,
        texts_per_s=None,
    )
    smsc = [sys.executable, "manage.py", "smsc", "--port", str(port), "--system-id", name, "--password", name]
    commands = {
        "smsc": [*smsc, "--journal", str(folder / f"{name}.jsonl"), "--receipt-delay", "0.2:0.5", *smsc_options],
        "worker-default": _worker("default", f"{name}-default", "--pool=prefork", "-c", "1"),
        "beat": [*CELERY, "beat", "-s", str(folder / f"{name}-beat"), "--pidfile=", "-l", "WARNING"],
    }
    for bind in range(1, binds + 1):
        commands[f"worker-carrier-{bind}"] = _worker("carrier", f"{name}-{bind}", "--pool=solo")
    with (folder / "log").open("ab") as log:
        return {
            process: subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
            for process, command in commands.items()
        }


def _worker(queue: str, node: str, *pool: str) -> list[str]:
    return [*CELERY, "worker", "-Q", queue, *pool, "-n", f"{node}@%h", "-l", "WARNING"]


def stop(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    for process in processes.values():
        process.terminate()
    for process in processes.values():
        process.wait(60)


def drive(folder: Path, processes: dict[str, subprocess.Popen[bytes]], options: argparse.Namespace) -> dict[str, Any]:
    from django.db import connections

    from benchmarks import floor
    from carriers.simulator.journal import read_journal

    warm_up, campaign = prepare(WARM_UP, name="warm-up"), prepare(options.messages, name="bench")
    wait_for_binds(options.binds)
    roots = {name: process.pid for name, process in processes.items()}
    roots["postgres"], roots["valkey"] = server_pids()
    send(*warm_up, WARM_UP)
    before = cpu_us(roots)
    marks = send(*campaign, options.messages)
    seconds = marks["last receipt stored"]
    used = {name: value / options.messages for name, value in difference(before, cpu_us(roots)).items()}
    ours = sum(value for name, value in used.items() if name != "smsc")
    journal = read_journal(folder / "bench.jsonl")
    bare = floor.run(messages=options.floor_messages, window=options.window, postgres_pid=roots["postgres"])
    for name, mark in marks.items():
        print(f"{name:<28}{mark:8.2f} s")
    for name, value in sorted(used.items(), key=lambda item: -item[1]):
        print(f"CPU {name:<24}{value:8.1f} us per message  {100 * value / sum(used.values()):5.1f} %")
    print(f"sealing                     {bare['sealing']:8.1f} us per message, {bare['sealing'] / ours:.1%} of ours")
    print(f"floor                       {bare['total']:8.1f} us per message ({bare['postgres']:.1f} of it PostgreSQL)")
    for connection in connections.all():
        connection.close()
    return {
        "messages": options.messages,
        "messages_per_s": round(options.messages / seconds),
        "cpu_us_per_message": round(ours, 1),
        "cpu_us_by_process": {name: round(value, 1) for name, value in used.items()},
        "floor_us_per_message": round(bare["total"], 1),
        "ratio_to_floor": round(ours / bare["total"], 2),
        "sealing_us_per_message": round(bare["sealing"], 1),
        "sealing_share": round(bare["sealing"] / ours, 3),
        "lost": WARM_UP + options.messages - len({part.key for part in journal.accepted}),
        "double": len(journal.doubles),
    }


def send(campaign: Any, actor: Any, now: Any, messages: int) -> dict[str, float]:
    """Approve it and wait for its last receipt; see ``wait_until_delivered``."""
    from dispatch.services.campaigns.departure import send_campaign
    from tenants.context import tenant_scope

    began = time.monotonic()
    with tenant_scope(campaign.tenant_id):
        send_campaign(campaign=campaign, by=actor, now=now)
    return wait_until_delivered(campaign.tenant_id, messages, began)


def wait_for_binds(count: int) -> None:
    from carriers.models import BindState, CarrierBind

    deadline = time.monotonic() + 60
    while CarrierBind.objects.using("operator").filter(state=BindState.BOUND).count() < count:
        if time.monotonic() > deadline:
            raise TimeoutError("the carrier worker did not bind")
        time.sleep(0.2)


def wait_until_delivered(tenant_id: int, messages: int, began: float) -> dict[str, float]:
    """Seconds after which the first text was accepted, the campaign expanded, the last accepted, the last receipt stored."""
    from django.db import connection

    from dispatch.states import Status
    from tenants.context import tenant_scope

    marks: dict[str, float] = {}
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        with tenant_scope(tenant_id), connection.cursor() as cursor:
            cursor.execute("SELECT state, sum(n) FROM dispatch_tally WHERE campaign_id IS NOT NULL GROUP BY state")
            counts = {Status(state): n for state, n in cursor.fetchall()}
            cursor.execute("SELECT is_expanded FROM dispatch_campaign")
            is_expanded = cursor.fetchone()[0]
        passed = time.monotonic() - began
        if sum(counts.values()) - counts.get(Status.QUEUED, 0) > 0:
            marks.setdefault("first accepted", passed)
        if is_expanded:
            marks.setdefault("expanded", passed)
            if not counts.get(Status.QUEUED):
                marks.setdefault("last accepted", passed)
        if counts.get(Status.DELIVERED, 0) == messages:
            marks.setdefault("last receipt stored", passed)
            return marks
        time.sleep(LOOK_S)
    raise TimeoutError(f"not done: {counts}")


if __name__ == "__main__":
    sys.exit(main())
