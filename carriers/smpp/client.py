"""Our end of a bind: submits in batches, answers and deliveries per tick, every submit accounted for."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

from carriers.smpp.constants import (
    BIND_RECEIVER_RESP,
    BIND_TRANSCEIVER_RESP,
    BIND_TRANSMITTER_RESP,
    DATA_SM,
    DATA_SM_RESP,
    DELIVER_SM,
    DELIVER_SM_RESP,
    ESME_RUNKNOWNERR,
    ESME_RX_T_APPN,
    GENERIC_NACK,
    RESPONSE,
    SUBMIT_SM_RESP,
    UNBIND,
    UNBIND_RESP,
)
from carriers.smpp.framing import Pdu
from carriers.smpp.pdus import Bind, encode_bind, encode_deliver_response, encode_header, response_identifier
from carriers.smpp.session import Session, Timers

MAX_UNACKNOWLEDGED: Final = 10_000
MAX_UNACKNOWLEDGED_OCTETS: Final = 16 * 1024 * 1024
_MAX_OVERDUE: Final = 10_000
_BIND_ANSWERS: Final = frozenset({BIND_RECEIVER_RESP, BIND_TRANSMITTER_RESP, BIND_TRANSCEIVER_RESP})


class BindRefused(Exception):
    """The SMSC answered the bind with a status other than zero."""

    def __init__(self, status: int) -> None:
        super().__init__(f"bind refused with 0x{status:08X}")
        self.status = status


class SessionEnded(Exception):
    """The connection is gone, or closing."""


class Answer(NamedTuple):
    """What became of one submit. ``status`` is ``None`` when no answer came in time: the outcome is unknown.

    A later answer to the same submit comes as a second Answer.
    """

    key: int
    status: int | None
    identifier: str


class Events(Protocol):
    """Who hears from a client session: on the loop, at most once per tick for each kind."""

    def on_answers(self, answers: list[Answer]) -> None: ...

    def on_deliveries(self, session: ClientSession, pdus: list[Pdu]) -> None:
        """deliver_sm and data_sm, each to be answered by ``session.acknowledge``."""

    def on_ended(self, session: ClientSession, reason: str) -> None:
        """Called exactly once."""


class ClientSession(Session):
    """A bind as transceiver, transmitter or receiver.

    ``is_taking`` says whether submits may go: not before the bind is answered, nor once either side wants to leave.
    """

    def __init__(self, *, events: Events, timers: Timers) -> None:
        super().__init__(timers=timers)
        self.is_taking = False
        self._events = events
        self._unanswered: dict[int, tuple[int, float]] = {}  # sequence: key and instant; oldest first
        self._unacknowledged: dict[tuple[int, int], int] = {}  # command and sequence: octets
        self._unacknowledged_octets = 0
        self._overdue: dict[int, int] = {}  # sequence: key, reported as unknown; an answer may still come
        self._answered_at = 0.0
        self._bind_sequence = 0
        self._bind_answer: asyncio.Future[Pdu] = self.loop.create_future()
        self._drained: asyncio.Future[None] | None = None
        self._unbound: asyncio.Future[None] = self.loop.create_future()

    @property
    def outstanding(self) -> int:
        return len(self._unanswered)

    async def bind(self, command: int, bind: Bind) -> None:
        """Raises ``BindRefused``, ``TimeoutError`` or ``SessionEnded``."""
        self._bind_sequence = self.next_sequence()
        self.write(encode_bind(command, self._bind_sequence, bind))
        async with asyncio.timeout(self.timers.connect_s):
            answer = await self._bind_answer
        if answer.status or answer.command != command | RESPONSE:
            raise BindRefused(answer.status)

    def submit(self, keys: Mapping[int, int], octets: bytes) -> None:
        """Send submit_sm PDUs in one write.

        ``keys`` maps their sequence numbers (of ``next_sequence``) to the caller's keys.
        Raises ``SessionEnded`` when nothing can be taken; then nothing has left.
        """
        if not self.is_taking:
            raise SessionEnded(self.close_reason or "not taking")
        now = self.now()
        for sequence, key in keys.items():
            self._unanswered[sequence] = (key, now)
        self.write(octets)

    def acknowledge(self, sequences: list[tuple[int, int]], *, status: int) -> None:
        """Answer deliveries, given as (command, sequence), in one write.

        After the end it does nothing: the SMSC will send them again.
        """
        for delivery in sequences:
            self._unacknowledged_octets -= self._unacknowledged.pop(delivery, 0)
        self.write(b"".join(_encode_acknowledgement(command, sequence, status) for command, sequence in sequences))

    async def finish(self, *, drain_s: float) -> None:
        """Take no more, wait for answers for ``drain_s`` at most, unbind, close."""
        self.is_taking = False
        if self._unanswered and self.is_open:
            self._drained = self.loop.create_future()
            await asyncio.wait({self._drained, self.closed}, timeout=drain_s, return_when=asyncio.FIRST_COMPLETED)
        if self.is_open:
            self.write(encode_header(UNBIND, self.next_sequence()))
            await asyncio.wait(
                {self._unbound, self.closed}, timeout=self.timers.unbind_s, return_when=asyncio.FIRST_COMPLETED
            )
        self.end("closed", flush=True)
        await self.closed

    # Session

    def handle(self, pdus: list[Pdu]) -> None:
        answers: list[Answer] = []
        deliveries: list[Pdu] = []
        replies: list[bytes] = []
        for pdu in pdus:
            command = pdu.command
            if command == SUBMIT_SM_RESP:
                self._take_answer(pdu, answers)
            elif command in {DELIVER_SM, DATA_SM}:
                deliveries.append(pdu)
            else:
                replies.append(self._handle_other(pdu, answers))
        if replies:
            self.write(b"".join(replies))
        if answers:
            self._answered_at = self.now()
            self._report(answers)
        if deliveries:
            self._deliver(deliveries)

    def watch(self, now: float) -> None:
        overdue_before = now - self.timers.answer_s
        expired: list[Answer] = []
        for sequence, (key, sent_at) in list(self._unanswered.items()):
            if sent_at > overdue_before:
                break
            if self._answered_at < sent_at:
                self.end("submits unanswered")
                return
            del self._unanswered[sequence]
            self._overdue[sequence] = key
            expired.append(Answer(key, None, ""))
        while len(self._overdue) > _MAX_OVERDUE:
            del self._overdue[next(iter(self._overdue))]
        if expired:
            self._report(expired)

    def peer_unbound(self) -> None:
        self.is_taking = False
        if not self._unanswered:
            self.end("peer unbound", flush=True)
        elif self.is_open:
            # Answers may still be under way.
            self.loop.call_later(self.timers.unbind_s, self.end, "peer unbound")

    def ended(self, reason: str) -> None:
        self.is_taking = False
        if not self._bind_answer.done():
            self._bind_answer.set_exception(SessionEnded(reason))
            self._bind_answer.exception()  # whoever waits has it; nobody needs a warning when nobody does
        self._events.on_ended(self, reason)

    def _take_answer(self, pdu: Pdu, answers: list[Answer]) -> None:
        waiting = self._unanswered.pop(pdu.sequence, None)
        if waiting is not None:
            key = waiting[0]
        elif pdu.sequence in self._overdue:
            key = self._overdue.pop(pdu.sequence)
        else:
            return  # an answer to nothing of ours
        if pdu.command == GENERIC_NACK:
            # Not understood, so not taken, whatever status the peer found fit.
            answers.append(Answer(key, pdu.status or ESME_RUNKNOWNERR, ""))
        else:
            answers.append(Answer(key, pdu.status, "" if pdu.status else response_identifier(pdu.octets)))

    def _handle_other(self, pdu: Pdu, answers: list[Answer]) -> bytes:
        if pdu.command in _BIND_ANSWERS or (pdu.command == GENERIC_NACK and pdu.sequence == self._bind_sequence):
            if not self._bind_answer.done():
                self.is_taking = pdu.status == 0 and pdu.command != GENERIC_NACK
                self._bind_answer.set_result(pdu)
            return b""
        if pdu.command == GENERIC_NACK:
            self._take_answer(pdu, answers)
            return b""
        if pdu.command == UNBIND_RESP and not self._unbound.done():
            self._unbound.set_result(None)
        if pdu.command == UNBIND:
            self.is_taking = False
        return self.housekeeping(pdu)

    def _report(self, answers: list[Answer]) -> None:
        self._events.on_answers(answers)
        if not self._unanswered and self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def _deliver(self, deliveries: list[Pdu]) -> None:
        count = self._take_room(deliveries)
        if count < len(deliveries):
            # Whoever stores them is behind: the SMSC keeps the rest and sends it again.
            refused = [(pdu.command, pdu.sequence) for pdu in deliveries[count:]]
            self.acknowledge(refused, status=ESME_RX_T_APPN)
        if count:
            self._events.on_deliveries(self, deliveries[:count])

    def _take_room(self, deliveries: list[Pdu]) -> int:
        """How many of these, from the first on, may wait for their acknowledgement."""
        waiting = self._unacknowledged
        for position, pdu in enumerate(deliveries):
            if len(waiting) >= MAX_UNACKNOWLEDGED or self._unacknowledged_octets >= MAX_UNACKNOWLEDGED_OCTETS:
                return position
            key = (pdu.command, pdu.sequence)
            size = len(pdu.octets)
            self._unacknowledged_octets += size - waiting.get(key, 0)
            waiting[key] = size
        return len(deliveries)


def _encode_acknowledgement(command: int, sequence: int, status: int) -> bytes:
    answer = DATA_SM_RESP if command == DATA_SM else DELIVER_SM_RESP
    return encode_deliver_response(sequence, status=status, command=answer)


async def connect(*, host: str, port: int, tls: ssl.SSLContext | None, events: Events, timers: Timers) -> ClientSession:
    """A connected session, not yet bound. Raises ``OSError`` (TLS included) or ``TimeoutError``."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(timers.connect_s):
        _transport, session = await loop.create_connection(
            lambda: ClientSession(events=events, timers=timers), host, port, ssl=tls
        )
    return session
