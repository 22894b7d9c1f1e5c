"""Throughput against the number of binds, at a carrier that is far away and limits each of them.

    python -m benchmarks.binds [--binds 1 2 4 8] [--window 10] [--answer-delay 0.05] [--seconds 10]

The simulated SMSC answers each part after so long and takes no more than one window unanswered on each bind, so that one
bind can't pass window ÷ delay. One carrier worker for each bind, as on several hosts; the rate is read from the simulator's
journal, between the first and the last tenth. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.office import prepare
from benchmarks.pipeline import send, start_processes, stop, wait_for_binds
from benchmarks.serving import prepared_servers


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binds", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--window", type=int, default=10)
    parser.add_argument("--answer-delay", type=float, default=0.05)
    parser.add_argument("--seconds", type=float, default=10.0, help="that each step should take, were the carrier all")
    options = parser.parse_args()
    with prepared_servers(), tempfile.TemporaryDirectory(prefix="todoke-binds-") as folder:
        curve = [measure(Path(folder), binds, options) for binds in options.binds]
    for step in curve:
        print(
            f"{step['binds']:>2} binds {step['texts_per_s']:>8.0f} texts/s  {step['texts_per_s'] / step['binds']:>6.0f} each "
            f" {step['texts_per_s'] / curve[0]['texts_per_s']:>5.2f} x the first"
            f"  {100 * step['texts_per_s'] / step['at_most']:>4.0f} % of what the carrier allows"
        )
    print(json.dumps({"window": options.window, "answer_delay_s": options.answer_delay, "curve": curve}))
    return 0 if all(step["lost"] == step["double"] == 0 for step in curve) else 1


def measure(folder: Path, binds: int, options: argparse.Namespace) -> dict[str, Any]:
    """One step of the curve, with an account, an office and processes of its own."""
    from carriers.simulator.journal import read_journal

    name, at_most = f"bench-{binds}", binds * options.window / options.answer_delay
    texts = int(at_most * options.seconds)
    far_away = ("--answer-delay", str(options.answer_delay), "--window-limit", str(options.window))
    processes = start_processes(folder, name=name, window=options.window, binds=binds, smsc_options=far_away)
    try:
        campaign = prepare(texts, name=name)
        wait_for_binds(binds)
        send(*campaign, texts)
    finally:
        stop(processes)
    report = read_journal(folder / f"{name}.jsonl")
    instants = sorted(datetime.fromisoformat(part.at).timestamp() for part in report.accepted)
    begin, end = len(instants) // 10, len(instants) * 9 // 10
    retire(name)
    return {
        "binds": binds,
        "texts": texts,
        "texts_per_s": round((end - begin) / (instants[end] - instants[begin]), 1),
        "at_most": at_most,
        "lost": texts - len({part.key for part in report.accepted}),
        "double": len(report.doubles),
    }


def retire(name: str) -> None:
    """No worker of the next step binds to the account of this one."""
    from carriers.models import CarrierAccount

    CarrierAccount.objects.using("operator").filter(name=name).update(is_enabled=False)


if __name__ == "__main__":
    sys.exit(main())
