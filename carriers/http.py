"""The one HTTP client: bounded in time, size and connections, follows no redirect, and knows whether anything left.

What it raises and logs never holds an address's query, a header, a body or a credential.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final

import httpx  # noqa: TID251 - this is the one place

from carriers.errors import Misconfigured, OutcomeUnknown, Unreachable
from carriers.tls import certificate_trouble

MAX_BODY: Final = 256 * 1024
KEEP_ALIVE_S: Final = 4.0  # shorter than the usual 5 s of servers, whose closing would leave a text unknown
# Both write addresses, and at the lowest level headers, into the log.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)

_BEGUN: Final = frozenset({"http11.send_request_headers.started", "http2.send_request_headers.started"})


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A server's answer. ``body`` is None where it was longer than allowed or compressed against our wish."""

    status: int
    body: bytes | None


@dataclass(frozen=True, slots=True)
class HttpTimes:
    """Seconds: to connect, and in all, from the first octet to the last."""

    connect_s: float = 10.0
    answer_s: float = 10.0


class HttpClient:
    """A pool of connections to few servers. Use it inside ``async with``, or call ``close``."""

    def __init__(
        self, *, connections: int, times: HttpTimes, tls: ssl.SSLContext | None = None, max_body: int = MAX_BODY
    ) -> None:
        self._times = times
        self._max_body = max_body
        self._client = httpx.AsyncClient(
            verify=tls or ssl.create_default_context(),
            follow_redirects=False,
            trust_env=False,
            timeout=httpx.Timeout(times.answer_s, connect=times.connect_s, pool=times.answer_s),
            limits=httpx.Limits(
                max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=KEEP_ALIVE_S
            ),
            headers={"Accept-Encoding": "identity", "User-Agent": "Todoke"},
        )

    async def __aenter__(self) -> HttpClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str], content: bytes | None = None
    ) -> HttpAnswer:
        """One request and its answer, whatever its status.

        Raises ``Unreachable`` when nothing of the request had left (refused, no such host, no TLS, no connection in
        time), ``OutcomeUnknown`` when some of it may have, and ``Misconfigured`` for an address that is none and for a
        certificate, of the server's or our own, that the other side does not take.
        """
        has_begun = False

        async def watch(event: str, _info: Mapping[str, Any]) -> None:
            nonlocal has_begun
            has_begun = has_begun or event in _BEGUN

        try:
            async with asyncio.timeout(self._times.connect_s + self._times.answer_s):
                return await self._exchange(method, url, headers, content, watch)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as exc:
            raise Misconfigured("the address is none") from _quiet(exc)
        except (httpx.HTTPError, OSError) as exc:  # TimeoutError is an OSError
            kind = type(exc).__name__
            if trouble := certificate_trouble(exc):  # also after a request began: the server never saw it
                raise Misconfigured(trouble, code="certificate") from _quiet(exc)
            if has_begun:
                raise OutcomeUnknown(f"no answer: {kind}", code="no_answer") from _quiet(exc)
            raise Unreachable(f"not connected: {kind}", code="not_connected") from _quiet(exc)

    async def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None, watch: Any
    ) -> HttpAnswer:
        async with self._client.stream(
            method, url, headers=dict(headers), content=content, extensions={"trace": watch}
        ) as response:
            if response.headers.get("content-encoding", "identity") != "identity":
                return HttpAnswer(response.status_code, None)
            body = bytearray()
            async for piece in response.aiter_raw():
                body += piece
                if len(body) > self._max_body:
                    return HttpAnswer(response.status_code, None)
            return HttpAnswer(response.status_code, bytes(body))

    async def close(self) -> None:
        await self._client.aclose()


def _quiet(exc: BaseException) -> Exception:
    """The kind of an exception without its words: they may quote the address."""
    return RuntimeError(type(exc).__name__)
