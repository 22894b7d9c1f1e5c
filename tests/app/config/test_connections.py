"""A connection whose other end is gone is noticed by both ends, and the pump's is made as the settings say."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from django.conf import settings
from django.db import connections

from config.celery import app
from dispatch.services.sending.database import connect

pytestmark = pytest.mark.usefixtures("committed")
SERVERS_END = ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count", "tcp_user_timeout")
OUR_END = ("keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout")
HALF_A_MINUTE = ["10", "5", "3", "20000"]
BROKERS = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)


async def asked(*names: str) -> tuple[list[str], dict[str, str]]:
    """What the pump's connection shows of these, and its own parameters."""
    connection = await connect()
    try:
        values = [(await (await connection.execute(f"SHOW {name}")).fetchone() or [""])[0] for name in names]
        return values, connection.info.get_parameters()
    finally:
        await connection.close()


class TestAConnection:
    @pytest.mark.parametrize("alias", ["default", "owner", "operator", "carrier"])
    def test_notices_a_host_that_is_gone(self, alias: str) -> None:
        shown = []
        with connections[alias].cursor() as cursor:
            for name in SERVERS_END:
                cursor.execute(f"SHOW {name}")
                shown.append(cursor.fetchone()[0])
            ours = cursor.connection.info.get_parameters()

        assert shown == HALF_A_MINUTE
        assert [ours[name] for name in OUR_END] == HALF_A_MINUTE

    def test_of_the_pump_notices_it_too(self) -> None:
        shown, ours = asyncio.run(asked(*SERVERS_END))

        assert shown == HALF_A_MINUTE
        assert [ours[name] for name in OUR_END] == HALF_A_MINUTE

    def test_of_the_pump_is_made_as_its_url_says(self, monkeypatch: pytest.MonkeyPatch) -> None:
        options: dict[str, Any] = {**settings.DATABASES["carrier"]["OPTIONS"], "application_name": "a pump"}
        monkeypatch.setitem(settings.DATABASES["carrier"], "OPTIONS", options)

        shown, _ = asyncio.run(asked("application_name", "enable_hashjoin"))

        assert shown == ["a pump", "off"]

    def test_of_the_broker_notices_it_too(self) -> None:
        with app.connection_for_read() as broker:
            client = broker.default_channel.client
            connection = client.connection_pool.get_connection()
            try:
                shown = [connection._sock.getsockopt(socket.IPPROTO_TCP, option) for option in BROKERS]
            finally:
                client.connection_pool.release(connection)

        assert [str(value) for value in shown] == HALF_A_MINUTE
