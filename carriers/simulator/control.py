"""The control port: a handful of JSON calls over HTTP/1.1, on loopback, to watch and turn the SMSC while it runs.

``GET /state`` · ``POST /set`` (knobs of ``Behaviour``) · ``POST /inbound`` ({from, to, text} or a list of such) ·
``POST /disconnect`` ({bind?}). Each answers with JSON; what is wrong with a request is told with status 400.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from carriers.simulator.behaviour import BadBehaviour
from carriers.simulator.smsc import Smsc
from carriers.smpp.alphabets import TextNotEncodable

_MAX_BODY: Final = 1024 * 1024
_PATIENCE_S: Final = 10.0


class BadRequest(ValueError):
    """A request that makes no sense; the text says why."""


class ControlPort:
    """An HTTP server for one simulated SMSC."""

    def __init__(self, smsc: Smsc) -> None:
        self._smsc = smsc
        self._server: asyncio.Server | None = None
        self._routes: Mapping[tuple[str, str], Callable[[Any], object]] = {
            ("GET", "/state"): self._state,
            ("POST", "/set"): self._set,
            ("POST", "/inbound"): self._inbound,
            ("POST", "/disconnect"): self._disconnect,
        }

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1]) if self._server else 0

    async def start(self, *, port: int) -> None:
        """Raises ``OSError`` when the port is taken. Listens on loopback only: it has no password."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                status, answer = await self._answer(reader)
                body = orjson.dumps(answer)
                head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
                writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
                await writer.drain()
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError):
            pass  # whoever asked has gone; there is nobody to tell
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[str, object]:
        try:
            method, path, body = await _read_request(reader)
            route = self._routes.get((method, path))
            if route is None:
                return "404 Not Found", {"error": "GET /state, POST /set, /inbound, /disconnect"}
            return "200 OK", route(orjson.loads(body) if body else {})
        except (BadRequest, BadBehaviour, orjson.JSONDecodeError) as exc:
            return "400 Bad Request", {"error": str(exc)}

    def _state(self, _values: object) -> object:
        return self._smsc.state()

    def _set(self, values: object) -> object:
        self._smsc.change(_mapping(values))
        return self._smsc.behaviour.as_json()

    def _inbound(self, values: object) -> object:
        texts = [_mapping(value) for value in (values if isinstance(values, list) else [values])]
        for text in texts:
            fields = [text.get("from"), text.get("to"), text.get("text")]
            if not all(isinstance(item, str) and item for item in fields):
                raise BadRequest("from, to and text are wanted, as strings")
        for text in texts:
            try:
                self._smsc.send_inbound(sender=text["from"], to=text["to"], text=text["text"])
            except (TextNotEncodable, UnicodeEncodeError) as exc:
                raise BadRequest(f"not encodable: {type(exc).__name__}") from None
        return {"sent": len(texts)}

    def _disconnect(self, values: object) -> object:
        bind = _mapping(values).get("bind")
        if bind is not None and not isinstance(bind, int):
            raise BadRequest("bind is a number")
        return {"disconnected": self._smsc.disconnect(bind=bind)}


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadRequest("an object is wanted")
    return value


async def _read_request(reader: asyncio.StreamReader) -> tuple[str, str, bytes]:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.LimitOverrunError:
        raise BadRequest("a head of more than 64 KiB") from None
    request_line, *header_lines = head.split("\r\n")
    words = request_line.split(" ")
    if len(words) != 3:
        raise BadRequest("no request line")
    headers = dict(line.lower().split(":", 1) for line in header_lines if ":" in line)
    length = headers.get("content-length", "0").strip()
    if not length.isdecimal() or int(length) > _MAX_BODY:
        raise BadRequest("Content-Length: at most 1 MiB")
    return words[0], words[1].split("?")[0], await reader.readexactly(int(length))
