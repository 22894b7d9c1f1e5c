"""The broker's transport, with one mend: a message that could not be acknowledged gives its place back.

kombu counts a delivered message against the prefetch limit until Redis has taken its acknowledgement, and Celery logs an
acknowledgement that fails and goes on. With late acknowledgements and one message at a time, a worker that was cut off from
its broker in mid-task would be silent for ever: connected, and waiting for room. The broker keeps such a message and gives it
out again after the visibility timeout, which is harmless: a task may be repeated at any time.
"""

from __future__ import annotations

from kombu.transport import redis, virtual


class QoS(redis.QoS):
    """Raises what the stock one raises."""

    def ack(self, delivery_tag: str) -> None:
        try:
            super().ack(delivery_tag)
        except Exception:
            virtual.QoS.ack(self, delivery_tag)
            raise

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: FBT001, FBT002 - kombu's signature
        try:
            super().reject(delivery_tag, requeue=requeue)
        except Exception:
            virtual.QoS.ack(self, delivery_tag)
            raise


class Channel(redis.Channel):
    QoS = QoS


class Transport(redis.Transport):
    Channel = Channel
