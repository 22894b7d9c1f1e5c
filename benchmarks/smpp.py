"""What SMPP costs: CPU of our client and of the simulated SMSC per text, over TCP on loopback, without a database.

Each text is encoded, submitted in windows, answered, receipted and acknowledged. The last line is JSON.

    python -m benchmarks.smpp --messages 100000 --window 200
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from carriers.base import Inbound, Outgoing, Receipt, SubmitResult
from carriers.providers.smpp.carrier import SmppLink, SmppProvider
from carriers.simulator.behaviour import Behaviour
from carriers.simulator.journal import read_journal
from carriers.simulator.running import run_until_stopped
from carriers.simulator.smsc import SmscOptions

TEXT = "【みなと市保健所】届 花子様　療養終了日は8月17日です。お問い合わせ03-0000-0000"


class Sender:
    """A listener that refills the window on each tick, as the pump does, and stores nothing."""

    def __init__(self, *, link: SmppLink, messages: int, window: int) -> None:
        self.link = link
        self.window = window
        self.left = messages
        self.messages = messages
        self.outstanding = 0
        self.receipts = 0
        self.done = asyncio.get_running_loop().create_future()

    def refill(self) -> None:
        count = min(self.window - self.outstanding, self.left)
        if count < min(self.window // 4, self.left) or not count:
            return
        first = self.messages - self.left
        self.link.submit(
            [
                Outgoing(first + i, f"+8190{(first + i) % 100_000_000:08d}", "", f"{TEXT}{i}", 1, 1, i)
                for i in range(count)
            ]
        )
        self.left -= count
        self.outstanding += count

    def on_results(self, results: Sequence[SubmitResult]) -> None:
        self.outstanding -= len(results)
        self.refill()

    def on_receipts(self, receipts: Sequence[Receipt]) -> None:
        self.receipts += len(receipts)
        self.link.acknowledge([receipt.token for receipt in receipts], stored=True)
        if self.receipts >= self.messages and not self.done.done():
            self.done.set_result(None)

    def on_inbound(self, messages: Sequence[Inbound]) -> None:
        raise AssertionError("nobody writes to us here")

    def on_closed(self, reason: str) -> None:
        if not self.done.done():
            self.done.set_exception(RuntimeError(reason))


def simulate(pipe: Connection, journal: Path) -> None:
    """The simulator's process: tells its port, runs until SIGTERM, tells its CPU time."""

    def started(port: int, _control_port: int | None) -> None:
        pipe.send(port)

    options = SmscOptions(accounts={"bench": "bench"}, journal=journal)
    behaviour = Behaviour().changed({"receipt_delay": "0:0.2"})
    asyncio.run(run_until_stopped(options=options, behaviour=behaviour, control_port=None, started=started))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    pipe.send(usage.ru_utime + usage.ru_stime)


async def send(*, port: int, messages: int, window: int) -> tuple[float, float]:
    """Seconds of the clock and of our CPU for all messages."""
    config = {"host": "127.0.0.1", "port": port, "system_id": "bench", "password": "bench", "source_addr": "Todoke"}
    link = SmppProvider().link(config, window=window)
    sender = Sender(link=link, messages=messages, window=window)
    await link.open(sender)
    began, cpu_began = time.perf_counter(), time.process_time()
    sender.refill()
    await sender.done
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
    await link.close(drain_s=5)
    return seconds, cpu_s


def run(*, messages: int, window: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as directory:
        journal = Path(directory) / "journal.jsonl"
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        simulator = context.Process(target=simulate, args=(theirs, journal))
        simulator.start()
        try:
            seconds, cpu_s = asyncio.run(send(port=ours.recv(), messages=messages, window=window))
        finally:
            simulator.terminate()
        simulator_cpu_s = ours.recv()
        simulator.join()
        report = read_journal(journal)
        if len(report.accepted) != messages or report.doubles:
            raise SystemExit("The journal does not hold every text exactly once.")
    return {
        "messages": messages,
        "messages_per_s": round(messages / seconds),
        "client_cpu_us_per_message": round(cpu_s / messages * 1e6, 1),
        "simulator_cpu_us_per_message": round(simulator_cpu_s / messages * 1e6, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--window", type=int, default=200)
    arguments = parser.parse_args()
    figures = run(messages=arguments.messages, window=arguments.window)
    for name, value in figures.items():
        print(f"{name.replace('_', ' '):>32}: {value}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
