"""One carrier worker: holds a bind's lease, keeps the link open, runs the pump on it.

The Celery worker's thread runs ``CarrierWorker.run``; everything else here is asyncio in that thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import psycopg
import structlog

from carriers.base import Link
from carriers.errors import CarrierError, Misconfigured
from carriers.models import BindState, CarrierAccount
from carriers.registry import provider_named
from dispatch.pacing import MOST_FAILURES, Pacer, rest_s
from dispatch.services.sending.claims import Holder, Rings
from dispatch.services.sending.database import Connection, Session, connect
from dispatch.services.sending.pump import DRAIN_S, Pump
from dispatch.services.sending.receiving import ReceiptDesk

log = structlog.get_logger()

BIND_LEASE_S: Final = 10
RENEW_S: Final = 2.0
LOOK_S: Final = 1.0  # without a bind
OPEN_S: Final = 90.0  # a provider gives up long before
HELD_S: Final = 5.0  # a link that held so long was well: the next one is tried after the shortest rest

# The rest after a failure stands in the row, as a lease that nobody holds: it binds the workers of all hosts.
TAKE_BIND: Final = """
WITH free AS (
    SELECT b.id FROM carriers_carrierbind b JOIN carriers_carrieraccount a ON a.id = b.account_id
    WHERE a.is_enabled AND (b.lease_until IS NULL OR b.lease_until < clock_timestamp()) AND b.number <= a.binds
    ORDER BY b.error <> '', a.rank, b.account_id, b.number LIMIT 1 FOR NO KEY UPDATE OF b SKIP LOCKED
)
UPDATE carriers_carrierbind b
SET holder = %s, lease_until = clock_timestamp() + make_interval(secs => %s), seen_at = clock_timestamp()
FROM free WHERE b.id = free.id RETURNING b.id, b.account_id, b.number, b.failures
"""
SEE_RESTING: Final = """
UPDATE carriers_carrierbind SET seen_at = clock_timestamp()
WHERE holder = '' AND lease_until > clock_timestamp() AND seen_at < clock_timestamp() - interval '5 seconds'
"""
# What a link and its pump were made of: where an operator has changed it, they are made anew.
_SETTINGS: Final = 'hashtextextended(ROW(a.provider, a.config, a.sealed_secrets, a."window", a.texts_per_s)::text, 0)'
RENEW_BIND: Final = f"""
UPDATE carriers_carrierbind b
SET lease_until = clock_timestamp() + make_interval(secs => %s), seen_at = clock_timestamp(), outstanding = %s,
    state = %s, error = %s, state_at = CASE WHEN b.state = %s THEN b.state_at ELSE clock_timestamp() END
