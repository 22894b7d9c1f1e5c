"""A worker that could not acknowledge a message goes on to the next."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import redis
from django.conf import settings
from kombu import Connection, Queue
from kombu.transport.redis import Transport as StockTransport
from redis.exceptions import TimeoutError as NoAnswer

from config.broker import Transport
from config.celery import app

SOCKET_S = 0.2


@pytest.fixture
def broker() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        try:
            yield client
        finally:
            client.client_unpause()


def message_that_cannot_be_acknowledged(transport: Any, broker: redis.Redis) -> Any:
    """The channel that took it, one at a time, and was refused its acknowledgement."""
    queue = Queue(f"test-{uuid4()}")
    connection = Connection(
        settings.REDIS_URL,
        transport=transport,
        transport_options={"socket_timeout": SOCKET_S, "global_keyprefix": f"{uuid4()}-"},
    )
    channel = connection.channel()
    channel.basic_qos(0, 1, False)
    bound = queue(channel)
    bound.declare()
    for body in ("first", "second"):
        connection.Producer(channel).publish(body, routing_key=queue.name)
    message = bound.get(no_ack=False)
    broker.client_pause(int(10_000 * SOCKET_S), all=False)
    with pytest.raises(NoAnswer):
        message.ack()
    broker.client_unpause()
    return channel


class TestAMessageThatCannotBeAcknowledged:
    def test_gives_its_place_to_the_next(self, broker: redis.Redis) -> None:
        channel = message_that_cannot_be_acknowledged(Transport, broker)

        assert channel.qos.can_consume()

    def test_is_kept_by_the_broker_to_be_given_out_again(self, broker: redis.Redis) -> None:
        channel = message_that_cannot_be_acknowledged(Transport, broker)

        given_out_again = time.time() + channel.visibility_timeout
        with channel.conn_or_acquire() as client:
            ((_tag, taken_at),) = client.zrange(channel.unacked_index_key, 0, -1, withscores=True)
        assert given_out_again - 10 < taken_at + channel.visibility_timeout <= given_out_again

    def test_would_keep_its_place_for_ever_with_the_stock_transport(self, broker: redis.Redis) -> None:
        """Once this fails, the mend can go."""
        channel = message_that_cannot_be_acknowledged(StockTransport, broker)

        assert not channel.qos.can_consume()


class TestTheWorkers:
    def test_have_the_mended_transport(self) -> None:
        with app.connection_for_read() as connection:
            assert isinstance(connection.transport, Transport)
