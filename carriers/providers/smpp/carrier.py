"""The SMPP provider: one bind (or a pair of binds) to an SMSC behind the contract of ``carriers.base``."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from typing import Any, Final

from carriers import reasons
from carriers.base import Capabilities, Inbound, Listener, Outcome, Outgoing, Receipt, SubmitResult
from carriers.errors import Misconfigured, Unreachable
from carriers.providers.smpp.configuration import Configuration
from carriers.providers.smpp.encoding import PartEncoder, PartsDiffer
from carriers.providers.smpp.receiving import Translator
from carriers.providers.smpp.statuses import MISCONFIGURED_BINDS
from carriers.smpp.alphabets import TextNotEncodable, TextTooLong
from carriers.smpp.client import Answer, BindRefused, ClientSession, SessionEnded, connect
from carriers.smpp.constants import (
    BIND_RECEIVER,
    BIND_TRANSCEIVER,
    BIND_TRANSMITTER,
    ESME_ROK,
    ESME_RX_T_APPN,
    status_name,
)
from carriers.smpp.framing import Pdu
from carriers.smpp.pdus import Bind
from carriers.tls import certificate_trouble

_BINDS: Final = {"transceiver": (BIND_TRANSCEIVER,), "transmitter_receiver": (BIND_TRANSMITTER, BIND_RECEIVER)}
_LOCAL_REFUSALS: Final[Mapping[type[Exception], tuple[str, str]]] = {
    TextTooLong: ("text_too_long", reasons.TEXT_TOO_LONG),
    TextNotEncodable: ("text_not_encodable", reasons.UNKNOWN_CODE),
    PartsDiffer: ("parts_differ", reasons.UNKNOWN_CODE),
}


class SmppProvider:
    """A kind of carrier (``carriers.base.Provider``). Its configuration: see ``Configuration``."""

    name = "smpp"
    secret_names = frozenset({"password", "tls_key", "tls_key_password"})

    def link(self, config: Mapping[str, Any], *, window: int) -> SmppLink:
        """Raises ``Misconfigured``."""
        configuration = Configuration.read(config)
        return SmppLink(configuration, window=min(window, configuration.window))

    def receipt_hook(self, config: Mapping[str, Any]) -> None:
        """None: receipts come by the bind."""


class SmppLink:
    """One bind to an SMSC (``carriers.base.Link``), opened once and closed once.

    Receipts may reach the listener before ``open`` returns: an SMSC sends what it kept as soon as it has answered the
    bind. The listener's ``on_closed`` comes once for each link that was opened, and never for one that was not.
    """

    is_refused = False  # an SMSC refuses a bind, and ``open`` says so

    def __init__(self, configuration: Configuration, *, window: int) -> None:
        self.capabilities = Capabilities(
            receipts=bool(configuration.registered_delivery),
            long_text=True,
            window=window,
        )
        self._configuration = configuration
        self._encoder = PartEncoder(configuration)
        self._translator = Translator(configuration)
        self._listener: Listener | None = None
        self._sessions: list[ClientSession] = []  # the one that submits first
        self._live = 0
        self._was_opened = False
        self._reason = ""
        self._closing: asyncio.Task[None] | None = None

    @property
    def outstanding(self) -> int:
        """Parts submitted and not yet answered."""
        return self._sessions[0].outstanding if self._sessions else 0

    async def open(self, listener: Listener) -> None:
        """Raises ``Unreachable`` or ``Misconfigured``."""
        self._listener = listener
        tls = self._configuration.tls.context() if self._configuration.tls is not None else None
        try:
            for command in _BINDS[self._configuration.mode]:
                await self._bind(command, tls)
            if self._live < len(self._sessions):
                raise Unreachable(self._reason)
            self._was_opened = True
        except BindRefused as exc:
            kind = Misconfigured if exc.status in MISCONFIGURED_BINDS else Unreachable
            raise kind(f"bind refused: {status_name(exc.status)}", code=f"0x{exc.status:08X}") from exc
        except TimeoutError as exc:
            raise Unreachable("no answer in time") from exc
        except (OSError, SessionEnded) as exc:
            if trouble := self._certificate_trouble(exc):
                raise Misconfigured(trouble) from exc
            raise Unreachable(f"{type(exc).__name__}: {exc}") from exc
        finally:
            if not self._was_opened:
                for session in self._sessions:
                    session.end("not opened")

    def _certificate_trouble(self, exc: Exception) -> str:
        """A server that does not take our certificate says so after the handshake seemed done, and ends the session."""
        causes = (exc, *(session.close_cause for session in self._sessions))
        return next(filter(None, map(certificate_trouble, causes)), "")

    async def _bind(self, command: int, tls: ssl.SSLContext | None) -> None:
        configuration = self._configuration
        session = await connect(
            host=configuration.host,
            port=configuration.port,
            tls=tls,
            events=self,
            timers=configuration.timers,
        )
        self._sessions.append(session)
        self._live += 1
        bind = Bind(configuration.system_id, configuration.password, configuration.system_type)
        await session.bind(command, bind)

    def count_parts(self, text: str) -> int:
        """How many submissions this text takes: 1 where the account sends long texts whole.

        A text that can't be sent at all counts 1, and its submission is refused.
        """
        try:
            return self._encoder.count_parts(text)
        except (TextTooLong, TextNotEncodable):
            return 1

    def submit(self, outgoing: Sequence[Outgoing]) -> None:
        """Hand the parts to the SMSC in one write.

        What can't be encoded is answered by a FINAL result in the next tick. Raises ``Unreachable`` when the link is
        closed or closing, and ``ValueError`` when the window would be exceeded; in both cases nothing has left.
        """
        if not self._was_opened or not self._sessions[0].is_taking or self._live < len(self._sessions):
            raise Unreachable(self._reason or "closing")
        session = self._sessions[0]
        if session.outstanding + len(outgoing) > self.capabilities.window:
            raise ValueError(f"{session.outstanding} + {len(outgoing)} exceed the window")
        keys: dict[int, int] = {}
        pdus: list[bytes] = []
        refused: list[SubmitResult] = []
        for part in outgoing:
            sequence = session.next_sequence()
            try:
                pdus.append(self._encoder.encode(part, sequence=sequence))
            except (TextTooLong, TextNotEncodable, PartsDiffer) as exc:
                code, reason = _LOCAL_REFUSALS[type(exc)]
                refused.append(SubmitResult(part.key, Outcome.FINAL, code=code, reason=reason))
            else:
                keys[sequence] = part.key
        if pdus:
            session.submit(keys, b"".join(pdus))
        if refused:
            asyncio.get_running_loop().call_soon(self._tell_refused, refused)

    def acknowledge(self, tokens: Sequence[object], *, stored: bool) -> None:
        """Answer receipts and inbound texts; ``stored=False`` answers 0x64, and the SMSC sends them again later.

        Tokens of an earlier link are passed over: their connection is gone and the SMSC will send them again.
        """
        status = ESME_ROK if stored else ESME_RX_T_APPN
        for session in self._sessions:
            mine = [(token[1], token[2]) for token in tokens if isinstance(token, tuple) and token[0] is session]
            if mine:
                session.acknowledge(mine, status=status)

    async def close(self, *, drain_s: float) -> None:
        """Stop taking, wait for answers for at most ``drain_s`` seconds, unbind, close. Harmless when repeated."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close_all(drain_s))
        await asyncio.shield(self._closing)

    async def _close_all(self, drain_s: float) -> None:
        for session in self._sessions:
            await session.finish(drain_s=drain_s)

    # carriers.smpp.client.Events

    def on_answers(self, answers: list[Answer]) -> None:
        if self._listener is not None:
            self._listener.on_results(self._translator.results(answers))

    def on_deliveries(self, session: ClientSession, pdus: list[Pdu]) -> None:
        if self._listener is None:
            return
        receipts: list[Receipt] = []
        inbound: list[Inbound] = []
        for pdu in pdus:
            value = self._translator.delivery(pdu, token=(session, pdu.command, pdu.sequence))
            if isinstance(value, Receipt):
                receipts.append(value)
            else:
                inbound.append(value)
        if receipts:
            self._listener.on_receipts(receipts)
        if inbound:
            self._listener.on_inbound(inbound)

    def on_ended(self, session: ClientSession, reason: str) -> None:
        self._live -= 1
        self._reason = self._reason or reason
        if not self._was_opened:
            return
        if self._live == 0:
            if self._listener is not None:
                self._listener.on_closed(self._reason)
        elif self._closing is None:
            # Half of a pair is no carrier. The other half gets its outstanding answers first.
            drain_s = self._configuration.timers.answer_s
            self._closing = asyncio.get_running_loop().create_task(self._close_all(drain_s))

    def _tell_refused(self, refused: list[SubmitResult]) -> None:
        if self._listener is not None and self._live:
            self._listener.on_results(refused)