FROM carriers_carrieraccount a
WHERE b.id = %s AND b.holder = %s AND a.id = b.account_id RETURNING CASE WHEN a.is_enabled THEN {_SETTINGS} END
"""  # noqa: S608 - constants
FREE_BIND: Final = """
UPDATE carriers_carrierbind
SET holder = '', outstanding = 0, failures = %s, lease_until = clock_timestamp() + make_interval(secs => %s)
WHERE id = %s AND holder = %s
"""
ACCOUNT: Final = f"""
SELECT {_SETTINGS}, id, name, provider, config, sealed_secrets, "window", texts_per_s
FROM carriers_carrieraccount a WHERE id = %s
"""  # noqa: S608 - constants


@dataclass(slots=True)
class Bind:
    """The bind that this worker holds, and what the operators see of it."""

    bind_id: int
    account_id: int
    number: int
    failures: int = 0  # in a row, whoever tried
    state: BindState = BindState.CONNECTING
    error: str = ""
    outstanding: int = 0
    settings: int = 0
    rest_s: float = 0.0

    def fail(self, state: BindState, error: str) -> None:
        """It ended, or never began; nobody tries it again before it has had its rest."""
        self.state, self.error = state, error
        self.rest_s = rest_s(is_refused=state is BindState.REFUSED, failures=self.failures, share=random.random())  # noqa: S311 - jitter
        self.failures = min(self.failures + 1, MOST_FAILURES)


class NoSuchAccount(Exception):
    """It went away after its bind was taken."""


class CarrierWorker:
    """Runs until ``stop``. One bind at a time; without a free one it waits for one."""

    def __init__(self) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{random.getrandbits(32):08x}"  # noqa: S311 - a name
        self._pump: Pump | None = None
        self._stopping = asyncio.Event()
        self._rings = Rings()

    def wake(self, account_id: int) -> None:
        """Called on the loop when somebody made a batch for this account."""
        if self._pump is not None and self._pump.holder.account_id == account_id:
            self._pump.wake()

    def stop(self) -> None:
        """Called on the loop: drain, record, unbind, end."""
        self._stopping.set()
        if self._pump is not None:
            self._pump.stop()

    async def run(self) -> None:
        """Until stopped. A surprise is logged and costs the bind, not the worker."""
        while not self._stopping.is_set():
            try:
                await self._serve_a_bind()
            except psycopg.OperationalError as exc:
                log.warning("carrier_worker.database_away", error=type(exc).__name__)
            except Exception:
                log.exception("carrier_worker.surprise")
            await self._pause(LOOK_S * random.uniform(0.5, 1.0))  # noqa: S311 - jitter

    async def _serve_a_bind(self) -> None:
        """Take a bind and hold it until its link ends; without a free one show that those at rest have a worker."""
        session = Session(await connect())
        try:
            cursor = await session.connection.execute(TAKE_BIND, [self.name, BIND_LEASE_S])
            row = await cursor.fetchone()
            if row is None:
                await session.connection.execute(SEE_RESTING)
                return
            bind = Bind(*row)
            async with self._leased(bind):
                await self._serve(bind, session)
        finally:
            await session.close()

    @contextlib.asynccontextmanager
    async def _leased(self, bind: Bind) -> AsyncIterator[None]:
        """Keep the bind's lease beside the work; losing it stops the pump."""
        session = Session(await connect())
        keeper = asyncio.create_task(self._keep(bind, session))
        try:
            yield
        finally:
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper
            with contextlib.suppress(psycopg.OperationalError):  # the lease ends by itself
                await self._show(session.connection, bind)
                rest = [bind.failures, bind.rest_s, bind.bind_id, self.name]
                await session.connection.execute(FREE_BIND, rest)
            await session.close()

    async def _keep(self, bind: Bind, session: Session) -> None:
        async def renew() -> None:
            if not await self._show(session.connection, bind) and self._pump is not None:
                log.warning("carrier_worker.bind_given_up", account_id=bind.account_id, bind=bind.number)
                self._pump.stop()

        while True:
            await asyncio.sleep(RENEW_S)
            await session.persistently(renew)

    async def _show(self, connection: Connection, bind: Bind) -> bool:
        """Renew the lease and show the state; answers whether the bind is still ours, wanted, and set up as it stands."""
        if self._pump is not None:
            bind.outstanding = self._pump.outstanding
        cursor = await connection.execute(
            RENEW_BIND,
            [BIND_LEASE_S, bind.outstanding, bind.state, bind.error[:200], bind.state, bind.bind_id, self.name],
        )
        row = await cursor.fetchone()
        return row is not None and bool(row[0] == bind.settings)

    async def _serve(self, bind: Bind, session: Session) -> None:
        account = await self._account(session.connection, bind)
        await self._show(session.connection, bind)
        beside = Session(await connect())
        try:
            link = provider_named(account.provider).link(account.full_config, window=account.window)
            pump = self._make_pump(link, session, beside, account)
            async with asyncio.timeout(OPEN_S):
                await link.open(pump)
        except CarrierError as exc:
            is_refused = isinstance(exc, Misconfigured)
            bind.fail(BindState.REFUSED if is_refused else BindState.DOWN, f"{exc} {exc.code}".strip())
            log.warning("carrier.not_bound", account_id=account.pk, error=type(exc).__name__, code=exc.code)
        except psycopg.Error:
            raise
        except Exception as exc:  # a provider that fails costs its own account only; the operator sees which, and why
            bind.fail(BindState.REFUSED, f"provider failed: {type(exc).__name__}")
            log.exception("carrier.provider_failed", account_id=account.pk)
        else:
            await self._feed(bind, link, pump, session)
        finally:
            await beside.close()

    async def _feed(self, bind: Bind, link: Link, pump: Pump, session: Session) -> None:
        """Run the pump on an open link until either ends."""
        bound_at, has_failed = time.monotonic(), False
        self._pump = pump
        try:
            bind.state, bind.error = BindState.BOUND, ""
            await self._show(session.connection, bind)
            log.info("carrier.bound", account_id=bind.account_id, bind=bind.number)
            if self._stopping.is_set():
                pump.stop()
            await pump.run()
        except psycopg.Error:
            raise
        except Exception as exc:
            has_failed = True
            pump.closed_reason = pump.closed_reason or f"provider failed: {type(exc).__name__}"
            log.exception("carrier.provider_failed", account_id=bind.account_id)
        finally:
            self._pump = None
            bind.outstanding = 0
            if pump.closed_reason is None or time.monotonic() - bound_at > HELD_S:
                bind.failures = 0
            if pump.closed_reason is None:
                bind.state = BindState.DOWN
            else:
                is_refused = has_failed or link.is_refused
                bind.fail(BindState.REFUSED if is_refused else BindState.DOWN, pump.closed_reason)
            await link.close(drain_s=DRAIN_S if pump.closed_reason is None else 0)
        log.info("carrier.unbound", account_id=bind.account_id, bind=bind.number, reason=pump.closed_reason)

    def _make_pump(self, link: Link, session: Session, beside: Session, account: CarrierAccount) -> Pump:
        window = min(account.window, link.capabilities.window)
        return Pump(
            link=link,
            session=session,
            desk=ReceiptDesk(
                link=link,
                session=beside,
                account_id=account.pk,
                rings=self._rings,
                is_beside_webhook=link.capabilities.webhook,
            ),
            holder=Holder(account.pk, self.name, is_idempotent=link.capabilities.idempotent),
            rings=self._rings,
            pacer=Pacer(limit=account.texts_per_s),
            window=window,
        )

    async def _account(self, connection: Connection, bind: Bind) -> CarrierAccount:
        """The account as it stands, and in ``bind`` what will tell whether it still does."""
        cursor = await connection.execute(ACCOUNT, [bind.account_id])
        row = await cursor.fetchone()
        if row is None:
            raise NoSuchAccount
        bind.settings, *values = row
        names = ("id", "name", "provider", "config", "sealed_secrets", "window", "texts_per_s")
        return CarrierAccount(**dict(zip(names, values, strict=True)))

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
