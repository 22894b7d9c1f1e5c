"""The simulated SMSC itself: who may bind, what is taken, what goes out, and its figures."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from carriers.simulator.acceptance import Judge, Submit, Verdict, journal_fields, read_submit
from carriers.simulator.behaviour import Behaviour
from carriers.simulator.deliveries import Deliveries, Delivery
from carriers.simulator.journal import Journal
from carriers.simulator.planning import owed_deliveries, planned_deliveries
from carriers.simulator.reports import encode_inbound
from carriers.simulator.scripts import DEFAULT, Cut
from carriers.simulator.server_session import ServerSession
from carriers.smpp.constants import ESME_RINVPASWD, ESME_RINVSYSID, SUBMIT_SM_RESP
from carriers.smpp.pdus import Address, Bind, ShortMessage, encode_response
from carriers.smpp.session import Timers


@dataclass(frozen=True, slots=True)
class SmscOptions:
    """How a simulated SMSC is started. ``accounts`` maps system_id to password."""

    accounts: Mapping[str, str] = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 0  # any free one
    journal: Path | None = None
    is_resuming: bool = True  # whether receipts that an earlier run owed by the journal are sent
    seed: int | None = None
    tls: ssl.SSLContext | None = None
    timers: Timers = field(default_factory=lambda: Timers(enquire_link_s=60.0, enquire_answer_s=60.0))


class Smsc:
    """Made and used on a running event loop: ``start``, then ``close``."""

    def __init__(self, options: SmscOptions, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.journal = Journal(options.journal)
        self.sessions: list[ServerSession] = []
        self.accepted = 0
        self.refused: Counter[int] = Counter()
        self.refused_binds = 0
        self._options = options
        self._judge = Judge(seed=options.seed)
        self._binds = 0
        self._server: asyncio.Server | None = None
        self.deliveries = Deliveries(journal=self.journal, receivers=self._receivers)

    @property
    def port(self) -> int:
        """The port it listens on, once started."""
        if self._server is None:
            return self._options.port
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Raises ``OSError`` when the address is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._make_session, self._options.host, self._options.port, ssl=self._options.tls, backlog=128
        )
        self.journal.add("start", {"port": self.port})
        self.journal.flush()
        if self._options.journal is not None and self._options.is_resuming:
            for delivery in owed_deliveries(self._options.journal, behaviour=self.behaviour):
                delay = self.behaviour.receipt_delay
                self.deliveries.schedule(delivery, after_s=self._judge.delay_s(delay.least, delay.most))

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self.deliveries.close()
        self.disconnect()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                await asyncio.gather(*(session.closed for session in self.sessions))
        self.journal.close()

    def change(self, values: Mapping[str, Any]) -> None:
        """Turn knobs while running. Raises ``BadBehaviour``."""
        self.behaviour = self.behaviour.changed(values)
        for session in self.sessions:
            session.set_deaf(self.behaviour.deaf)
        self.deliveries.kick()

    def disconnect(self, *, bind: int | None = None) -> int:
        """Cut connections without a word: all, or the one with this number. How many were cut."""
        chosen = [session for session in self.sessions if bind is None or session.bind == bind]
        for session in chosen:
            session.end("cut by the simulator")
        return len(chosen)

    def send_inbound(self, *, sender: str, to: str, text: str) -> None:
        """A resident's text, for each customer's receivers. Raises ``TextNotEncodable``."""
        packed = encode_inbound(sender=_address(sender), to=_address(to), text=text)
        for system_id in self._options.accounts:
            self.deliveries.schedule(
                Delivery(system_id, "inbound", identifier="", state="", encode=lambda _now: packed), after_s=0
            )

    def state(self) -> dict[str, object]:
        """What the control port shows."""
        return {
            "behaviour": self.behaviour.as_json(),
            "binds": [
                {
                    "bind": session.bind,
                    "system_id": session.system_id,
                    "mode": session.mode,
                    "unanswered": session.unanswered,
                    "unacknowledged": len(session.awaiting),
                }
                for session in self.sessions
                if session.mode
            ],
            "refused_binds": self.refused_binds,
            "accepted": self.accepted,
            "refused": {f"0x{status:08X}": count for status, count in self.refused.items()},
            "receipts": {
                "waiting": self.deliveries.waiting,
                "sent": self.deliveries.sent,
                "acknowledged": self.deliveries.acknowledged,
            },
        }

    # For the sessions

    def meet(self, session: ServerSession) -> None:
        """A connection stands. (One whose TLS fails never gets so far.)"""
        self.sessions.append(session)
        session.set_deaf(self.behaviour.deaf)

    def check_bind(self, bind: Bind) -> int:
        """The status to answer a bind with."""
        if self.behaviour.refuse_binds:
            return self.behaviour.refuse_binds
        password = self._options.accounts.get(bind.system_id)
        if password is None:
            return ESME_RINVSYSID
        return 0 if password == bind.password else ESME_RINVPASWD

    def welcome(self, session: ServerSession) -> None:
        self._binds += 1
        session.bind = self._binds
        self.journal.add("bind", {"bind": session.bind, "system_id": session.system_id, "mode": session.mode})
        self.deliveries.kick()

    def forget(self, session: ServerSession, reason: str) -> None:
        if session in self.sessions:
            self.sessions.remove(session)
        self.deliveries.give_back([delivery for delivery, _sent_at in session.awaiting.values()])
        session.awaiting.clear()
        if session.bind:
            self.journal.add("unbind", {"bind": session.bind, "reason": reason})
            self.journal.flush()

    def take_acknowledgements(self, session: ServerSession, answers: Iterable[tuple[int, int]]) -> None:
        self.deliveries.answered(session, answers, redeliver_s=self.behaviour.redeliver_s)

    def take_submit(
        self,
        session: ServerSession,
        sequence: int,
        message: ShortMessage,
        *,
        limit_status: int,
        replies: list[bytes],
    ) -> None:
        """Decide about a part and write it down. Its answer goes to ``replies``, unless it is for later or never."""
        submit = read_submit(message)
        if limit_status:
            self._refuse(session, sequence, submit, limit_status, replies)
            return
        verdict = self._judge.judge(submit, self.behaviour)
        if verdict.script.cut is Cut.BEFORE_TAKING:
            self._note("dropped", session, sequence, submit, verdict)
            self._cut(session, replies)
        elif verdict.status:
            self._refuse(session, sequence, submit, verdict.status, replies)
        else:
            self._accept(session, sequence, submit, verdict, replies)

    def _accept(
        self, session: ServerSession, sequence: int, submit: Submit, verdict: Verdict, replies: list[bytes]
    ) -> None:
        self.accepted += 1
        script, behaviour = verdict.script, self.behaviour
        plan = self._note("submit", session, sequence, submit, verdict)
        for delivery, extra_s in planned_deliveries(
            submit, verdict, system_id=session.system_id, behaviour=behaviour, plan=plan
        ):
            delay = behaviour.receipt_delay
            delay_s = 0.0 if script.is_immediate else self._judge.delay_s(delay.least, delay.most)
            self.deliveries.schedule(delivery, after_s=delay_s + extra_s)
        if script.cut is Cut.BEFORE_ANSWER:
            self._cut(session, replies)
        elif script.is_answered:
            octets = encode_response(SUBMIT_SM_RESP, sequence, identifier=verdict.identifier)
            self._answer(session, octets, replies, extra_s=script.answer_after_s)
            if script.cut is Cut.AFTER_ANSWER:
                self._cut(session, replies)

    def _refuse(self, session: ServerSession, sequence: int, submit: Submit, status: int, replies: list[bytes]) -> None:
        self.refused[status] += 1
        self._note("submit", session, sequence, submit, Verdict(status, 0, "", DEFAULT))
        self._answer(session, encode_response(SUBMIT_SM_RESP, sequence, status=status), replies, extra_s=0)

    def _answer(self, session: ServerSession, octets: bytes, replies: list[bytes], *, extra_s: float) -> None:
        delay = self.behaviour.answer_delay
        after_s = extra_s + self._judge.delay_s(delay.least, delay.most)
        if after_s <= 0:
            replies.append(octets)
            return
        session.unanswered += 1
        asyncio.get_running_loop().call_later(after_s, _answer_late, session, octets)

    def _cut(self, session: ServerSession, replies: list[bytes]) -> None:
        """End the connection; what was answered before in this tick still leaves, after the journal is written."""
        self.journal.flush()
        session.write(b"".join(replies))
        replies.clear()
        session.end("cut by the script", flush=True)

    def _note(
        self, kind: str, session: ServerSession, sequence: int, submit: Submit, verdict: Verdict
    ) -> list[tuple[str, int]]:
        """Write the part into the journal. The receipts that it will get."""
        fields = journal_fields(submit, verdict)
        self.journal.add(kind, {"system_id": session.system_id, "bind": session.bind, "seq": sequence, **fields})
        plan: list[tuple[str, int]] = fields["plan"]
        return plan

    def _receivers(self, system_id: str) -> list[ServerSession]:
        if self.behaviour.hang:
            return []
        return [session for session in self.sessions if session.can_receive and session.system_id == system_id]

    def _make_session(self) -> ServerSession:
        return ServerSession(smsc=self, timers=self._options.timers)


def _answer_late(session: ServerSession, octets: bytes) -> None:
    session.unanswered -= 1
    session.write(octets)


def _address(number: str) -> Address:
    if number.startswith("+"):
        return Address(1, 1, number[1:])
    return Address(0 if number.isdigit() else 5, 1, number)
