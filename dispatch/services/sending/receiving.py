"""The desk where receipts and residents' texts are taken: stored, applied, acknowledged, in this order.

It works beside the pump on a connection of its own. A receipt whose text's answer is not recorded yet waits for that record;
one that no text is known for is stored without a message and matched again later.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Iterable, Sequence
from typing import Final

import psycopg
import structlog

from carriers.base import Inbound, Link, Receipt
from dispatch.services import receipts as receipts_service
from dispatch.services.sending.claims import Rings
from dispatch.services.sending.database import Session
from tenants.failpoints import failpoint

log = structlog.get_logger()

# What the carrier says (a receipt, an answer) is written together with what comes after it: until nothing came for so long, …
LINGER_S: Final = 0.02
LINGER_MOST_S: Final = 0.2  # … at the latest after so long
ENOUGH: Final = 500
AT_ONCE: Final = 1_000
REMATCH_S: Final = 1.0
REMATCH_FOR_S: Final = 120.0
REMATCH_ALL_S: Final = 60.0
ALL_S: Final = 7 * 86_400


class ReceiptDesk:
    """Takes what one link brings. ``run`` returns after ``close`` when everything taken is stored."""

    def __init__(
        self,
        *,
        link: Link,
        session: Session,
        account_id: int,
        rings: Rings,
        is_beside_webhook: bool = False,
    ) -> None:
        self.link = link
        self.session = session
        self.account_id = account_id
        self.rings = rings
        self.link_is_open = True
        self._receipts: list[Receipt] = []
        self._inbound: list[Inbound] = []
        self._unrecorded: set[str] = set()  # carrier ids of answers that the pump has not committed yet
        self._wake = asyncio.Event()
        self._is_closing = False
        # The holder before us may have stored some; a webhook stores them at any time, without a message.
        self._early_until = math.inf if is_beside_webhook else time.monotonic() + REMATCH_FOR_S
        self._rematched_at = 0.0
        self._rematched_all_at = time.monotonic()

    def take_receipts(self, receipts: Sequence[Receipt]) -> None:
        self._receipts.extend(receipts)
        self._wake.set()

    def take_inbound(self, messages: Sequence[Inbound]) -> None:
        self._inbound.extend(messages)
        self._wake.set()

    def expect(self, carrier_id: str) -> None:
        """An answer came, and is about to be recorded."""
        self._unrecorded.add(carrier_id)

    def recorded(self, carrier_ids: Iterable[str]) -> None:
        self._unrecorded.difference_update(carrier_ids)
        if self._receipts:
            self._wake.set()

    def wake(self) -> None:
        """A webhook has stored receipts: they are matched in the next turn."""
        if self._early_until == math.inf:
            self._rematched_at = 0.0
            self._wake.set()

    def close(self) -> None:
        self._is_closing = True
        self._wake.set()

    async def run(self) -> None:
        while not self._is_closing or self._receipts or self._inbound:
            await self._rest()
            await self.session.persistently(self._turn)

    async def _rest(self) -> None:
        self._wake.clear()
        if not self._receipts and not self._inbound and not self._is_closing:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), REMATCH_S)
        await self._linger()

    async def _linger(self) -> None:
        """Storing hundreds together costs little more than storing ten. A carrier that waits for us brings no more, and
        is not kept waiting."""
        until = time.monotonic() + LINGER_MOST_S
        count = 0
        while count < (count := len(self._receipts)) < ENOUGH and time.monotonic() < until and not self._is_closing:
            await asyncio.sleep(LINGER_S)

    async def _turn(self) -> None:
        receipts, waiting = self._ready()
        inbound, self._inbound = self._inbound, []
        self._receipts = waiting
        try:
            await self._store(receipts, inbound)
        except psycopg.Error:
            # The carrier keeps them and sends them again. Whether the commit took effect nobody knows; twice is harmless.
            self._acknowledge(receipts, inbound, stored=False)
            raise
        await self._rematch()

    def _ready(self) -> tuple[list[Receipt], list[Receipt]]:
        """The receipts to store now, and those that wait for their text's answer to be recorded."""
        if not self._unrecorded or self._is_closing:
            return self._receipts[:AT_ONCE], self._receipts[AT_ONCE:]
        ready = [receipt for receipt in self._receipts if receipt.carrier_id not in self._unrecorded]
        waiting = [receipt for receipt in self._receipts if receipt.carrier_id in self._unrecorded]
        return ready[:AT_ONCE], ready[AT_ONCE:] + waiting

    async def _store(self, receipts: Sequence[Receipt], inbound: Sequence[Inbound]) -> None:
        if not receipts and not inbound:
            return
        failpoint("receipts.before_store")
        early = await receipts_service.store_and_apply(
            self.session.connection, account_id=self.account_id, receipts=receipts, inbound=inbound, rings=self.rings
        )
        if early:
            self._early_until = max(self._early_until, time.monotonic() + REMATCH_FOR_S)
        failpoint("receipts.after_store")
        self._acknowledge(receipts, inbound, stored=True)
        failpoint("receipts.after_acknowledge")

    def _acknowledge(self, receipts: Sequence[Receipt], inbound: Sequence[Inbound], *, stored: bool) -> None:
        tokens = [receipt.token for receipt in receipts] + [message.token for message in inbound]
        if tokens and self.link_is_open:
            self.link.acknowledge(tokens, stored=stored)

    async def _rematch(self) -> None:
        """Early receipts find their message once its answer is recorded, here or by another bind."""
        now = time.monotonic()
        if now < self._early_until and now - self._rematched_at > REMATCH_S:
            self._rematched_at = now
            await self._rematch_those(within_s=2 * REMATCH_FOR_S)
        if now - self._rematched_all_at > REMATCH_ALL_S:
            self._rematched_all_at = now
            await self._rematch_those(within_s=ALL_S)

    async def _rematch_those(self, *, within_s: float) -> None:
        await receipts_service.rematch(
            self.session.connection, account_id=self.account_id, within_s=within_s, rings=self.rings
        )
