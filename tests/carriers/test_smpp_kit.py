"""The SMPP provider through the shared kit, in each way an account may be set up."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from carriers.providers.smpp.carrier import SmppProvider
from carriers.providers.smpp.statuses import COMMAND_STATUSES, RECEIPT_CODES
from tests.carriers.kit import CarrierBench, CarrierKit
from tests.carriers.lab import PASSWORD, running_smsc, smpp_config


class SmppBench(CarrierBench):
    """The simulated SMSC, and an account with some settings of its own."""

    delivered = "+819012345678"
    undelivered = "+816011000001"
    refused = "+816013000001"
    throttled = "+816013310001"
    cut = "+816015000001"
    statuses = COMMAND_STATUSES
    receipt_reasons = RECEIPT_CODES
    secrets = (PASSWORD,)

    def __init__(self, **settings: object) -> None:
        self.provider = SmppProvider()
        self._settings = settings

    @asynccontextmanager
    async def running(self, journal: Path) -> AsyncIterator[dict[str, Any]]:
        async with running_smsc(journal) as smsc:
            yield smpp_config(smsc.port, **self._settings)

    def with_wrong_password(self, config: Mapping[str, Any]) -> dict[str, Any]:
        return {**config, "password": PASSWORD[::-1]}

    def with_nobody_there(self, config: Mapping[str, Any]) -> dict[str, Any]:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            return {**config, "port": taken.getsockname()[1]}

    def unusable(self, config: Mapping[str, Any]) -> list[dict[str, Any]]:
        wrong: list[dict[str, Any]] = [
            {"host": ""},
            {"port": 0},
            {"port": "2775"},
            {"port": True},
            {"system_id": "longer than sixteen"},
            {"password": 5},
            {"password": "パスワード" + PASSWORD},
            {"password": PASSWORD + "\0"},
            {"mode": "both"},
            {"mode": ["transceiver"]},
            {"long_text": "split"},
            {"id_form": "octal"},
            {"tls": "yes"},
            {"tls": True, "tls_ca": "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----"},
            {"tls": True, "tls_cert": "-----BEGIN PRIVATE KEY-----\nin clear\n-----END PRIVATE KEY-----"},
            {"tls": True, "tls_key": "/run/secrets/key.pem"},
            {"tls_ca": 5},
            {"enquire_link_s": 0},
            {"enquire_link_s": "15"},
            {"answer_timeout_s": float("nan")},
            {"receipt_time_zone": "Asia/Minato"},
            {"receipt_time_zone": 9},
            {"receipt_codes": {"6": "no reason of ours"}},
            {"receipt_codes": {"six": "ported"}},
            {"receipt_codes": ["ported"]},
            {"receipt_codes": {"6": ["ported"]}},
            {"receipt_error_base": 8},
            {"receipt_error_base": []},
            {"destination_ton": 256},
            {"window": 0},
            {"passwort": PASSWORD},
        ]
        return [{**config, **values} for values in wrong]


class TestTransceiver(CarrierKit):
    bench = SmppBench()


class TestTransmitterAndReceiver(CarrierKit):
    bench = SmppBench(mode="transmitter_receiver")


class TestSar(CarrierKit):
    bench = SmppBench(long_text="sar", data_coding="ucs2")


class TestPayload(CarrierKit):
    bench = SmppBench(long_text="payload", destination_form="national")
