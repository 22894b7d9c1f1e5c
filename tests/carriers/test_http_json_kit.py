"""The provider of JSON APIs through the shared kit, with an idempotency key and without."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from carriers.base import Link, ReceiptHook
from carriers.providers.http_json.carrier import HttpJsonProvider
from carriers.providers.http_json.statuses import STATUSES
from tests.carriers.http_stub import TOKEN, WEBHOOK_SECRET, Aggregator, HttpServer, http_config, http_secrets
from tests.carriers.kit import CarrierBench, CarrierKit
from tests.carriers.lab import Recorder, bound


class WebhookRecorder(Recorder):
    """Hears receipts from the webhook instead of the link, and answers the call with what was told of their token."""

    def __init__(self, link: Link, *, stored: bool | None = True) -> None:
        super().__init__(link, stored=stored)
        self.statuses: dict[object, int] = {}

    def _acknowledge(self, tokens: list[object]) -> None:
        self._heard.set()
        for token in tokens:
            self.statuses[token] = {True: 204, False: 503, None: 0}[self.stored]


class HttpJsonBench(CarrierBench):
    """The stub of an aggregator, and whoever listens to its webhook at the moment."""

    delivered = "+819012345678"
    undelivered = "+816011000001"
    refused = "+816013000001"
    throttled = "+816013310001"
    cut = "+816015000001"
    has_connection = False
    statuses = STATUSES
    receipt_reasons: Mapping[Any, str] = http_config(1)["receipts"]["reasons"]
    secrets = (TOKEN, WEBHOOK_SECRET)

    def __init__(self, **settings: object) -> None:
        self.provider = HttpJsonProvider()
        self._settings = settings
        self._recorder: WebhookRecorder | None = None
        self._hook: ReceiptHook | None = None

    @asynccontextmanager
    async def running(self, journal: Path) -> AsyncIterator[dict[str, Any]]:
        aggregator = Aggregator(webhook=self._hear)
        async with HttpServer(aggregator.respond) as server:
            yield {**http_config(server.port, **self._settings), **http_secrets()}
            await aggregator.close()

    @asynccontextmanager
    async def bound(
        self, config: Mapping[str, Any], *, window: int = 100, stored: bool | None = True
    ) -> AsyncIterator[Recorder]:
        async with bound(self.provider, config, window=window, stored=stored, recorder=WebhookRecorder) as recorder:
            assert isinstance(recorder, WebhookRecorder)
            self._recorder, self._hook = recorder, self.provider.receipt_hook(config)
            try:
                yield recorder
            finally:
                self._recorder = None

    async def _hear(self, body: bytes, headers: dict[str, str]) -> int:
        if self._recorder is None:
            return 503
        assert self._hook is not None
        self._hook.check(headers, body, now=datetime.now(UTC))
        recorder, token = self._recorder, object()
        recorder.on_receipts([replace(receipt, token=token) for receipt in self._hook.read(body)])
        return recorder.statuses.pop(token, 0)

    def with_wrong_password(self, config: Mapping[str, Any]) -> dict[str, Any]:
        return {**config, "token": TOKEN[::-1]}

    def with_nobody_there(self, config: Mapping[str, Any]) -> dict[str, Any]:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        return {**config, "check_url": "", "url": f"http://127.0.0.1:{port}/"}

    def unusable(self, config: Mapping[str, Any]) -> list[dict[str, Any]]:
        receipts = config["receipts"]
        wrong: list[dict[str, Any]] = [
            {"url": ""},
            {"url": "ftp://127.0.0.1/"},
            {"url": f"https://user:{TOKEN}@127.0.0.1/"},
            {"url": "http://127.0.0.1:99999/"},
            {"url": "https://127.0.0.1/a b"},
            {"plain_http": False},
            {"plain_http": "yes"},
            {"method": "GET"},
            {"method": ["POST"]},
            {"headers": {"X-A": "a\r\nX-B: b"}},
            {"headers": {"X A": "a"}},
            {"headers": {"X-A": 5}},
            {"body": {}},
            {"body": {"to": "{to}"}},
            {"body": {"to": "{to}", "text": "{text}", "x": {1, 2}}},
            {"auth": "digest"},
            {"auth": "basic", "username": "a:b", "password": TOKEN},
            {"auth": "header"},
            {"token": "トークン" + TOKEN},
            {"id_path": ""},
            {"id_path": "data..id"},
            {"codes": {"1": "final"}},
            {"codes": {"1": {"outcome": "maybe"}}},
            {"codes": {"1": {"outcome": ["final"]}}},
            {"codes": {"1": {"outcome": "final", "reason": "no reason of ours"}}},
            {"codes": {"1": {"outcome": "final"}}},
            {"statuses": {"teapot": {"outcome": "retry"}}},
            {"idempotency_header": "no header"},
            {"answer_timeout_s": float("nan")},
            {"answer_timeout_s": "8"},
            {"repeats": 100},
            {"tls_ca": "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----"},
            {"tls_cert": "-----BEGIN PRIVATE KEY-----\nin clear\n-----END PRIVATE KEY-----"},
            {"tls_key": "/run/secrets/key.pem"},
            {"tls_ca": 5},
            {"webhook_secret": "short"},
            {"receipts": {**receipts, "statuses": {}}},
            {"receipts": {**receipts, "statuses": {"OK": "arrived"}}},
            {"receipts": {**receipts, "statuses": {"OK": ["delivered"]}}},
            {"receipts": {**receipts, "reasons": {"6": "no reason of ours"}}},
            {"receipts": {**receipts, "algorithm": "md5"}},
            {"receipts": {**receipts, "proof": "none"}},
            {"receipts": {**receipts, "header": ""}},
            {"receipts": {**receipts, "tolerance_s": 0}},
            {"receipts": {**receipts, "tollerance_s": 5}},
            {"passwort": TOKEN},
        ]
        return [{**config, **values} for values in wrong]


class TestWithoutKey(CarrierKit):
    bench = HttpJsonBench()


class TestWithKey(CarrierKit):
    bench = HttpJsonBench(idempotency_header="Idempotency-Key", destination_form="national")
