"""The pump: one bind's loop from the database to the carrier and back.

Each turn commits one window (``windows.commit``): the answers that came and the intent for what leaves next. At most 2 W
parts are intended at a time, W of them unanswered, so a crash leaves at most 2 W unknown.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import psycopg
import structlog

from carriers.base import Inbound, Link, Outcome, Receipt, SubmitResult
from carriers.errors import CarrierError
from dispatch.models import Policy
from dispatch.pacing import Pacer
from dispatch.services.sending import claims, quota, windows
from dispatch.services.sending.claims import Holder, Rings
from dispatch.services.sending.database import Session
from dispatch.services.sending.parts import ClaimedBatch, Part, fitted
from dispatch.services.sending.receiving import LINGER_MOST_S, LINGER_S, ReceiptDesk
from dispatch.services.sending.windows import Answered, Window
from tenants.failpoints import failpoint

log = structlog.get_logger()

LOOK_S: Final = 1.0  # the pump looks for itself, whatever the broker does
URGENT_LOOK_S: Final = 0.25
RENEW_S: Final = 1.0
INTENT_S: Final = 0.5  # of the account's pace, so that an urgent text need not wait for more
DRAIN_S: Final = 30.0
RETRY: Final = frozenset({Outcome.RETRY, Outcome.THROTTLED})


class Pump:
    """Feeds one open link. ``run`` returns when the link has closed or ``stop`` was called and everything is recorded."""

    def __init__(
        self,
        *,
        link: Link,
        session: Session,
        desk: ReceiptDesk,
        holder: Holder,
        rings: Rings,
        pacer: Pacer,
        window: int,
    ) -> None:
        self.link = link
        self.session = session
        self.desk = desk
        self.holder = holder
        self.rings = rings
        self.pacer = pacer
        self.window = window
        self.closed_reason: str | None = None
        self.is_stopping = False
        self._batches: list[ClaimedBatch] = []
        self._intended: deque[Part] = deque()  # committed, not yet written
        self._outstanding: dict[int, Part] = {}  # written, not yet answered
        self._overdue: dict[int, Part] = {}  # given up as unknown; a late answer is still a fact
        self._answers: list[Answered] = []
        self._wake = asyncio.Event()
        self._has_work = True
        self._looked_at = 0.0
        self._looked_for_urgent_at = 0.0
        self._renewed_at = 0.0
        self._pending_since: float | None = None  # answers wait to be recorded
        self._answered_at = 0.0

    # carriers.base.Listener: called on the loop, never blocks

    def on_results(self, results: Sequence[SubmitResult]) -> None:
        self._take_results(results, datetime.now(UTC))
        self._write()
        self._answered_at = time.monotonic()
        if self._pending_since is None:
            self._pending_since = self._answered_at
            self._wake.set()
        elif self._is_full_turn:
            self._wake.set()

    def on_receipts(self, receipts: Sequence[Receipt]) -> None:
        self.desk.take_receipts(receipts)

    def on_inbound(self, messages: Sequence[Inbound]) -> None:
        self.desk.take_inbound(messages)

    def on_closed(self, reason: str) -> None:
        self.closed_reason = reason
        self.desk.link_is_open = False
        self._wake.set()

    def wake(self) -> None:
        """There may be a new batch."""
        self._has_work = True
        self._looked_at = self._looked_for_urgent_at = 0.0
        self._wake.set()
        self.desk.wake()

    def stop(self) -> None:
        """Take nothing more; let outstanding answers come, record them, give the batches back."""
        self.is_stopping = True
        self._wake.set()

    @property
    def outstanding(self) -> int:
        return len(self._outstanding)

    async def run(self) -> None:
        """Returns when the link has closed, or after ``stop`` when everything in the air is answered and recorded."""
        desk = asyncio.create_task(self.desk.run())
        desk.add_done_callback(lambda _: self.stop())  # a desk that fails ends the bind, and a fresh one is made
        try:
            await self._run_turns()
            await self.session.persistently(self._finish)
        finally:
            self.desk.close()
            await desk

    async def _run_turns(self) -> None:
        deadline: float | None = None
        while self.closed_reason is None:
            if self.is_stopping:
                deadline = deadline or time.monotonic() + DRAIN_S
                if not self._outstanding or time.monotonic() > deadline:
                    return
            await self._rest()
            await self.session.persistently(self._turn)

    async def _turn(self) -> None:
        """Raises ``psycopg.Error`` with nothing forgotten: the next turn writes it again."""
        self._pending_since = None
        await self._commit_window()
        await self._top_up()
        self._write()
        await self._claim()  # while the carrier has a window to answer
        await self._release()

    async def _rest(self) -> None:
        """Wait until there is reason for a turn: enough answers, room for intents, receipts, or the time to look."""
        while (wait_s := self._seconds_to_next_turn()) > 0:
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), wait_s)
            await self.session.persistently(self._top_up)
            self._write()

    def _seconds_to_next_turn(self) -> float:
        now = time.monotonic()
        if self.closed_reason is not None or (self.is_stopping and not self._outstanding) or self._is_full_turn:
            return 0.0
        if self._may_intend() and (self._has_waiting or self._has_work):
            return 0.0
        waits = [self._look_at - now]
        if self._batches:
            waits.append(self._renewed_at + RENEW_S - now)
        if self._pending_since is not None:
            waits.append(min(self._answered_at + LINGER_S, self._pending_since + LINGER_MOST_S) - now)
        if self._intended and len(self._outstanding) < self.window:
            waits.append(max(0.001, self.pacer.wait_s(now)))
            return max(0.001, min(waits))
        return min(waits)

    @property
    def _is_full_turn(self) -> bool:
        """Enough has come that waiting for company would only delay it."""
        return len(self._answers) >= max(1, self.window // 2)

    @property
    def _has_waiting(self) -> bool:
        return any(batch.may_send for batch in self._batches)

    @property
    def _is_supplied(self) -> bool:
        """Whether the batches in hand last for another window."""
        return sum(len(batch.waiting) for batch in self._batches if batch.may_send) >= self.window

    @property
    def _look_at(self) -> float:
        """When to look for another batch, whatever the broker does."""
        return self._looked_for_urgent_at + URGENT_LOOK_S if self._is_supplied else self._looked_at + LOOK_S

    @property
    def _room(self) -> int:
        """Parts that may be intended. The answers in hand leave ``in_flight`` in the transaction that brings these into it."""
        return min(self.window, 2 * self.window - len(self._intended) - len(self._outstanding))

    def _may_intend(self) -> bool:
        """At least half a window of room, so that intents are committed in company."""
        return not self.is_stopping and self._room >= max(1, self.window // 2) and not self._intended

    async def _claim(self) -> None:
        """Take the best due batch when the ones in hand run out, or when a more urgent one is due."""
        if self.is_stopping or self.closed_reason is not None:
            return
        now = time.monotonic()
        if self._is_supplied:
            if now >= self._look_at:
                # Finding none says nothing about the others: they are looked for when what is in hand runs out.
                self._looked_for_urgent_at = now
                await self._claimed(floor=1 + max(batch.priority for batch in self._batches if batch.may_send))
        elif self._has_work or now >= self._look_at:
            self._looked_at = now
            self._has_work = await self._claimed(floor=0)

    async def _claimed(self, *, floor: int) -> bool:
        batch = await claims.claim(self.session.connection, self.holder, self.rings, floor=floor)
        if batch is None:
            return False
        failpoint("pump.claimed")
        self._batches.append(batch)
        return True

    async def _top_up(self) -> None:
        if self._intended and not self.is_stopping:
            await quota.top_up(self.session.connection, self.pacer, account_id=self.holder.account_id)

    async def _commit_window(self) -> None:
        answers, self._answers = self._answers, []
        intents = self._choose()
        touched = {part.text.batch for part in intents} | {answered.part.text.batch for answered in answers}
        now = time.monotonic()
        if now - self._renewed_at > RENEW_S:
            touched |= set(self._batches)
            self._renewed_at = now
        if not touched:
            return
        for part in intents:
            part.text.batch.intended.add(part.slot)
        for answered in answers:
            answered.part.text.batch.answered(answered.part.slot, answered.result.outcome)
        failpoint("pump.before_intent" if intents else "pump.before_answers")
        window = Window(answers=answers, batches=[batch for batch in self._batches if batch in touched])
        try:
            await windows.commit(self.session.connection, window, account_id=self.holder.account_id)
        except psycopg.Error:
            self._undo(answers, intents)
            raise
        failpoint("pump.after_intent" if intents else "pump.after_answers")
        self._intended.extend(intents)
        self._give_back(answers)
        self.desk.recorded(answered.result.carrier_id for answered in answers)
        for batch in window.batches:
            if batch.is_lost or batch.stop is not None:
                self._withdraw(batch)

    def _undo(self, answers: list[Answered], intents: Sequence[Part]) -> None:
        """Nobody knows whether the commit took effect; writing the same again is harmless."""
        self._answers = answers + self._answers
        for answered in answers:
            answered.part.text.batch.intended.add(answered.part.slot)
        for part in reversed(intents):
            if part.slot not in part.text.batch.left_open:
                part.text.batch.intended.discard(part.slot)
            part.text.batch.waiting.appendleft(part)

    def _choose(self) -> list[Part]:
        """The next parts to intend: by priority, then the batch claimed first."""
        if not self._may_intend() or self.closed_reason is not None:
            return []
        room = self._room
        if self.pacer.limit is not None:
            room = min(room, max(1, int(self.pacer.limit * INTENT_S)))
        chosen: list[Part] = []
        for batch in sorted(self._batches, key=lambda batch: -batch.priority):
            while len(chosen) < room and batch.may_send:
                chosen.append(batch.waiting.popleft())
        return chosen

    def _give_back(self, answers: Sequence[Answered]) -> None:
        """Parts that the carrier definitely did not take wait again, and need an intent of their own."""
        for answered in reversed(answers):
            if answered.result.outcome in RETRY:
                answered.part.text.batch.waiting.appendleft(answered.part)

    def _write(self) -> None:
        """Hand committed intents to the carrier, as far as window and pace allow."""
        if self.closed_reason is not None or not self._intended or self.is_stopping:
            return
        room = min(len(self._intended), self.window - len(self._outstanding))
        room = self.pacer.allow(room, time.monotonic()) if room > 0 else 0
        if room <= 0:
            return
        parts = [self._intended.popleft() for _ in range(room)]
        for part in parts:
            self._outstanding[part.key] = part
        try:
            self.link.submit([part.outgoing() for part in parts])
        except CarrierError as exc:  # nothing has left; the link's end follows
            log.warning("pump.not_written", account_id=self.holder.account_id, error=type(exc).__name__)
            for part in reversed(parts):
                self._outstanding.pop(part.key, None)
                self._intended.appendleft(part)
            return
        failpoint("pump.after_write")

    def _take_results(self, results: Sequence[SubmitResult], at: datetime) -> None:
        for result in results:
            part = self._outstanding.pop(result.key, None) or self._overdue.pop(result.key, None)
            if part is None:
                log.error("pump.answer_without_part", account_id=self.holder.account_id)
                continue
            self.pacer.answered(throttled=result.outcome in RETRY, now=time.monotonic())
            self._answer(part, fitted(result), at)

    def _answer(self, part: Part, result: SubmitResult, at: datetime) -> None:
        batch = part.text.batch
        if result.outcome is Outcome.UNKNOWN:
            self._overdue[part.key] = part
        if result.outcome is Outcome.UNKNOWN and batch.policy == Policy.RESEND:
            batch.left_open.add(part.slot)
        else:
            self._answers.append(Answered(part, result, at))
            if result.carrier_id:
                self.desk.expect(result.carrier_id)

    async def _release(self) -> None:
        for batch in [batch for batch in self._batches if batch.is_lost or batch.is_spent]:
            await claims.release(self.session.connection, batch)
            self._batches.remove(batch)

    def _withdraw(self, batch: ClaimedBatch) -> None:
        """Intended and never written: nothing left, so the intent is taken back."""
        mine = [part for part in self._intended if part.text.batch is batch]
        for part in reversed(mine):
            self._intended.remove(part)
            if part.slot not in batch.left_open:
                batch.intended.discard(part.slot)
            batch.waiting.appendleft(part)

    async def _finish(self) -> None:
        """After the end: what was written and not answered is unknown, what was never written waits again."""
        for batch in self._batches:
            self._withdraw(batch)
        now = datetime.now(UTC)
        for part in self._outstanding.values():
            self._answer(part, SubmitResult(part.key, Outcome.UNKNOWN, code="closed"), now)
        self._outstanding.clear()
        await self._turn()
        for batch in self._batches:
            await claims.release(self.session.connection, batch)
        self._batches.clear()
