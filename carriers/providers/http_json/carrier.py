"""The provider for JSON APIs: a request per text behind the contract of ``carriers.base``."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
import structlog

from carriers import reasons
from carriers.base import Capabilities, Listener, Outcome, Outgoing, SubmitResult
from carriers.errors import Misconfigured, OutcomeUnknown, Unreachable
from carriers.http import HttpAnswer, HttpClient
from carriers.providers.http_json.configuration import SECRET_NAMES, Configuration
from carriers.providers.http_json.receipts import ReceiptHook
from carriers.providers.http_json.statuses import ACCOUNT_STATUSES
from carriers.providers.http_json.translating import Reading, Translator
from carriers.tls import certificate_trouble

log: Final = structlog.get_logger(__name__)
UNREACHABLE: Final = "not_connected"
_NO_FOR_NOW: Final = frozenset({Outcome.RETRY, Outcome.THROTTLED})


class HttpJsonProvider:
    """A kind of carrier (``carriers.base.Provider``). Its configuration: see ``Configuration``."""

    name = "http_json"
    secret_names = SECRET_NAMES

    def link(self, config: Mapping[str, Any], *, window: int) -> HttpJsonLink:
        """Raises ``Misconfigured``."""
        return HttpJsonLink(Configuration.read(config), window=window)

    def receipt_hook(self, config: Mapping[str, Any]) -> ReceiptHook | None:
        """Raises ``Misconfigured``."""
        rules = Configuration.read(config).receipts
        return ReceiptHook(rules) if rules is not None else None


class HttpJsonLink:
    """A pool of connections to one API (``carriers.base.Link``), opened once and closed once.

    There is no connection to lose: a request without a clear answer leaves its own text unknown and no other. When the
    server can't be reached, or refuses the account, the link takes nothing more, lets what is under way end, hands back
    the rest as ``RETRY`` and closes, so that the worker binds anew at its own slow pace.
    """

    def __init__(self, configuration: Configuration, *, window: int) -> None:
        self.capabilities = Capabilities(
            receipts=configuration.receipts is not None,
            long_text=True,
            window=window,
            idempotent=bool(configuration.idempotency_header),
            webhook=configuration.receipts is not None,
        )
        self._configuration = configuration
        self._translator = Translator(configuration)
        self._client: HttpClient | None = None
        self._listener: Listener | None = None
        self._requests: set[asyncio.Task[None]] = set()
        self._parked: list[Outgoing] = []
        self._results: list[SubmitResult] = []
        self._outstanding = 0
        self.is_refused = False
        self._ending = ""  # why nothing more is taken
        self._is_over = False

    @property
    def outstanding(self) -> int:
        """Parts submitted and not yet answered."""
        return self._outstanding

    async def open(self, listener: Listener) -> None:
        """Ask the API whether it knows us, or make a connection where it has nothing to ask.

        Raises ``Unreachable`` or ``Misconfigured``.
        """
        configuration = self._configuration
        tls = configuration.tls.context()
        client = HttpClient(connections=self.capabilities.window, times=configuration.times, tls=tls)
        try:
            if configuration.check_url:
                _check(await client.send("GET", configuration.check_url, headers=configuration.headers))
            else:
                await self._knock(tls)
        except BaseException as exc:
            await client.close()
            if isinstance(exc, OutcomeUnknown):
                raise Unreachable("no answer in time", code=exc.code) from exc
            raise
        self._client, self._listener = client, listener

    async def _knock(self, tls: ssl.SSLContext) -> None:
        parts = urlsplit(self._configuration.url)
        is_tls = parts.scheme == "https"
        try:
            async with asyncio.timeout(self._configuration.times.connect_s):
                _, writer = await asyncio.open_connection(
                    parts.hostname, parts.port or (443 if is_tls else 80), ssl=tls if is_tls else None
                )
        except OSError as exc:
            if trouble := certificate_trouble(exc):
                raise Misconfigured(trouble, code="certificate") from RuntimeError("connect")
            raise Unreachable(f"not connected: {type(exc).__name__}", code=UNREACHABLE) from RuntimeError("connect")
        writer.close()

    def count_parts(self, text: str) -> int:
        """Always 1: the carrier cuts."""
        return 1

    def submit(self, outgoing: Sequence[Outgoing]) -> None:
        """One request for each, all at once. Raises ``Unreachable`` and ``ValueError``; then nothing has left."""
        if self._client is None or self._is_over or self._ending == "closing":
            raise Unreachable(self._ending or "closed")
        if self.outstanding + len(outgoing) > self.capabilities.window:
            raise ValueError(f"{self.outstanding} + {len(outgoing)} exceed the window")
        self._outstanding += len(outgoing)
        if self._ending:
            self._parked.extend(outgoing)
            return
        for part in outgoing:
            task = asyncio.create_task(self._carry(part, self._client))
            self._requests.add(task)
            task.add_done_callback(self._done)

    def acknowledge(self, tokens: Sequence[object], *, stored: bool) -> None:
        """Nothing to do: receipts come by webhook and are answered there."""

    async def close(self, *, drain_s: float) -> None:
        """Stop taking, wait for answers for at most ``drain_s`` seconds, close. Harmless when repeated."""
        self._ending = self._ending or "closing"
        if self._requests:
            await asyncio.wait(list(self._requests), timeout=drain_s)
        for task in list(self._requests):
            task.cancel()
        await asyncio.gather(*self._requests, return_exceptions=True)
        self._end()
        if self._client is not None:
            await self._client.close()

    async def _carry(self, part: Outgoing, client: HttpClient) -> None:
        """Send one part, again with the same key where the API takes one, until something is known of it."""
        try:
            headers, body = self._translator.request(part)
        except (orjson.JSONEncodeError, UnicodeError):
            self._tell(part, Reading(Outcome.FINAL, code="not_encodable", reason=reasons.UNKNOWN_CODE))
            return
        repeats = self._configuration.repeats if self.capabilities.idempotent else 0
        reading = await self._try(client, headers, body)
        was_unclear = reading.outcome is Outcome.UNKNOWN
        for number in range(repeats):
            if reading.outcome is not Outcome.UNKNOWN and not (was_unclear and reading.outcome in _NO_FOR_NOW):
                break
            if not was_unclear or self._ending == "closing":
                break
            await asyncio.sleep(self._configuration.repeat_s * 2**number * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            reading = await self._try(client, headers, body)
        if was_unclear and reading.outcome in _NO_FOR_NOW:
            # This try was not taken; nobody knows of the first.
            reading = Reading(Outcome.UNKNOWN, code=reading.code, reason=reading.reason)
        self._tell(part, reading)

    async def _try(self, client: HttpClient, headers: Mapping[str, str], body: bytes) -> Reading:
        configuration = self._configuration
        try:
            answer = await client.send(configuration.method, configuration.url, headers=headers, content=body)
            reading = self._translator.read(answer)
        except Unreachable as exc:
            self._leave(UNREACHABLE)
            return Reading(Outcome.RETRY, code=exc.code, reason=reasons.CARRIER_TROUBLE)
        except Misconfigured as exc:
            self._leave(str(exc), is_refused=True)
            return Reading(Outcome.RETRY, code=exc.code or UNREACHABLE, reason=reasons.CARRIER_TROUBLE)
        except OutcomeUnknown as exc:
            return Reading(Outcome.UNKNOWN, code=exc.code)
        except Exception as exc:  # whatever a server may answer, it costs this text and no other
            log.error("http.surprise", error=type(exc).__name__)
            return Reading(Outcome.UNKNOWN, code="surprise")
        if reading.refuses_account:
            self._leave(f"account refused: {reading.code}", is_refused=True)
        return reading

    def _leave(self, reason: str, *, is_refused: bool = False) -> None:
        """Take nothing more; the link ends when what is under way has ended."""
        if not self._ending:
            self._ending, self.is_refused = reason, is_refused

    def _tell(self, part: Outgoing, reading: Reading) -> None:
        """With all that this tick of the loop brings."""
        self._outstanding -= 1
        if not self._results:
            asyncio.get_running_loop().call_soon(self._flush)
        self._results.append(
            SubmitResult(part.key, reading.outcome, reading.carrier_id, code=reading.code, reason=reading.reason)
        )

    def _flush(self) -> None:
        results, self._results = self._results, []
        if results and self._listener is not None:
            self._listener.on_results(results)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._requests.discard(task)
        if self._ending and self._ending != "closing" and not self._requests:
            asyncio.get_running_loop().call_soon(self._end)

    def _end(self) -> None:
        """The rest was never sent; then the link is over, once."""
        if self._is_over or self._listener is None:
            return
        for part in self._parked:
            self._tell(part, Reading(Outcome.RETRY, code=UNREACHABLE, reason=reasons.CARRIER_TROUBLE))
        self._parked.clear()
        self._flush()
        self._is_over = True
        self._listener.on_closed(self._ending)


def _check(answer: HttpAnswer) -> None:
    """Raises ``Misconfigured`` or ``Unreachable`` unless the API knows us."""
    code = f"HTTP {answer.status}"
    if answer.status in ACCOUNT_STATUSES:
        raise Misconfigured("account refused", code=code)
    if not 200 <= answer.status < 300:
        raise Unreachable("the API is not well", code=code)
