"""A stub of an aggregator's JSON API on loopback: texts by the simulator's scripts, receipts by signed webhook.

It speaks HTTP/1.1 in plain ``asyncio``, so that nothing of what is tested answers itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import itertools
import json
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from carriers.simulator.scripts import DEFAULT, Cut, Report, scripted
from carriers.smpp.constants import (
    ESME_RINVDSTADR,
    ESME_RMSGQFUL,
    ESME_RSUBMITFAIL,
    ESME_RSYSERR,
    ESME_RTHROTTLED,
    STATE_TEXTS,
)

TOKEN, WEBHOOK_SECRET = "tok-3f9a-secret", "hook-secret-7d1c55"
ERRORS: Final = {
    ESME_RINVDSTADR: (422, "4001"),
    ESME_RSUBMITFAIL: (400, "4000"),
    ESME_RTHROTTLED: (429, "4290"),
    ESME_RMSGQFUL: (503, "5030"),
    ESME_RSYSERR: (500, "5000"),
}
AGAIN_S: Final = 0.1


@dataclass(frozen=True)
class Request:
    """A request as it came; names of headers in small letters."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Respond = Callable[[Request], Awaitable[tuple[int, bytes]]]


class HttpServer:
    """A server of one handler, by TLS where it is given one. A handler that answers status 0 cuts the connection instead."""

    def __init__(self, respond: Respond, *, tls: ssl.SSLContext | None = None) -> None:
        self._respond = respond
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> HttpServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while (request := await read_request(reader)) is not None:
                status, body = await self._respond(request)
                if status == 0:
                    break
                head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass  # the other side, or the end of the test
        finally:
            self._tasks.discard(task)
            writer.close()


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """None when the other side has closed."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.rstrip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Request(method, target, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


@dataclass
class Aggregator:
    """``accepted`` is the oracle: every text that it took, once for each time that it took it."""

    webhook: Callable[[bytes, dict[str, str]], Awaitable[int]] | None = None
    accepted: list[dict[str, Any]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    down_for: int = 0  # so many requests are taken and left without an answer
    hide_status: int = 0  # every request is answered by this
    _keys: dict[str, bytes] = field(default_factory=dict)
    _tries: dict[str, int] = field(default_factory=dict)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))
    _calls: set[asyncio.Task[None]] = field(default_factory=set)

    async def respond(self, request: Request) -> tuple[int, bytes]:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, b'{"error": {"code": "4010"}}'
        if request.target == "/v1/account":
            return 200, b"{}"
        self.requests.append(request)
        if self.hide_status:
            return self.hide_status, b""
        key = request.headers.get("idempotency-key", "")
        if key and key in self._keys:
            return 200, self._keys[key]
        return await self._take(json.loads(request.body)["message"], key)

    async def _take(self, message: dict[str, Any], key: str) -> tuple[int, bytes]:
        to = message["to"]
        script = scripted(to, number=1, total=1) or DEFAULT
        self._tries[to] = self._tries.get(to, 0) + 1
        await asyncio.sleep(script.answer_after_s)
        if script.status and (not script.refusals or self._tries[to] <= script.refusals):
            status, code = ERRORS.get(script.status, (499, "9999"))
            return status, json.dumps({"error": {"code": code}}).encode()
        if script.cut is Cut.BEFORE_TAKING:
            return 0, b""
        identifier = f"agg-{next(self._numbers)}"
        answer = json.dumps({"data": {"id": identifier}}).encode()
        self.accepted.append({**message, "id": identifier})
        if key:
            self._keys[key] = answer
        for report in script.reports:
            self._later(self._report(identifier, message, report))
        if script.cut is Cut.BEFORE_ANSWER or not script.is_answered or self.down_for > 0:
            self.down_for -= 1
            return 0, b""
        return 200, answer

    async def _report(self, identifier: str, message: dict[str, Any], report: Report) -> None:
        await asyncio.sleep(report.after_s)
        entry = {
            "id": identifier,
            "status": STATE_TEXTS[report.state],
            "error": report.error or None,
            "to": message["to"],
            "ref": message["ref"],
            "at": time.time(),
        }
        body, headers = signed({"events": [entry]})
        while self.webhook is not None and not 200 <= await self.webhook(body, headers) < 300:
            await asyncio.sleep(AGAIN_S)

    def _later(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def close(self) -> None:
        for task in self._calls:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*self._calls, return_exceptions=True)


def signed(document: object, *, secret: str = WEBHOOK_SECRET, at: float | None = None) -> tuple[bytes, dict[str, str]]:
    """A body of the webhook with the headers that prove it."""
    body, stamp = json.dumps(document).encode(), str(int(time.time() if at is None else at))
    signature = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return body, {"X-Signature": f"sha256={signature}", "X-Timestamp": stamp}


def http_config(port: int, **values: object) -> dict[str, Any]:
    """The public part; ``http_secrets`` is the sealed one."""
    return {
        "url": f"http://127.0.0.1:{port}/v1/messages",
        "check_url": f"http://127.0.0.1:{port}/v1/account",
        "plain_http": True,
        "auth": "bearer",
        "body": {"message": {"to": "{to}", "text": "{text}", "from": "{sender}", "ref": "{reference}"}},
        "sender": "Todoke",
        "id_path": "data.id",
        "code_path": "error.code",
        "codes": {"4001": {"outcome": "final", "reason": "invalid_number"}},
        "repeat_s": 0.02,
        "receipts": {
            "header": "X-Signature",
            "prefix": "sha256=",
            "timestamp_header": "X-Timestamp",
            "list_path": "events",
            "id_path": "id",
            "status_path": "status",
            "code_path": "error",
            "time_path": "at",
            "to_path": "to",
            "reference_path": "ref",
            "statuses": {
                "DELIVRD": "delivered",
                "UNDELIV": "undelivered",
                "EXPIRED": "expired",
                "REJECTD": "rejected",
                "ENROUTE": "pending",
            },
            "reasons": {"6": "out_of_reach", "13": "refused_by_recipient", "1": "not_in_use", "201": "ported"},
        },
        **values,
    }


def http_secrets() -> dict[str, str]:
    return {"token": TOKEN, "webhook_secret": WEBHOOK_SECRET}
