"""The simulated SMSC in the test's own event loop, and messages for it: the journal is the oracle."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import uuid_utils.compat as uuids
from django.utils import timezone

from carriers.models import CarrierAccount
from carriers.services import configure_account
from carriers.simulator.behaviour import Behaviour
from carriers.simulator.journal import JournalReport, read_journal
from carriers.simulator.smsc import Smsc, SmscOptions
from dispatch.models import Batch, Message, Tally
from dispatch.states import Status
from tenants import keys
from tests.conftest import Cast

SYSTEM_ID, PASSWORD = "todoke", "secret"


class Simulator:
    """A running SMSC and its journal."""

    def __init__(self, smsc: Smsc, journal: Path) -> None:
        self.smsc = smsc
        self.journal_path = journal

    @property
    def port(self) -> int:
        return self.smsc.port

    def journal(self) -> JournalReport:
        return read_journal(self.journal_path)


@asynccontextmanager
async def simulator(folder: Path, **knobs: Any) -> AsyncIterator[Simulator]:
    """Receipts come at once unless told otherwise."""
    journal = folder / "journal.jsonl"
    options = SmscOptions(host="127.0.0.1", port=0, accounts={SYSTEM_ID: PASSWORD}, journal=journal)
    smsc = Smsc(options, Behaviour().changed({"receipt_delay": "0:0.01", **knobs}))
    await smsc.start()
    try:
        yield Simulator(smsc, journal)
    finally:
        await smsc.close()


def make_account(port: int, *, window: int = 10, binds: int = 1, **config: Any) -> CarrierAccount:
    """The account that leads to a simulator; committed as an operator would."""
    return configure_account(
        name="smsc",
        provider="smpp",
        config={"host": "127.0.0.1", "port": port, "system_id": SYSTEM_ID, **config},
        secrets={"password": PASSWORD},
        window=window,
        binds=binds,
        texts_per_s=None,
    )


def make_batch(
    cast: Cast,
    account: CarrierAccount,
    numbers: Sequence[str],
    *,
    text: str = "【acme】お知らせです。",
    parts: int = 1,
    **fields: Any,
) -> Batch:
    """A due batch of one text for each number, with its tally, outside any campaign."""
    with cast.scope():
        ring = keys.ring()
        batch = Batch.objects.create(account_id=account.pk, due_at=timezone.now(), size=len(numbers), **fields)
        Message.objects.bulk_create(
            Message(
                tenant_id=cast.tenant.pk,
                public_id=uuids.uuid7(),
                batch=batch,
                seq=seq,
                parts=parts,
                phone_hash=ring.hash("phone", number),
                account_id=account.pk,
                sealed=ring.seal("dispatch_message", orjson.dumps({"to": number, "text": text})),
            )
            for seq, number in enumerate(numbers)
        )
        minute = timezone.now().replace(second=0, microsecond=0)
        Tally.objects.create(minute=minute, state=Status.QUEUED, n=len(numbers))
    return batch


def states(cast: Cast) -> dict[Status, int]:
    """How many messages stand in each state."""
    found: dict[Status, int] = {}
    with cast.scope():
        for value in Message.objects.values_list("state", flat=True):
            found[Status(value)] = found.get(Status(value), 0) + 1
    return found


def tallied(cast: Cast) -> dict[Status, int]:
    """What the counters say, without zeros."""
    found: dict[Status, int] = {}
    with cast.scope():
        for state, n in Tally.objects.values_list("state", "n"):
            found[Status(state)] = found.get(Status(state), 0) + n
    return {state: n for state, n in found.items() if n}
