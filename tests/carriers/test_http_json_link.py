"""The provider of JSON APIs when things go wrong: what left, what is known of it, and what is never said."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from carriers import reasons
from carriers.base import Outcome, Outgoing, Receipt, ReceiptHook, ReceiptStatus
from carriers.errors import MalformedReceipt, NotAuthentic, OutcomeUnknown, Unreachable
from carriers.http import HttpClient, HttpTimes
from carriers.providers.http_json.carrier import HttpJsonProvider
from carriers.providers.http_json.translating import key_of
from tests.carriers.http_stub import (
    TOKEN,
    Aggregator,
    HttpServer,
    Request,
    http_config,
    http_secrets,
    signed,
)
from tests.carriers.lab import Recorder, bound, in_loop, one_part_each, parts_of

TO = "+819012345678"
CUT_BEFORE_ANSWER, CUT_BEFORE_TAKING = "+816015000001", "+816015200001"
KEY = {"idempotency_header": "Idempotency-Key"}


@asynccontextmanager
async def sending(*, window: int = 100, **settings: object) -> AsyncIterator[tuple[Aggregator, Recorder]]:
    aggregator = Aggregator()
    async with HttpServer(aggregator.respond) as server:
        config = {**http_config(server.port, **settings), **http_secrets()}
        async with bound(HttpJsonProvider(), config, window=window) as recorder:
            yield aggregator, recorder
        await aggregator.close()


@asynccontextmanager
async def answering(status: int, body: bytes, **settings: object) -> AsyncIterator[Recorder]:
    """A link to a server that says the same to every text."""

    async def respond(request: Request) -> tuple[int, bytes]:
        return (200, b"{}") if request.method == "GET" else (status, body)

    async with HttpServer(respond) as server:
        config = {**http_config(server.port, **settings), **http_secrets()}
        async with bound(HttpJsonProvider(), config) as recorder:
            yield recorder


class TestRequest:
    @in_loop
    async def test_holds_the_values_literally(self) -> None:
        text = 'a "b" {to} \\ {{text}} \n 届 😀'
        async with sending() as (aggregator, recorder):
            recorder.link.submit(parts_of(recorder.link, TO, text))
            await recorder.until(lambda: recorder.results)

            message = aggregator.accepted[0]
            assert (message["to"], message["text"], message["from"]) == (TO, text, "Todoke")
            assert aggregator.requests[0].headers["content-type"] == "application/json"

    @in_loop
    async def test_of_a_lone_surrogate_is_refused_before_it_leaves(self) -> None:
        async with sending() as (aggregator, recorder):
            recorder.link.submit(parts_of(recorder.link, TO, "\ud83d"))
            await recorder.until(lambda: recorder.results)

            assert recorder.results[0].outcome is Outcome.FINAL
            assert aggregator.requests == []

    @in_loop
    async def test_never_runs_beside_more_than_the_window_allows(self) -> None:
        async with sending(window=4) as (aggregator, recorder):
            recorder.link.submit(one_part_each(recorder.link, "+816014010001", 4))

            with pytest.raises(ValueError, match="window"):
                recorder.link.submit(one_part_each(recorder.link, TO, 1))
            await recorder.until(lambda: len(recorder.results) == 4)
            assert len(aggregator.accepted) == 4


class TestAnswer:
    @pytest.mark.parametrize(
        ("status", "body", "outcome"),
        [
            (200, b'{"data": {"id": "7"}}', Outcome.ACCEPTED),
            (202, b'{"data": {"id": 7}}', Outcome.ACCEPTED),
            (200, b'{"data": {"id": ""}}', Outcome.UNKNOWN),
            (200, b'{"data": {"id": ["7"]}}', Outcome.UNKNOWN),
            (200, b'{"data": {"id": "' + b"7" * 71 + b'"}}', Outcome.UNKNOWN),
            (200, b'{"data": {"id": "7"}, "error": {"code": "9"}}', Outcome.UNKNOWN),
            (200, b"<html>", Outcome.UNKNOWN),
            (200, b"[" * 100_000, Outcome.UNKNOWN),
            (200, b'{"a":"' + b"x" * 300_000 + b'"}', Outcome.UNKNOWN),
            (200, b'{"error": {"code": "4001"}}', Outcome.FINAL),
            (500, b'{"error": {"code": "4001"}}', Outcome.FINAL),
            (400, b"", Outcome.FINAL),
            (409, b"", Outcome.UNKNOWN),
            (429, b"", Outcome.THROTTLED),
            (500, b"", Outcome.UNKNOWN),
            (502, b"\xff\x00", Outcome.UNKNOWN),
            (503, b"", Outcome.THROTTLED),
            (418, b"", Outcome.UNKNOWN),
        ],
    )
    @in_loop
    async def test_means_what_the_tables_say(self, status: int, body: bytes, outcome: Outcome) -> None:
        async with answering(status, body) as recorder:
            recorder.link.submit(parts_of(recorder.link, TO))
            await recorder.until(lambda: recorder.results)

            assert recorder.results[0].outcome is outcome
            assert (recorder.results[0].carrier_id == "7") is (outcome is Outcome.ACCEPTED)
            assert recorder.closed == []

    @in_loop
    async def test_may_mean_something_else_to_this_carrier(self) -> None:
        table = {"503": {"outcome": "unknown"}, "418": {"outcome": "final", "reason": reasons.TEXT_TOO_LONG}}
        for status, outcome in ((503, Outcome.UNKNOWN), (418, Outcome.FINAL)):
            async with answering(status, b"", statuses=table) as recorder:
                recorder.link.submit(parts_of(recorder.link, TO))
                await recorder.until(lambda heard=recorder: heard.results)

                assert recorder.results[0].outcome is outcome

    @pytest.mark.parametrize("status", [302, 401, 403, 404])
    @in_loop
    async def test_that_refuses_the_account_fails_no_text_and_closes_the_link(self, status: int) -> None:
        async with answering(status, b"") as recorder:
            recorder.link.submit(one_part_each(recorder.link, TO, 3))
            await recorder.until(lambda: recorder.closed)

            assert set(recorder.outcomes().values()) == {Outcome.RETRY}
            assert recorder.closed == [f"account refused: HTTP {status}"]
            with pytest.raises(Unreachable):
                recorder.link.submit(parts_of(recorder.link, TO))

    @in_loop
    async def test_unknown_codes_are_reported_once(self) -> None:
        with capture_logs() as logs:
            async with answering(418, b"") as recorder:
                recorder.link.submit(one_part_each(recorder.link, TO, 5))
                await recorder.until(lambda: len(recorder.results) == 5)

        assert [entry["code"] for entry in logs if entry["event"] == "http.unknown_status"] == ["HTTP 418"]


class TestLostAnswer:
    @in_loop
    async def test_is_unknown_without_a_key_and_asked_once(self) -> None:
        async with sending() as (aggregator, recorder):
            recorder.link.submit(parts_of(recorder.link, CUT_BEFORE_ANSWER))
            await recorder.until(lambda: recorder.results)

            assert recorder.results[0].outcome is Outcome.UNKNOWN
            assert len(aggregator.requests) == len(aggregator.accepted) == 1

    @in_loop
    async def test_is_asked_again_by_the_same_key(self) -> None:
        async with sending(**KEY) as (aggregator, recorder):
            recorder.link.submit(parts_of(recorder.link, CUT_BEFORE_ANSWER))
            await recorder.until(lambda: recorder.results)

            assert recorder.results[0].outcome is Outcome.ACCEPTED
            assert [message["id"] for message in aggregator.accepted] == [recorder.results[0].carrier_id]
            assert len({request.headers["idempotency-key"] for request in aggregator.requests}) == 1

    @in_loop
    async def test_is_unknown_with_a_key_too_after_a_few_times(self) -> None:
        async with sending(**KEY) as (aggregator, recorder):
            recorder.link.submit(parts_of(recorder.link, CUT_BEFORE_TAKING))
            await recorder.until(lambda: recorder.results)

            assert recorder.results[0].outcome is Outcome.UNKNOWN
            assert len(aggregator.requests) == 3

    @in_loop
    async def test_is_not_made_known_by_a_later_no_for_now(self) -> None:
        """That the second try was throttled says nothing of the first."""
        answers = iter([(500, b"")] + [(429, b"")] * 5)

        async def respond(request: Request) -> tuple[int, bytes]:
            return (200, b"{}") if request.method == "GET" else next(answers)

        async with HttpServer(respond) as server:
            config = {**http_config(server.port, **KEY), **http_secrets()}
            async with bound(HttpJsonProvider(), config) as recorder:
                recorder.link.submit(parts_of(recorder.link, TO))
                await recorder.until(lambda: recorder.results)

                assert recorder.results[0].outcome is Outcome.UNKNOWN

    @in_loop
    async def test_of_one_text_delays_no_other(self) -> None:
        async with sending(answer_timeout_s=0.3) as (_, recorder):
            recorder.link.submit(parts_of(recorder.link, "+816014010001"))
            recorder.link.submit(parts_of(recorder.link, TO, key=9))
            await recorder.until(lambda: len(recorder.results) == 2)

            assert recorder.outcomes() == {9: Outcome.ACCEPTED, 1: Outcome.UNKNOWN}
            assert recorder.results[0].key == 9

    @in_loop
    async def test_at_the_end_is_left_to_the_pump(self) -> None:
        async with sending() as (_, recorder):
            recorder.link.submit(parts_of(recorder.link, "+816014050001"))
            await asyncio.sleep(0.05)
            await recorder.link.close(drain_s=0.05)

            assert recorder.results == []
            assert recorder.closed == ["closing"]


class TestServerAway:
    @in_loop
    async def test_leaves_nothing_unknown_and_closes_the_link(self) -> None:
        aggregator = Aggregator()
        async with HttpServer(aggregator.respond) as server:
            config = {**http_config(server.port), **http_secrets()}
            link = HttpJsonProvider().link(config, window=100)
            recorder = Recorder(link)
            await link.open(recorder)
        link.submit(one_part_each(link, TO, 5))
        await recorder.until(lambda: recorder.closed)

        assert set(recorder.outcomes().values()) <= {Outcome.RETRY}
        assert len(recorder.outcomes()) == 5
        await link.close(drain_s=0)
        assert len(recorder.closed) == 1

    @in_loop
    async def test_waits_for_those_under_way_and_parks_the_rest(self) -> None:
        async with sending() as (aggregator, recorder):
            recorder.link.submit(parts_of(recorder.link, "+816014010001", key=1))
            await asyncio.sleep(0.1)
            aggregator.hide_status = 401
            recorder.link.submit(parts_of(recorder.link, TO, key=2))
            await recorder.until(lambda: recorder.results)
            recorder.link.submit(parts_of(recorder.link, TO, key=3))
            await recorder.until(lambda: recorder.closed)

            assert recorder.outcomes() == {1: Outcome.ACCEPTED, 2: Outcome.RETRY, 3: Outcome.RETRY}


class TestClient:
    @in_loop
    async def test_tells_what_left_from_what_did_not_and_quotes_nothing(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            nobody = taken.getsockname()[1]

        async def cut(request: Request) -> tuple[int, bytes]:
            return 0, b""

        async with (
            HttpServer(cut) as server,
            HttpClient(connections=1, times=HttpTimes(connect_s=1, answer_s=1)) as client,
        ):
            for address, kind in (
                (f"http://127.0.0.1:{nobody}/?q={TOKEN}", Unreachable),
                (f"https://127.0.0.1:{server.port}/?q={TOKEN}", Unreachable),  # no TLS there
                (f"http://no-such-host.invalid/?q={TOKEN}", Unreachable),
                (f"http://127.0.0.1:{server.port}/?q={TOKEN}", OutcomeUnknown),
            ):
                with pytest.raises(kind) as caught:
                    await client.send("POST", address, headers={"X-Token": TOKEN}, content=TO.encode())

                told = repr(caught.value) + repr(caught.value.__cause__)
                assert TOKEN not in told
                assert TO not in told
        assert TOKEN not in caplog.text

    @in_loop
    async def test_gives_up_on_an_answer_that_trickles(self) -> None:
        async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            try:
                while True:
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(0.05)
            except ConnectionError:
                writer.close()

        server = await asyncio.start_server(trickle, "127.0.0.1", 0)
        async with server, HttpClient(connections=1, times=HttpTimes(connect_s=0.2, answer_s=0.3)) as client:
            with pytest.raises(OutcomeUnknown):
                await client.send("GET", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", headers={})


class TestKey:
    def test_is_the_same_for_the_same_part_and_another_for_any_other(self) -> None:
        one = Outgoing(key=257, to=TO, sender="", text="a", part=1, parts=1, reference=1)
        others = [replace(one, key=258), replace(one, to=TO + "0"), replace(one, text="b"), replace(one, part=2)]

        assert key_of(one) == key_of(replace(one, reference=9))
        assert len({key_of(other) for other in [one, *others]}) == 5


ENTRY = {"id": "agg-1", "status": "DELIVRD", "error": None, "to": "09012345678", "ref": "17", "at": 1_660_532_400}


def hook(**rules: Any) -> ReceiptHook:
    config = {**http_config(1), **http_secrets()}
    config["receipts"] = {**config["receipts"], **rules}
    made = HttpJsonProvider().receipt_hook(config)
    assert made is not None
    return made


def read_one(entry: dict[str, Any], **rules: Any) -> Receipt:
    return hook(**rules).read(json.dumps({"events": [entry]}).encode())[0]


class TestHook:
    def test_believes_what_is_signed(self) -> None:
        body, headers = signed({"events": [ENTRY]})

        hook().check(headers, body, now=datetime.now(UTC))

    @pytest.mark.parametrize(
        ("secret", "age_s", "spoil"),
        [
            ("another-secret-123", 0, {}),
            (None, 301, {}),
            (None, -301, {}),
            (None, 0, {"X-Signature": ""}),
            (None, 0, {"X-Signature": "sha256=zz"}),
            (None, 0, {"X-Signature": "sha256=署名"}),
            (None, 0, {"X-Timestamp": ""}),
            (None, 0, {"X-Timestamp": "9" * 400}),
        ],
    )
    def test_believes_nothing_else(self, secret: str | None, age_s: int, spoil: dict[str, str]) -> None:
        now = datetime.now(UTC)
        at = (now - timedelta(seconds=age_s)).timestamp()
        body, headers = signed({"events": [ENTRY]}, at=at, **({"secret": secret} if secret else {}))

        with pytest.raises(NotAuthentic):
            hook().check({**headers, **spoil}, body, now=now)

    def test_believes_a_signature_for_its_own_body_only(self) -> None:
        body, headers = signed({"events": [ENTRY]})

        with pytest.raises(NotAuthentic):
            hook().check(headers, body + b" ", now=datetime.now(UTC))

    def test_compares_a_shared_secret(self) -> None:
        shared = hook(proof="secret", timestamp_header="")

        shared.check({"X-Signature": http_secrets()["webhook_secret"]}, b"{}", now=datetime.now(UTC))
        for wrong in ("", "署名", http_secrets()["webhook_secret"] + "x"):
            with pytest.raises(NotAuthentic):
                shared.check({"X-Signature": wrong}, b"{}", now=datetime.now(UTC))

    def test_reads_every_field(self) -> None:
        receipt = read_one(ENTRY)

        assert (receipt.carrier_id, receipt.status, receipt.code, receipt.reason) == (
            "agg-1",
            ReceiptStatus.DELIVERED,
            "",
            "",
        )
        assert (receipt.to, receipt.reference) == (TO, 17)
        assert receipt.done_at == datetime(2022, 8, 15, 3, 0, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("changes", "status", "code", "reason"),
        [
            ({"status": "UNDELIV", "error": 6}, ReceiptStatus.UNDELIVERED, "6", reasons.OUT_OF_REACH),
            ({"status": "UNDELIV", "error": 987}, ReceiptStatus.UNDELIVERED, "987", reasons.UNKNOWN_CODE),
            ({"status": "UNDELIV"}, ReceiptStatus.UNDELIVERED, "", reasons.CARRIER_TROUBLE),
            ({"status": "EXPIRED"}, ReceiptStatus.EXPIRED, "", reasons.EXPIRED),
            ({"status": "NEVER SEEN"}, ReceiptStatus.PENDING, "NEVER SEEN", reasons.UNKNOWN_CODE),
        ],
    )
    def test_reads_why_a_text_did_not_arrive(
        self, changes: dict[str, Any], status: ReceiptStatus, code: str, reason: str
    ) -> None:
        receipt = read_one({**ENTRY, **changes})

        assert (receipt.status, receipt.code, receipt.reason) == (status, code, reason)

    @pytest.mark.parametrize(
        "changes",
        [
            {"at": "yesterday"},
            {"at": 1e308},
            {"at": True},
            {"at": "2022-08-15T12:00:00"},
            {"at": None},
            {"to": "nobody"},
            {"to": {}},
            {"ref": -5},
            {"ref": "x" * 300},
        ],
    )
    def test_passes_over_nonsense_beside_id_and_status(self, changes: dict[str, Any]) -> None:
        receipt = read_one({**ENTRY, **changes})

        assert receipt.status is ReceiptStatus.DELIVERED

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"null",
            b"[]",
            b'{"events": []}',
            b'{"events": 5}',
            b'{"events": [5]}',
            b'{"events": [{"id": "1"}]}',
            b'{"events": [{"status": "DELIVRD"}]}',
            b'{"events": [{"id": {"a": 1}, "status": "DELIVRD"}]}',
            b"[" * 50_000,
        ],
    )
    def test_refuses_what_holds_no_receipts(self, body: bytes) -> None:
        with pytest.raises(MalformedReceipt):
            hook().read(body)

    def test_takes_a_single_receipt_without_a_list(self) -> None:
        assert hook(list_path=".").read(json.dumps(ENTRY).encode())[0].carrier_id == "agg-1"
