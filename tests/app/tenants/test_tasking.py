"""Enqueueing: wake-ups that nobody waits for."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from celery import current_app
from kombu.exceptions import OperationalError

from tenants import tasking


class TestEnqueue:
    def test_does_not_wait_for_a_broker_that_takes_its_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        go_on, published = threading.Event(), threading.Event()

        def publish(name: str, **options: Any) -> None:
            go_on.wait(10)
            assert (name, options["kwargs"]) == ("dispatch.sweep", {"tenant_id": 1})
            published.set()

        monkeypatch.setattr(current_app, "send_task", publish)
        publisher = tasking.Publisher()

        began = time.monotonic()
        publisher.put("dispatch.sweep", {"tenant_id": 1})
        assert time.monotonic() - began < 0.5
        assert not published.is_set()
        go_on.set()
        assert published.wait(10)

    def test_goes_on_after_one_that_could_not_be_published(self, monkeypatch: pytest.MonkeyPatch) -> None:
        names: list[str] = []
        done = threading.Event()

        def publish(name: str, **_options: Any) -> None:
            names.append(name)
            if name == "first":
                raise OperationalError
            done.set()

        monkeypatch.setattr(current_app, "send_task", publish)
        publisher = tasking.Publisher()

        publisher.put("first", {})
        publisher.put("second", {})

        assert done.wait(10)
        assert names == ["first", "second"]
