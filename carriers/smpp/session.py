"""What both ends of an SMPP connection do alike: framing, signs of life, back-pressure, one end.

A session never queues without a limit and never waits without one: a peer that hangs, that never reads, or that sends
garbage costs the connection and nothing else.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final, cast

from carriers.smpp.constants import (
    ALERT_NOTIFICATION,
    ENQUIRE_LINK,
    ENQUIRE_LINK_RESP,
    ESME_RINVCMDID,
    ESME_RINVCMDLEN,
    RESPONSE,
    UNBIND,
    UNBIND_RESP,
)
from carriers.smpp.framing import MAX_SEQUENCE, Framer, Pdu
from carriers.smpp.pdus import encode_header, encode_nack
from carriers.tls import certificate_trouble

MAX_UNSENT: Final = 8 * 1024 * 1024  # octets that a peer may leave unread


@dataclass(frozen=True, slots=True)
class Timers:
    """When a session speaks up, and when it gives up. All in seconds."""

    enquire_link_s: float = 15.0  # between two enquire_link of ours
    enquire_answer_s: float = 10.0  # an enquire_link unanswered for so long ends the session
    answer_s: float = 30.0  # a submit_sm unanswered for so long has an unknown outcome
    connect_s: float = 10.0  # for connecting and TLS, and again for the answer to the bind
    unbind_s: float = 2.0  # for the answer to unbind

    @property
    def watch_s(self) -> float:
        return min(1.0, self.enquire_link_s / 4, self.enquire_answer_s / 4, self.answer_s / 4)


class Session(asyncio.Protocol):
    """One SMPP connection. Subclasses say what a PDU means (``handle``) and what its end does (``ended``)."""

    def __init__(self, *, timers: Timers) -> None:
        self.timers = timers
        self.loop = asyncio.get_running_loop()
        self.close_reason = ""
        self.close_cause: Exception | None = None  # what the transport met, where that ended it
        self.closed: asyncio.Future[None] = self.loop.create_future()
        self.is_blocked = False  # the peer does not read: our buffer is full
        self._transport: asyncio.Transport | None = None
        self._framer = Framer()
        self._sequence = 0
        self._watch: asyncio.TimerHandle | None = None
        self._watched_at = 0.0
        self._enquired_at = 0.0
        self._enquired: int | None = None
        self._stalled_s = 0.0

    # What subclasses fill in.

    def handle(self, pdus: list[Pdu]) -> None:
        """What one tick brought, in order. Called on the loop; housekeeping PDUs come too (see ``housekeeping``)."""
        raise NotImplementedError

    def ended(self, reason: str) -> None:
        """The connection is gone. Called exactly once."""
        raise NotImplementedError

    def watch(self, now: float) -> None:
        """Called every ``timers.watch_s`` seconds beside the session's own checks."""

    def peer_unbound(self) -> None:
        """The peer sent unbind and has been answered."""
        self.end("peer unbound")

    # What subclasses use.

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self.close_reason

    def now(self) -> float:
        """The session's clock: it stands still while our own event loop does.

        Else a loop that was held up (a suspended process, a long commit) would blame the peer for its own silence.
        """
        return self.loop.time() - self._stalled_s

    def next_sequence(self) -> int:
        self._sequence = self._sequence + 1 if self._sequence < MAX_SEQUENCE else 1
        return self._sequence

    def write(self, octets: bytes) -> None:
        """Hand octets to the transport; what comes after the end is dropped.

        Reading never pauses while writing is blocked: two peers that both did would wait for one another for ever.
        What a peer that does not read can pile up here is bounded instead, and ``enquire_link`` finds it out.
        """
        transport = self._transport
        if transport is None or self.close_reason or not octets:
            return
        transport.write(octets)
        if self.is_blocked and transport.get_write_buffer_size() > MAX_UNSENT:
            self.end("peer does not read")

    def housekeeping(self, pdu: Pdu) -> bytes:
        """Deal with a PDU that is no message. The octets to answer with, which may be none."""
        command = pdu.command
        if command == ENQUIRE_LINK:
            return encode_header(ENQUIRE_LINK_RESP, pdu.sequence)
        if command == ENQUIRE_LINK_RESP:
            if pdu.sequence == self._enquired:
                self._enquired = None
            return b""
        if command == UNBIND:
            self.loop.call_soon(self.peer_unbound)
            return encode_header(UNBIND_RESP, pdu.sequence)
        if command & RESPONSE or command == ALERT_NOTIFICATION:
            return b""  # an answer to nothing of ours, or a notice that takes no answer (§4.12)
        return encode_nack(ESME_RINVCMDID, pdu.sequence)

    def end(self, reason: str, *, flush: bool = False) -> None:
        """Close the connection. ``flush`` lets what is written leave first, unless the peer does not read."""
        if self.close_reason:
            return
        self.close_reason = reason
        transport = self._transport
        if transport is None:
            return
        if flush and not self.is_blocked:
            transport.close()
            self.loop.call_later(self.timers.unbind_s, transport.abort)
        else:
            transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._watched_at = self._enquired_at = self.loop.time()
        self._watch = self.loop.call_later(self.timers.watch_s, self._on_watch)

    def data_received(self, data: bytes) -> None:
        if self.close_reason:
            return
        pdus = self._framer.feed(data)
        if pdus:
            self.handle(pdus)
        if self._framer.error is not None:
            self.write(encode_nack(ESME_RINVCMDLEN, 0))
            self.end(f"garbage: {self._framer.error}", flush=True)

    def pause_writing(self) -> None:
        self.is_blocked = True

    def resume_writing(self) -> None:
        self.is_blocked = False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
        if not self.close_reason:
            self.close_cause = exc
            self.close_reason = certificate_trouble(exc) or (type(exc).__name__ if exc else "peer closed")
        self._transport = None
        self.ended(self.close_reason)
        if not self.closed.done():
            self.closed.set_result(None)

    # Signs of life

    def _on_watch(self) -> None:
        late_s = self.loop.time() - self._watched_at - self.timers.watch_s
        self._watched_at = self.loop.time()
        if late_s > self.timers.watch_s:
            self._stalled_s += late_s
        now = self.now()
        if self._enquired is not None and now - self._enquired_at > self.timers.enquire_answer_s:
            self.end("enquire_link unanswered")
            return
        if self._enquired is None and now - self._enquired_at >= self.timers.enquire_link_s:
            self._enquired = self.next_sequence()
            self._enquired_at = now
            self.write(encode_header(ENQUIRE_LINK, self._enquired))
        self.watch(now)
        if not self.close_reason:
            self._watch = self.loop.call_later(self.timers.watch_s, self._on_watch)
