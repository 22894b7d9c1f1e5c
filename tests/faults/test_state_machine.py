"""Claim, intend, send, crash, answer, receipt, cut, expiry, cancel and resend in every order that Hypothesis thinks of.

The engine's own functions work on the real database; only the carrier is a model, which takes every part that reaches it
and remembers. What must hold stands in the ``check_*`` below: one end for each row, at most once
with the carrier under ``hold``, an end that does not depend on the order of receipts, and few unknowns.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from carriers.base import Outcome, Receipt, ReceiptStatus, SubmitResult
from dispatch.models import Batch, BatchState, Message, Policy
from dispatch.services import receipts
from dispatch.services.decisions import send_again, take_as_sent
from dispatch.services.sending import claims, windows
from dispatch.services.sending.claims import Holder, Rings
from dispatch.services.sending.database import Connection, connect
from dispatch.services.sending.parts import REFERENCES, ClaimedBatch, Part, slot_of
from dispatch.services.sending.windows import Answered, Window
from dispatch.states import FINAL, Status
from tests.conftest import Cast, empty_tables
from tests.faults.arranging import numbers
from tests.faults.harness import W
from tests.smsc import make_account, make_batch, states, tallied

TEXTS = 12
RANK = {
    ReceiptStatus.EXPIRED: Status.EXPIRED,
    ReceiptStatus.UNDELIVERED: Status.UNDELIVERED,
    ReceiptStatus.REJECTED: Status.REJECTED,
    ReceiptStatus.DELIVERED: Status.DELIVERED,
}
STATUSES = st.sampled_from(list(RANK))
STEPS = st.sampled_from(["go on", "claim", "intend", "send", "answer", "go on", "crash", "cut", "finish"])
WORKERS = st.sampled_from([0, 1])
FATES = st.lists(
    st.sampled_from(["taken", "taken", "taken", "throttled", "refused", "vanishes"]), min_size=W, max_size=W
)


@dataclass(slots=True)
class Taken:
    """A part that the carrier took, the receipts that it will send, and those that it sent."""

    message_id: int
    to: str
    carrier_id: str
    fate: list[ReceiptStatus]
    told: list[ReceiptStatus] = field(default_factory=list)


@dataclass(slots=True)
class Worker:
    """What a carrier worker keeps in memory, and loses when it dies."""

    batch: ClaimedBatch | None = None
    intended: list[Part] = field(default_factory=list)
    written: list[Part] = field(default_factory=list)
    answers: list[tuple[Part, SubmitResult]] = field(default_factory=list)  # under way from the carrier


class Engine(RuleBasedStateMachine):
    """One account, one batch, two workers that may die, and a carrier that never forgets."""

    cast: Cast
    loop: asyncio.AbstractEventLoop
    connection: Connection

    def __init__(self) -> None:
        super().__init__()
        self.workers = [Worker(), Worker()]
        self.taken: list[Taken] = []
        self.chances: Counter[int] = Counter()  # times that a text may be with the carrier
        self.rings = Rings()
        self.serial = 0
        self.uncertain: set[int] = set()  # texts whose worker died or whose link was cut after the intent

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    @initialize(policy=st.sampled_from(list(Policy)))
    def arrange(self, policy: Policy) -> None:
        empty_tables("dispatch", "carriers")
        self.policy = policy
        self.account = make_account(2775)
        self.batch = make_batch(self.cast, self.account, numbers(TEXTS), policy=policy)
        with self.cast.scope():
            self.numbers = dict(
                zip(Message.objects.order_by("seq").values_list("pk", flat=True), numbers(TEXTS), strict=True)
            )
        self.chances.update(dict.fromkeys(self.numbers, 2 if policy == Policy.RESEND else 1))

    # The worker

    @rule(who=WORKERS, what=STEPS, most=st.integers(1, W), fates=FATES)
    def work(self, who: int, what: str, most: int, fates: list[str]) -> None:
        """One rule for all that happens to a worker: Hypothesis leaves whole rules out of an example."""
        steps: dict[str, Callable[[], None]] = {
            "claim": lambda: self.claim(who),
            "intend": lambda: self.intend(who, most),
            "send": lambda: self.send(who, fates),
            "answer": lambda: self.answer(who, most),
            "go on": lambda: self.go_on(who, most, W - most, fates),
            "cut": lambda: self.cut(who),
            "crash": lambda: self.crash(who),
            "finish": lambda: self.finish(who),
        }
        steps[what]()

    def claim(self, who: int) -> None:
        worker = self.workers[who]
        if worker.batch is None:
            holder = Holder(self.account.pk, f"worker {who}")
            worker.batch = self.run(claims.claim(self.connection, holder, self.rings))

    def intend(self, who: int, most: int) -> None:
        worker = self.workers[who]
        batch = worker.batch
        if batch is None or worker.intended:
            return
        room = 2 * W - len(batch.intended)
        while batch.may_send and len(worker.intended) < min(most, room):
            worker.intended.append(batch.waiting.popleft())
        batch.intended |= {part.slot for part in worker.intended}
        self.commit(worker, [])

    def send(self, who: int, fates: list[str]) -> None:
        """What was intended leaves; the carrier takes it, or not. What vanishes never arrives."""
        worker = self.workers[who]
        for part, fate in zip(worker.intended, fates, strict=False):
            worker.written.append(part)
            if fate == "taken":
                self.take(worker, part)
            elif fate != "vanishes":
                outcome = Outcome.THROTTLED if fate == "throttled" else Outcome.FINAL
                worker.answers.append((part, SubmitResult(part.key, outcome, code="0x1", reason="refused")))
        worker.intended = []

    def take(self, worker: Worker, part: Part) -> None:
        self.serial += 1
        draw = random.Random(self.serial)
        fate = draw.sample(list(RANK), draw.randint(1, 2))
        message_id = part.text.message_id
        self.taken.append(Taken(message_id, part.text.to, f"id{self.serial}", fate))
        worker.answers.append((part, SubmitResult(part.key, Outcome.ACCEPTED, f"id{self.serial}")))

    def go_on(self, who: int, most: int, answered: int, fates: list[str]) -> None:
        """A whole turn, as a worker does it that nothing happens to."""
        self.claim(who)
        self.intend(who, most)
        self.send(who, fates)
        self.answer(who, answered)

    def answer(self, who: int, most: int) -> None:
        worker = self.workers[who]
        arrived, worker.answers = worker.answers[:most], worker.answers[most:]
        self.record(worker, arrived)

    def cut(self, who: int) -> None:
        """The connection is gone: what is unanswered is unknown, what was never written waits again."""
        worker = self.workers[who]
        if worker.batch is None:
            return
        self.withdraw(worker)
        self.uncertain |= {part.text.message_id for part in worker.written}
        worker.answers = []
        lost = [(part, SubmitResult(part.key, Outcome.UNKNOWN, code="closed")) for part in worker.written]
        if self.policy == Policy.RESEND:
            worker.batch.left_open |= {part.slot for part, _ in lost}
            worker.written = []
            self.commit(worker, [])
        else:
            self.record(worker, lost)
        if worker.batch is not None:
            self.release(worker)

    def crash(self, who: int) -> None:
        self.note_in_flight()
        self.workers[who] = Worker()

    def note_in_flight(self) -> None:
        """What is committed as intended may be unknown from now on, even if it was taken back before it was written."""
        with self.cast.scope():
            in_flight = dict(Batch.objects.values_list("pk", "in_flight"))
            rows = Message.objects.values_list("pk", "batch_id", "seq")
            self.uncertain |= {pk for pk, batch, seq in rows if slot_of(seq, 1) in in_flight[batch]}

    def finish(self, who: int) -> None:
        worker = self.workers[who]
        if worker.batch is not None and not worker.written and not worker.intended:
            self.release(worker)

    @rule()
    def leases_expire(self) -> None:
        """Whoever holds the batch may be dead, or only slow: it does not know yet."""
        self.note_in_flight()
        with self.cast.scope():
            Batch.objects.filter(state=BatchState.CLAIMED).update(lease_until="2022-01-01T00:00:00Z")

    def record(self, worker: Worker, arrived: list[tuple[Part, SubmitResult]]) -> None:
        if worker.batch is None or not arrived:
            return
        for part, _ in arrived:
            worker.written.remove(part)
            part.text.batch.intended.discard(part.slot)
        self.commit(worker, arrived)

    def commit(self, worker: Worker, arrived: list[tuple[Part, SubmitResult]]) -> None:
        batch = worker.batch
        assert batch is not None
        answers = [Answered(part, result, datetime.now(UTC)) for part, result in arrived]
        self.run(windows.commit(self.connection, Window(answers, [batch]), account_id=self.account.pk))
        for part, result in arrived:
            if result.outcome is Outcome.THROTTLED:
                batch.waiting.appendleft(part)
        if batch.is_lost or batch.stop is not None:
            self.withdraw(worker)
        if batch.is_lost and not worker.written:
            worker.batch = None

    def withdraw(self, worker: Worker) -> None:
        for part in reversed(worker.intended):
            part.text.batch.intended.discard(part.slot)
            part.text.batch.waiting.appendleft(part)
        worker.intended = []

    def release(self, worker: Worker) -> None:
        assert worker.batch is not None
        self.run(claims.release(self.connection, worker.batch))
        worker.batch = None

    # The carrier's receipts

    @precondition(lambda self: any(set(taken.fate) - set(taken.told) for taken in self.taken))
    @rule(data=st.data(), times=st.integers(1, 3))
    def tell(self, data: st.DataObject, times: int) -> None:
        """A receipt, early or late, once or several times."""
        taken = data.draw(st.sampled_from([taken for taken in self.taken if set(taken.fate) - set(taken.told)]))
        status = data.draw(st.sampled_from(sorted(set(taken.fate) - set(taken.told), key=list(RANK).index)))
        self.tell_of(taken, status, times)

    def tell_of(self, taken: Taken, status: ReceiptStatus, times: int = 1) -> None:
        receipt = Receipt(taken.carrier_id, status, "", "", taken.to, None, taken.message_id % REFERENCES, b"")
        self.run(
            receipts.store_and_apply(
                self.connection, account_id=self.account.pk, receipts=[receipt] * times, inbound=[], rings=self.rings
            )
        )
        taken.told.append(status)

    @rule()
    def rematch(self) -> None:
        self.run(receipts.rematch(self.connection, account_id=self.account.pk, within_s=600, rings=self.rings))

    # People

    @rule(really=st.integers(0, 7))
    def cancel(self, really: int) -> None:
        """Rarely: it ends the example's sending."""
        if really:
            return
        with self.cast.scope():
            Batch.objects.filter(pk=self.batch.pk, state=BatchState.CLAIMED).update(stop=BatchState.CANCELLED)

    @rule(again=st.booleans())
    def decide(self, again: bool) -> None:
        """A person settles an unknown text."""
        with self.cast.scope():
            message = Message.objects.filter(state=Status.UNKNOWN).order_by("pk").first()
            if message is None:
                return
            if again:
                send_again(message=message, by=self.cast.admin, now=timezone.now())
                self.chances[message.pk] += 1
            else:
                take_as_sent(message=message, by=self.cast.admin, now=timezone.now())

    # What must hold

    @invariant()
    def check_sums(self) -> None:
        if hasattr(self, "batch"):
            assert tallied(self.cast) == states(self.cast)

    @invariant()
    def check_at_most_once(self) -> None:
        for message_id, times in Counter(taken.message_id for taken in self.taken).items():
            assert times <= self.chances[message_id], f"text {message_id} is {times} times with the carrier"

    @invariant()
    def check_taken_is_known_or_in_flight(self) -> None:
        """What the carrier has and nobody recorded stands in ``in_flight``: it can't be sent again by mistake."""
        if not hasattr(self, "batch") or self.policy == Policy.RESEND:
            return
        with self.cast.scope():
            in_flight = dict(Batch.objects.values_list("pk", "in_flight"))
            rows = Message.objects.filter(tries=0).values_list("pk", "state", "batch_id", "seq")
            state_of = {pk: (Status(state), slot_of(seq, 1) in in_flight[batch]) for pk, state, batch, seq in rows}
        for taken in self.taken:
            state, is_in_flight = state_of.get(taken.message_id, (Status.ACCEPTED, False))
            assert is_in_flight or state not in {Status.QUEUED, Status.CANCELLED, Status.FAILED}

    @invariant()
    def check_unknown_is_bounded(self) -> None:
        if hasattr(self, "batch"):
            with self.cast.scope():
                unknown = set(Message.objects.filter(state=Status.UNKNOWN).values_list("pk", flat=True))
            assert unknown <= self.uncertain

    def teardown(self) -> None:
        """Everything goes well from here on: each text comes to one end, whatever happened before."""
        if not hasattr(self, "batch"):
            return
        for who in (0, 1):
            self.crash(who)
        for _ in range(20):
            self.leases_expire()
            self.claim(0)
            if self.workers[0].batch is None:
                break
            self.intend(0, W)
            while self.workers[0].intended:
                self.send(0, ["taken"] * W)
                self.answer(0, W)
                self.intend(0, W)
            self.finish(0)
        draw = random.Random(self.serial)
        owed = [(taken, status) for taken in self.taken for status in taken.fate if status not in taken.told]
        for taken, status in draw.sample(owed, len(owed)):
            self.tell_of(taken, status)
        self.rematch()
        self.check_sums()
        self.check_at_most_once()
        self.check_ends()

    def check_ends(self) -> None:
        fates: dict[int, list[Status]] = defaultdict(list)
        for taken in self.taken:
            fates[taken.message_id].append(max(RANK[status] for status in taken.fate))
        with self.cast.scope():
            found = {pk: Status(state) for pk, state in Message.objects.values_list("pk", "state")}
            # Three holders died over it without sending anything: operators look at it, and nobody forgets its texts.
            set_aside = set(Message.objects.filter(batch__state=BatchState.STUCK).values_list("pk", flat=True))
        for message_id, state in found.items():
            ends = fates[message_id]
            if message_id in set_aside and state is Status.QUEUED:
                assert not ends or self.chances[message_id] > 1
            elif not ends:
                assert state in {Status.CANCELLED, Status.FAILED, Status.UNKNOWN, Status.ACCEPTED}
            elif len(ends) == 1 and self.chances[message_id] == 1:
                assert state is ends[0], f"text {message_id} ended as {state.word}, the carrier says {ends[0].word}"
            else:
                assert state in {*ends, Status.ACCEPTED, Status.UNKNOWN} & {*FINAL, Status.ACCEPTED, Status.UNKNOWN}


class TestEngine:
    def test_holds_its_promises_in_any_order_of_events(self, acme: Cast, committed: None) -> None:
        """The same few orders in each run."""
        run_engine(acme, settings(max_examples=20, stateful_step_count=25, derandomize=True, phases=[Phase.generate]))

    @pytest.mark.faults
    @pytest.mark.timeout(900)
    def test_holds_them_in_many_others(self, acme: Cast, committed: None) -> None:
        run_engine(acme, settings(max_examples=120, stateful_step_count=40, database=None))


def run_engine(cast: Cast, chosen: settings) -> None:
    loop = asyncio.new_event_loop()
    connection = loop.run_until_complete(connect())

    class OfThisTest(Engine):
        """Hypothesis makes the machine itself, without arguments."""

    OfThisTest.cast, OfThisTest.loop, OfThisTest.connection = cast, loop, connection
    try:
        run_state_machine_as_test(
            OfThisTest, settings=settings(chosen, deadline=None, suppress_health_check=list(HealthCheck))
        )
    finally:
        loop.run_until_complete(connection.close())
        loop.close()
