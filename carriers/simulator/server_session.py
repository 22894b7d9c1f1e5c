"""The SMSC's end of one connection."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from carriers.simulator.deliveries import Delivery
from carriers.smpp.constants import (
    BIND_RECEIVER,
    BIND_TRANSCEIVER,
    BIND_TRANSMITTER,
    DATA_SM_RESP,
    DELIVER_SM_RESP,
    ESME_RALYBND,
    ESME_RINVBNDSTS,
    ESME_RINVMSGLEN,
    ESME_RTHROTTLED,
    GENERIC_NACK,
    RESPONSE,
    SUBMIT_SM,
    SUBMIT_SM_RESP,
)
from carriers.smpp.framing import Pdu
from carriers.smpp.pdus import MalformedBody, encode_response, parse_bind, parse_short_message
from carriers.smpp.session import Session, Timers

if TYPE_CHECKING:
    from carriers.simulator.smsc import Smsc

_MODES = {BIND_RECEIVER: "receiver", BIND_TRANSMITTER: "transmitter", BIND_TRANSCEIVER: "transceiver"}
_ACKNOWLEDGEMENTS = frozenset({DELIVER_SM_RESP, DATA_SM_RESP, GENERIC_NACK})


class ServerSession(Session):
    """One connection of a customer: bound or not yet."""

    def __init__(self, *, smsc: Smsc, timers: Timers) -> None:
        super().__init__(timers=timers)
        self.bind = 0  # the number of this bind, 0 before
        self.mode = ""
        self.system_id = ""
        self.awaiting: dict[int, tuple[Delivery, float]] = {}
        self.unanswered = 0  # submits whose answer is held back
        self._smsc = smsc
        self._tokens = math.inf  # full at first: a second's worth
        self._tokens_at = self.loop.time()

    @property
    def can_submit(self) -> bool:
        return self.mode in {"transceiver", "transmitter"}

    @property
    def can_receive(self) -> bool:
        return self.mode in {"transceiver", "receiver"} and self.is_open

    def has_room(self) -> bool:
        return self.is_open and not self.is_blocked and len(self.awaiting) < self._smsc.behaviour.receipt_window

    def is_over_limit(self) -> bool:
        """Whether one more submit breaks the bind's rate or window. Counts it when it does not."""
        behaviour = self._smsc.behaviour
        if behaviour.window_limit and self.unanswered >= behaviour.window_limit:
            return True
        if not behaviour.rate_limit:
            return False
        now = self.loop.time()
        self._tokens = min(behaviour.rate_limit, self._tokens + (now - self._tokens_at) * behaviour.rate_limit)
        self._tokens_at = now
        if self._tokens < 1:
            return True
        self._tokens -= 1
        return False

    def set_deaf(self, is_deaf: bool) -> None:
        if self._transport is not None and not self._transport.is_closing():
            if is_deaf:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    # Session

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._smsc.meet(self)

    def handle(self, pdus: list[Pdu]) -> None:
        if self._smsc.behaviour.hang:
            return
        replies: list[bytes] = []
        acknowledgements: list[tuple[int, int]] = []
        for pdu in pdus:
            if pdu.command == SUBMIT_SM:
                self._take_submit(pdu, replies)
            elif pdu.command in _ACKNOWLEDGEMENTS:
                acknowledgements.append((pdu.sequence, pdu.status))
            elif pdu.command in _MODES:
                replies.append(self._take_bind(pdu))
            else:
                replies.append(self.housekeeping(pdu))
            if self.close_reason:
                break
        if acknowledgements:
            self._smsc.take_acknowledgements(self, acknowledgements)
        self._smsc.journal.flush()
        self.write(b"".join(replies))

    def watch(self, now: float) -> None:
        """Deliveries that were not answered in time go out again."""
        limit = self.loop.time() - self._smsc.behaviour.deliver_timeout_s
        overdue = []
        for sequence, (_delivery, sent_at) in self.awaiting.items():
            if sent_at > limit:
                break
            overdue.append(sequence)
        if overdue:
            self._smsc.deliveries.give_back([self.awaiting.pop(sequence)[0] for sequence in overdue])

    def ended(self, reason: str) -> None:
        self._smsc.forget(self, reason)

    def _take_submit(self, pdu: Pdu, replies: list[bytes]) -> None:
        if not self.can_submit:
            replies.append(encode_response(SUBMIT_SM_RESP, pdu.sequence, status=ESME_RINVBNDSTS))
            return
        try:
            message = parse_short_message(pdu.octets)
        except MalformedBody:
            replies.append(encode_response(SUBMIT_SM_RESP, pdu.sequence, status=ESME_RINVMSGLEN))
            return
        limit = ESME_RTHROTTLED if self.is_over_limit() else 0
        self._smsc.take_submit(self, pdu.sequence, message, limit_status=limit, replies=replies)

    def _take_bind(self, pdu: Pdu) -> bytes:
        answer = pdu.command | RESPONSE
        if self.mode:
            return encode_response(answer, pdu.sequence, status=ESME_RALYBND)
        try:
            bind = parse_bind(pdu.octets)
        except MalformedBody:
            return encode_response(answer, pdu.sequence, status=ESME_RINVMSGLEN)
        status = self._smsc.check_bind(bind)
        if status:
            self._smsc.refused_binds += 1
            return encode_response(answer, pdu.sequence, status=status)
        self.system_id, self.mode = bind.system_id, _MODES[pdu.command]
        self._smsc.welcome(self)
        return encode_response(answer, pdu.sequence, identifier="Todoke-SMSC")
