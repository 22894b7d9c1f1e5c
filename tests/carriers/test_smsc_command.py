"""``manage.py smsc`` as a process of its own: started fast, killed in mid-send, started again."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from carriers.base import Outcome
from carriers.providers.smpp.carrier import SmppProvider
from carriers.simulator.journal import read_journal
from tests.carriers.lab import PASSWORD, SYSTEM_ID, bound, in_loop, one_part_each, parts_of, smpp_config

ROOT = Path(__file__).parents[2]
PROVIDER = SmppProvider()
NUMBER = "+819012345678"


class SmscProcess:
    """A running ``manage.py smsc``."""

    def __init__(self, process: asyncio.subprocess.Process, line: bytes) -> None:
        self.process = process
        found = re.search(rb"port (\d+)", line)
        assert found, line
        self.port = int(found[1])

    def cpu_s(self) -> float:
        """What it has used of the processor; unlike the clock it does not depend on what else is running."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def end(self, number: int) -> int:
        """The exit status after a signal."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await self.process.wait()


@asynccontextmanager
async def smsc_process(*arguments: str) -> AsyncIterator[SmscProcess]:
    # As by hand: no database is there for it, no broker, no secret.
    environment = {"PATH": os.environ["PATH"]}  # noqa: TID251
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "manage.py",
        "smsc",
        *("--port", "0", "--system-id", SYSTEM_ID, "--password", PASSWORD),
        *arguments,
        cwd=ROOT,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    smsc = SmscProcess(process, await process.stdout.readline())
    try:
        yield smsc
    finally:
        await smsc.end(signal.SIGKILL)


class TestSmscCommand:
    @in_loop
    async def test_starts_cheaply_and_ends_on_sigterm(self, tmp_path: Path) -> None:
        async with smsc_process("--journal", str(tmp_path / "j"), "--receipt-delay", "0") as smsc:
            assert smsc.cpu_s() < 10  # alone it takes 2; processors that are shared out run slower
            async with bound(PROVIDER, smpp_config(smsc.port)) as recorder:
                recorder.link.submit(parts_of(recorder.link, NUMBER))
                await recorder.until(lambda: recorder.receipts)

            assert await smsc.end(signal.SIGTERM) == 0
        assert len(read_journal(tmp_path / "j").acknowledged) == 1

    @in_loop
    async def test_refuses_a_knob_that_makes_no_sense(self) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "manage.py",
            "smsc",
            "--throttle-rate",
            "2",
            cwd=ROOT,
            stderr=asyncio.subprocess.PIPE,
        )
        _out, error = await process.communicate()

        assert process.returncode == 1
        assert b"throttle_rate: not between 0 and 1" in error
        assert b"Traceback" not in error

    @pytest.mark.parametrize(
        "answers_before_kill", [300, *(pytest.param(number, marks=pytest.mark.exhaustive) for number in (1, 900))]
    )
    @in_loop
    async def test_what_it_answered_is_in_its_journal_when_it_is_killed(
        self, tmp_path: Path, answers_before_kill: int
    ) -> None:
        journal = tmp_path / "j"
        async with (
            smsc_process("--journal", str(journal), "--receipt-delay", "0:0.3") as smsc,
            bound(PROVIDER, smpp_config(smsc.port), window=2000) as recorder,
        ):
            outgoing = one_part_each(recorder.link, NUMBER, 2000)
            while len(recorder.results) < answers_before_kill:
                recorder.link.submit(outgoing[:100])
                del outgoing[:100]
                await asyncio.sleep(0.002)
            await smsc.end(signal.SIGKILL)
            await recorder.until(lambda: recorder.closed)
        answered = {result.carrier_id for result in recorder.results if result.outcome is Outcome.ACCEPTED}
        accepted = {part.message_id for part in read_journal(journal).accepted}
        assert answered <= accepted
        assert len(answered) >= answers_before_kill

        async with smsc_process("--journal", str(journal), "--receipt-delay", "0") as again:
            async with bound(PROVIDER, smpp_config(again.port)) as later:
                owed = accepted - {message_id for message_id, _state in read_journal(journal).acknowledged}
                await later.until(lambda: {receipt.carrier_id for receipt in later.receipts} >= owed)
                later.link.submit(parts_of(later.link, NUMBER))
                await later.until(lambda: later.results)
            assert later.results[0].carrier_id not in accepted
        assert {message_id for message_id, _state in read_journal(journal).acknowledged} >= accepted
