"""Real peers on loopback for the tests of carriers: a running SMSC, a link whose listener remembers, raw sockets."""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ParamSpec

from carriers.base import Inbound, Link, Outcome, Outgoing, Provider, Receipt, SubmitResult
from carriers.registry import provider_named
from carriers.simulator.behaviour import Behaviour
from carriers.simulator.smsc import Smsc, SmscOptions
from carriers.smpp.framing import HEADER, Framer, Pdu

P = ParamSpec("P")

SYSTEM_ID, PASSWORD = "todoke", "s3cr3t-p"  # SMPP 3.4 §5.2.2: eight characters at most
PATIENCE_S = 10.0


def in_loop(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """Run an async test on an event loop of its own, a minute at most."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def limited() -> None:
            async with asyncio.timeout(60):
                await test(*args, **kwargs)

        asyncio.run(limited())

    return run


class Recorder:
    """A listener that remembers everything, and acknowledges receipts and texts unless told otherwise."""

    def __init__(self, link: Link, *, stored: bool | None = True) -> None:
        self.link = link
        self.stored = stored  # None: never answers
        self.results: list[SubmitResult] = []
        self.receipts: list[Receipt] = []
        self.inbound: list[Inbound] = []
        self.closed: list[str] = []
        self._heard = asyncio.Event()

    def on_results(self, results: Sequence[SubmitResult]) -> None:
        self.results += results
        self._heard.set()

    def on_receipts(self, receipts: Sequence[Receipt]) -> None:
        self.receipts += receipts
        self._acknowledge([receipt.token for receipt in receipts])

    def on_inbound(self, messages: Sequence[Inbound]) -> None:
        self.inbound += messages
        self._acknowledge([message.token for message in messages])

    def on_closed(self, reason: str) -> None:
        self.closed.append(reason)
        self._heard.set()

    def _acknowledge(self, tokens: list[object]) -> None:
        self._heard.set()
        if self.stored is not None:
            self.link.acknowledge(tokens, stored=self.stored)

    async def until(self, condition: Callable[[], object], *, patience_s: float = PATIENCE_S) -> None:
        """Wait until the condition holds after something was heard. Raises ``TimeoutError``."""
        async with asyncio.timeout(patience_s):
            while not condition():
                self._heard.clear()
                await self._heard.wait()

    def result(self, key: int) -> SubmitResult:
        """The last result for a key."""
        return [result for result in self.results if result.key == key][-1]

    def outcomes(self) -> dict[int, Outcome]:
        return {result.key: result.outcome for result in self.results}


@asynccontextmanager
async def running_smsc(journal: Path | None = None, **knobs: object) -> AsyncIterator[Smsc]:
    """A simulated SMSC in this process, on TCP. Receipts come at once unless ``receipt_delay`` says otherwise."""
    options = SmscOptions(accounts={SYSTEM_ID: PASSWORD, "other": "other-pw"}, journal=journal, seed=1)
    smsc = Smsc(options, Behaviour().changed({"receipt_delay": "0", "redeliver_s": 0.1, **knobs}))
    await smsc.start()
    try:
        yield smsc
    finally:
        await smsc.close()


def smpp_config(port: int, **values: object) -> dict[str, Any]:
    return {
        "host": "127.0.0.1",
        "port": port,
        "system_id": SYSTEM_ID,
        "password": PASSWORD,
        "source_addr": "Todoke",
        "unbind_timeout_s": 0.05,
        **values,
    }


@asynccontextmanager
async def bound(
    provider: Provider,
    config: Mapping[str, Any],
    *,
    window: int = 100,
    stored: bool | None = True,
    recorder: type[Recorder] | None = None,
) -> AsyncIterator[Recorder]:
    """An open link with its recorder; closed at the end without draining."""
    link = provider.link(config, window=window)
    heard = (recorder or Recorder)(link, stored=stored)
    await link.open(heard)
    try:
        yield heard
    finally:
        await link.close(drain_s=0)


@asynccontextmanager
async def sending(
    journal: Path | None = None, *, window: int = 1000, account: Mapping[str, object] | None = None, **knobs: object
) -> AsyncIterator[tuple[Smsc, Recorder]]:
    """A simulated SMSC with the SMPP provider bound to it."""
    async with running_smsc(journal, **knobs) as smsc:
        config = smpp_config(smsc.port, **(account or {}))
        async with bound(provider_named("smpp"), config, window=window) as recorder:
            yield smsc, recorder


_references = itertools.count(1)


def parts_of(link: Link, to: str, text: str = "こんにちは", *, key: int = 1) -> list[Outgoing]:
    """A text for one number, in as many parts as the link wants; their keys count from ``key``."""
    total = link.count_parts(text)
    reference = next(_references) & 0xFFFF
    return [
        Outgoing(key=key + number, to=to, sender="", text=text, part=number + 1, parts=total, reference=reference)
        for number in range(total)
    ]


def one_part_each(link: Link, to: str, count: int) -> list[Outgoing]:
    """That many short texts to one number, with the keys 0, 1, …"""
    return [part for key in range(count) for part in parts_of(link, to, key=key)]


QUICK_CONFIG = {
    "enquire_link_s": 0.2,
    "enquire_answer_s": 0.2,
    "answer_timeout_s": 0.4,
    "connect_timeout_s": 1.0,
}


class RawPeer:
    """One end of a TCP connection that speaks in octets, so that a test can say what no decent peer would."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._framer = Framer()
        self._pdus: list[Pdu] = []

    def send(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def receive(self) -> Pdu:
        """The next PDU. Raises ``EOFError`` when the other side has closed."""
        async with asyncio.timeout(PATIENCE_S):
            while not self._pdus:
                try:
                    data = await self.reader.read(65536)
                except ConnectionError:
                    data = b""
                if not data:
                    raise EOFError
                self._pdus = self._framer.feed(data)
        return self._pdus.pop(0)

    async def receive_command(self, command: int) -> Pdu:
        """The next PDU of a kind; others are passed over."""
        while (pdu := await self.receive()).command != command:
            pass
        return pdu

    async def until_closed(self) -> list[Pdu]:
        """What still came before the other side closed."""
        pdus = []
        while True:
            try:
                pdus.append(await self.receive())
            except EOFError:
                return pdus

    def close(self) -> None:
        self.writer.close()


class RawSmsc:
    """A TCP server that hands its connections to the test. Answers binds, unless told otherwise, and nothing else."""

    def __init__(self, *, bind_status: int | None = 0) -> None:
        self._bind_status = bind_status
        self._peers: asyncio.Queue[RawPeer] = asyncio.Queue()
        self._open: list[RawPeer] = []
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> RawSmsc:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        assert self._server is not None
        self._server.close()
        for peer in self._open:
            peer.close()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def peer(self) -> RawPeer:
        """The next connection, its bind answered."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._peers.get()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = RawPeer(reader, writer)
        self._open.append(peer)
        bind = await peer.receive()
        if self._bind_status is not None:
            peer.send(HEADER.pack(17, bind.command | 0x80000000, self._bind_status, bind.sequence) + b"\0")
        self._peers.put_nowait(peer)


@asynccontextmanager
async def raw_client(port: int) -> AsyncIterator[RawPeer]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    peer = RawPeer(reader, writer)
    try:
        yield peer
    finally:
        peer.close()


class CuttingProxy:
    """Passes octets on to a port, and cuts both sides after so many in one direction ("up": to the server)."""

    def __init__(self, port: int, *, up: int | None = None, down: int | None = None) -> None:
        self._target = port
        self._limits = {"up": up, "down": down}
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self._pipes: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> CuttingProxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        assert self._server is not None
        self._server.close()
        self._cut()
        await asyncio.gather(*self._pipes)

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers += [writer, server_writer]
        self._pipes = [
            asyncio.create_task(self._pipe("up", reader, server_writer)),
            asyncio.create_task(self._pipe("down", server_reader, writer)),
        ]

    async def _pipe(self, direction: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = self._limits[direction]
        try:
            while (left is None or left > 0) and (data := await reader.read(65536)):
                writer.write(data if left is None else data[:left])
                await writer.drain()
                left = None if left is None else left - len(data)
        except ConnectionError:
            pass  # the other direction was cut first
        self._cut()

    def _cut(self) -> None:
        for writer in self._writers:
            writer.close()
