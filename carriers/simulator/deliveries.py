"""What the SMSC owes its customers: receipts and residents' texts, kept until they are acknowledged."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from carriers.simulator.journal import Journal
from carriers.smpp.framing import HEADER, HEADER_SIZE

_TICK_S: Final = 0.01  # receipts due within it leave together


@dataclass(slots=True, eq=False)
class Delivery:
    """One deliver_sm or data_sm to be acknowledged.

    ``encode`` gives command and body, and is called once, when it first leaves.
    """

    system_id: str
    kind: str  # "receipt" or "inbound", as in the journal
    identifier: str
    state: str
    encode: Callable[[float], tuple[int, bytes]]
    packed: tuple[int, bytes] | None = None
    tries: int = 0


class Receiver(Protocol):
    """A bound session that takes deliveries."""

    bind: int
    awaiting: dict[int, tuple[Delivery, float]]

    def has_room(self) -> bool: ...

    def next_sequence(self) -> int: ...

    def write(self, octets: bytes) -> None: ...


class Deliveries:
    """Waits until a delivery is due, finds a receiver of its system_id, and keeps it until that has answered."""

    def __init__(self, *, journal: Journal, receivers: Callable[[str], Iterable[Receiver]]) -> None:
        self.sent = 0
        self.acknowledged = 0
        self._loop = asyncio.get_running_loop()
        self._journal = journal
        self._receivers = receivers
        self._due: list[tuple[float, int, Delivery]] = []
        self._serial = 0
        self._ready: dict[str, deque[Delivery]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._is_kicked = False

    @property
    def waiting(self) -> int:
        """Deliveries not yet due, or without a receiver that takes them."""
        return len(self._due) + sum(map(len, self._ready.values()))

    def schedule(self, delivery: Delivery, *, after_s: float) -> None:
        if after_s <= 0:
            self._ready.setdefault(delivery.system_id, deque()).append(delivery)
            self.kick()
            return
        self._serial += 1
        heapq.heappush(self._due, (self._loop.time() + after_s, self._serial, delivery))
        if self._timer is None or self._due[0][1] == self._serial:
            self._arm()

    def give_back(self, deliveries: Iterable[Delivery]) -> None:
        """What a session had sent without an answer when it ended."""
        for delivery in deliveries:
            self._ready.setdefault(delivery.system_id, deque()).append(delivery)
        self.kick()

    def kick(self) -> None:
        """Send what can be sent, once the present tick is over."""
        if not self._is_kicked:
            self._is_kicked = True
            self._loop.call_soon(self._send_ready)

    def answered(self, receiver: Receiver, answers: Iterable[tuple[int, int]], *, redeliver_s: float) -> None:
        """The receiver's answers, as (sequence, status)."""
        for sequence, status in answers:
            entry = receiver.awaiting.pop(sequence, None)
            if entry is None:
                continue
            delivery = entry[0]
            self._journal.add(
                f"{delivery.kind}_ack",
                {"id": delivery.identifier, "state": delivery.state, "status": status, "bind": receiver.bind},
            )
            if status == 0:
                self.acknowledged += 1
            else:
                self.schedule(delivery, after_s=redeliver_s)
        if self._ready:
            self.kick()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._due[0][0] + _TICK_S, self._on_due) if self._due else None

    def _on_due(self) -> None:
        now = self._loop.time()
        due = self._due
        while due and due[0][0] <= now:
            delivery = heapq.heappop(due)[2]
            self._ready.setdefault(delivery.system_id, deque()).append(delivery)
        self._timer = None
        self._arm()
        self._send_ready()

    def _send_ready(self) -> None:
        self._is_kicked = False
        for system_id, queue in list(self._ready.items()):
            batches: dict[Receiver, list[bytes]] = {}
            self._fill(queue, list(self._receivers(system_id)), batches)
            self._journal.flush()
            for receiver, octets in batches.items():
                receiver.write(b"".join(octets))
            if not queue:
                del self._ready[system_id]

    def _fill(self, queue: deque[Delivery], receivers: list[Receiver], batches: dict[Receiver, list[bytes]]) -> None:
        """Hand out a queue by turns until it is empty or nobody has room."""
        now, wall = self._loop.time(), time.time()
        turn = 0
        while queue and receivers:
            receiver = receivers[turn % len(receivers)]
            if not receiver.has_room():
                receivers.remove(receiver)
                continue
            batches.setdefault(receiver, []).append(self._pack(queue.popleft(), receiver, now, wall))
            turn += 1

    def _pack(self, delivery: Delivery, receiver: Receiver, now: float, wall: float) -> bytes:
        if delivery.packed is None:
            delivery.packed = delivery.encode(wall)
        command, body = delivery.packed
        sequence = receiver.next_sequence()
        receiver.awaiting[sequence] = (delivery, now)
        delivery.tries += 1
        self.sent += 1
        self._journal.add(
            delivery.kind,
            {
                "id": delivery.identifier,
                "state": delivery.state,
                "bind": receiver.bind,
                "seq": sequence,
                "try": delivery.tries,
            },
        )
        return HEADER.pack(HEADER_SIZE + len(body), command, 0, sequence) + body
