"""A TCP proxy that breaks connections on purpose: cuts at any byte, hangs, dawdles, refuses, speaks nonsense."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from devservers.ports import LOOPBACK

CHUNK = 65_536
Answer = TypeVar("Answer")


class Proxy:
    """Listens on a port of its own and passes everything on to ``to_port``, until told otherwise.

    Runs in a thread; the methods may be called from any other. Use it as a context manager.
    """

    def __init__(self, to_port: int) -> None:
        self.to_port = to_port
        self.port = 0
        self.connections = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._pairs: set[_Pair] = set()
        self._flowing = asyncio.Event()
        self._bytes_per_s: float | None = None
        self._cut_after: dict[str, int | None] = {"up": None, "down": None}

    def __enter__(self) -> Proxy:
        self._thread.start()
        self._call(self._listen(0))
        return self

    def __exit__(self, *_exception: object) -> None:
        self._call(self._shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def cut(self) -> None:
        """Every connection ends now, without a word."""
        self._call(self._cut())

    def cut_after(self, *, up: int | None = None, down: int | None = None) -> None:
        """The next connection ends after so many octets to (``up``) or from (``down``) the server; once."""

        async def arm() -> None:
            self._cut_after = {"up": up, "down": down}

        self._call(arm())

    def hang(self) -> None:
        """Nothing passes any more, in either direction; connections stay open and new ones are taken."""
        self._call(self._let(flow=False))

    def flow(self) -> None:
        self._call(self._let(flow=True))

    def slow_down(self, bytes_per_s: float | None) -> None:
        """Each direction passes this much at most; None: as fast as it can."""

        async def slow() -> None:
            self._bytes_per_s = bytes_per_s

        self._call(slow())

    def refuse(self) -> None:
        """The port is closed and every connection cut: the server is away."""
        self._call(self._refuse())

    def accept(self) -> None:
        self._call(self._listen(self.port))

    def say(self, octets: bytes) -> int:
        """Send these to every client, as if they came from the server; answers to how many."""

        async def write() -> int:
            for pair in self._pairs:
                pair.client.write(octets)
            return len(self._pairs)

        return self._call(write())

    def _call(self, coroutine: Coroutine[Any, Any, Answer]) -> Answer:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _listen(self, port: int) -> None:
        self._flowing.set()
        self._server = await asyncio.start_server(self._serve, LOOPBACK, port)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def _let(self, *, flow: bool) -> None:
        self._flowing.set() if flow else self._flowing.clear()

    async def _cut(self) -> None:
        for pair in list(self._pairs):
            pair.abort()

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._cut()

    async def _shut(self) -> None:
        await self._refuse()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, client_reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self.connections += 1
        limits, self._cut_after = self._cut_after, {"up": None, "down": None}
        try:
            server_reader, server = await asyncio.open_connection(LOOPBACK, self.to_port)
        except OSError:
            client.transport.abort()
            return
        pair = _Pair(client, server)
        self._pairs.add(pair)
        try:
            await asyncio.gather(
                self._pass(client_reader, server, pair, limits["up"]),
                self._pass(server_reader, client, pair, limits["down"]),
            )
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # one side ended it
        finally:
            pair.abort()
            self._pairs.discard(pair)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pair: _Pair, limit: int | None
    ) -> None:
        passed = 0
        while octets := await reader.read(CHUNK if self._bytes_per_s is None else max(1, int(self._bytes_per_s / 10))):
            await self._flowing.wait()
            if limit is not None and passed + len(octets) >= limit:
                writer.write(octets[: limit - passed])
                with contextlib.suppress(ConnectionError):
                    await writer.drain()
                await asyncio.sleep(0.01)  # what was let through arrives before the end does
                pair.abort()
                return
            passed += len(octets)
            writer.write(octets)
            await writer.drain()
            if self._bytes_per_s is not None:
                await asyncio.sleep(len(octets) / self._bytes_per_s)
        pair.abort()


class _Pair:
    """A client and the connection made for it."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server

    def abort(self) -> None:
        for writer in (self.client, self.server):
            writer.transport.abort()
