"""Connections as the carrier's role, and work that outlives the database's absence."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

import psycopg
import structlog
from django.conf import settings
from psycopg import AsyncConnection

log = structlog.get_logger()
Connection = AsyncConnection[Any]

RETRY_S: Final = 0.5
PLANS: Final = "-c enable_mergejoin=off -c enable_hashjoin=off -c enable_seqscan=off -c enable_material=off"
"""Rows are found by their keys. A table that was never analysed looks small, and would be read whole for each of a window's."""


async def connect() -> Connection:
    """A connection as the carrier's role, with ``PLANS`` (DESIGN.md §8). Raises ``psycopg.OperationalError``."""
    database = settings.DATABASES["carrier"]
    options = dict(database["OPTIONS"])
    options["options"] += f" {PLANS} -c timezone=UTC"
    connection: Connection = await AsyncConnection.connect(
        host=database["HOST"],
        port=database["PORT"] or 5432,
        user=database["USER"],
        password=database["PASSWORD"],
        dbname=database["NAME"],
        autocommit=True,
        **options,
    )
    connection.prepare_threshold = 2
    return connection


class Session:
    """One connection that is replaced when it fails."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def persistently(self, step: Callable[[], Awaitable[None]]) -> None:
        """Do ``step`` until the database has taken it. A step that fails must have forgotten nothing."""
        while True:
            try:
                return await step()
            except psycopg.OperationalError as exc:
                log.warning("carrier_worker.database_away", error=type(exc).__name__)
                await self._replace()

    async def _replace(self) -> None:
        await self.close()
        while True:
            await asyncio.sleep(RETRY_S)
            with contextlib.suppress(psycopg.OperationalError):
                self.connection = await connect()
                return

    async def close(self) -> None:
        with contextlib.suppress(psycopg.Error):
            await self.connection.close()
