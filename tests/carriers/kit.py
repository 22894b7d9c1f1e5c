"""What every provider must pass, against a real peer: subclass ``CarrierKit`` and give it a ``CarrierBench``."""

from __future__ import annotations

import abc
import asyncio
import logging
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from structlog.testing import capture_logs

from carriers import reasons
from carriers.base import CodeMeaning, Outcome, Provider, ReceiptStatus
from carriers.errors import Misconfigured, Unreachable
from carriers.registry import PROVIDERS, provider_named
from tests.carriers.lab import Recorder, bound, in_loop, parts_of

LONG_TEXT = "みなと市保健所からのお知らせです。😀" * 12
SHORT_TEXT = "届 花子様、療養終了日は8月17日です。"


class CarrierBench(abc.ABC):
    """What a provider's tests bring: its peer, its numbers, its tables, and what is wrong with a configuration."""

    provider: Provider
    delivered: str  # a number whose text is delivered, with its receipt
    undelivered: str  # … whose receipt says out of reach
    refused: str  # … refused for good
    throttled: str  # … refused with "slow down", at least once
    cut: str  # the connection goes before the answer
    has_connection: bool = True  # a link is one connection, and is over when that is lost
    statuses: Mapping[Any, CodeMeaning]  # the provider's table of answers
    receipt_reasons: Mapping[Any, str]
    secrets: tuple[str, ...]

    @abc.abstractmethod
    def running(self, journal: Path) -> AbstractAsyncContextManager[dict[str, Any]]:
        """A fresh peer, and the configuration that reaches it."""

    def bound(
        self, config: Mapping[str, Any], *, window: int = 100, stored: bool | None = True
    ) -> AbstractAsyncContextManager[Recorder]:
        """An open link whose recorder hears its results and receipts, by whatever way these come."""
        return bound(self.provider, config, window=window, stored=stored)

    @abc.abstractmethod
    def with_wrong_password(self, config: Mapping[str, Any]) -> dict[str, Any]: ...

    @abc.abstractmethod
    def with_nobody_there(self, config: Mapping[str, Any]) -> dict[str, Any]: ...

    @abc.abstractmethod
    def unusable(self, config: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Configurations that must be refused before anything is opened."""


class CarrierKit:
    """The shared suite."""

    bench: ClassVar[CarrierBench]

    def test_is_registered_under_its_name(self) -> None:
        name = self.bench.provider.name

        assert name in PROVIDERS
        assert type(provider_named(name)) is type(self.bench.provider)

    @in_loop
    async def test_accepts_and_reports_a_text(self, tmp_path: Path) -> None:
        async with self.bench.running(tmp_path / "j") as config, self.bench.bound(config) as recorder:
            recorder.link.submit(parts_of(recorder.link, self.bench.delivered, key=41))
            await recorder.until(lambda: recorder.results and recorder.receipts)

            result, receipt = recorder.result(41), recorder.receipts[0]
            assert (result.outcome, result.code, result.reason) == (Outcome.ACCEPTED, "", "")
            assert receipt.carrier_id == result.carrier_id != ""
            assert (receipt.status, receipt.to) == (ReceiptStatus.DELIVERED, self.bench.delivered)
            assert receipt.raw

    @in_loop
    async def test_answers_every_part_of_many_texts_once(self, tmp_path: Path) -> None:
        async with self.bench.running(tmp_path / "j") as config, self.bench.bound(config) as recorder:
            for round_ in range(5):
                outgoing = [
                    part
                    for number in range(20)
                    for part in parts_of(recorder.link, self.bench.delivered, SHORT_TEXT, key=100 * round_ + number)
                ]
                recorder.link.submit(outgoing)
                await recorder.until(lambda count=20 * (round_ + 1): len(recorder.results) == count)
            await recorder.until(lambda: len(recorder.receipts) == 100)

            assert set(recorder.outcomes().values()) == {Outcome.ACCEPTED}
            assert len(recorder.outcomes()) == 100
            ids = {result.carrier_id for result in recorder.results}
            assert ids == {receipt.carrier_id for receipt in recorder.receipts}
            assert len(ids) == 100

    @in_loop
    async def test_sends_a_long_text_in_the_parts_it_counts(self, tmp_path: Path) -> None:
        async with self.bench.running(tmp_path / "j") as config, self.bench.bound(config) as recorder:
            outgoing = parts_of(recorder.link, self.bench.delivered, LONG_TEXT)
            recorder.link.submit(outgoing)
            await recorder.until(lambda: len(recorder.results) == len(recorder.receipts) == len(outgoing))

            assert set(recorder.outcomes().values()) == {Outcome.ACCEPTED}

    @in_loop
    async def test_tells_why_a_text_did_not_arrive(self, tmp_path: Path) -> None:
        async with self.bench.running(tmp_path / "j") as config, self.bench.bound(config) as recorder:
            recorder.link.submit(parts_of(recorder.link, self.bench.undelivered))
            await recorder.until(lambda: recorder.receipts)

            receipt = recorder.receipts[0]
            assert (receipt.status, receipt.reason) == (ReceiptStatus.UNDELIVERED, reasons.OUT_OF_REACH)
            assert receipt.code

    @in_loop
    async def test_a_final_no_has_code_and_reason_and_no_id(self, tmp_path: Path) -> None:
        async with self.bench.running(tmp_path / "j") as config, self.bench.bound(config) as recorder:
            recorder.link.submit(parts_of(recorder.link, self.bench.refused))
            await recorder.until(lambda: recorder.results)

            result = recorder.results[0]
            assert (result.outcome, result.carrier_id) == (Outcome.FINAL, "")
            assert result.code
            assert result.reason in reasons.ALL

    @in_loop
    async def test_slow_down_is_no_refusal(self, tmp_path: Path) -> None:
        async with self.bench.running(tmp_path / "j") as config, self.bench.bound(config) as recorder:
            recorder.link.submit(parts_of(recorder.link, self.bench.throttled))
            await recorder.until(lambda: recorder.results)

            assert recorder.results[0].outcome is Outcome.THROTTLED

    @in_loop
    async def test_an_answer_that_never_comes_is_never_made_up(self, tmp_path: Path) -> None:
        """A link of one connection says once that it is gone; one that has none says of the text that it is unknown (or,
        where repeating is safe, learns what became of it), and goes on."""
        async with self.bench.running(tmp_path / "j") as config, self.bench.bound(config) as recorder:
            recorder.link.submit(parts_of(recorder.link, self.bench.cut))
            await recorder.until(lambda: recorder.closed or recorder.results)

            if self.bench.has_connection:
                with pytest.raises(Unreachable):
                    recorder.link.submit(parts_of(recorder.link, self.bench.delivered))
                assert recorder.results == []
            else:
                is_safe = recorder.link.capabilities.idempotent
                assert recorder.result(1).outcome is (Outcome.ACCEPTED if is_safe else Outcome.UNKNOWN)
                recorder.link.submit(parts_of(recorder.link, self.bench.delivered, key=2))
                await recorder.until(lambda: len(recorder.results) == 2)
                assert recorder.result(2).outcome is Outcome.ACCEPTED
            await recorder.link.close(drain_s=1)
            assert len(recorder.closed) == 1

    @in_loop
    async def test_closing_waits_for_the_answers(self, tmp_path: Path) -> None:
        async with self.bench.running(tmp_path / "j") as config:
            link = self.bench.provider.link(config, window=100)
            recorder = Recorder(link)
            await link.open(recorder)
            link.submit([part for key in range(50) for part in parts_of(link, self.bench.delivered, key=key)])

            await asyncio.gather(link.close(drain_s=5), link.close(drain_s=5))

            assert len(recorder.outcomes()) == 50
            assert len(recorder.closed) == 1
            assert not link.is_refused
            with pytest.raises(Unreachable):
                link.submit(parts_of(link, self.bench.delivered))

    @in_loop
    async def test_never_exceeds_its_window(self, tmp_path: Path) -> None:
        async with (
            self.bench.running(tmp_path / "j") as config,
            self.bench.bound(config, window=3) as recorder,
        ):
            outgoing = [part for key in range(4) for part in parts_of(recorder.link, self.bench.delivered, key=key)]

            with pytest.raises(ValueError, match="window"):
                recorder.link.submit(outgoing)

            recorder.link.submit(outgoing[:3])
            await recorder.until(lambda: len(recorder.results) == 3)
            assert recorder.link.capabilities.window == 3

    @pytest.mark.parametrize("stored", [False, None], ids=["not stored", "never acknowledged"])
    @in_loop
    async def test_a_receipt_comes_again_until_it_is_stored(self, tmp_path: Path, stored: bool | None) -> None:
        async with self.bench.running(tmp_path / "j") as config:
            async with self.bench.bound(config, stored=stored) as recorder:
                recorder.link.submit(parts_of(recorder.link, self.bench.delivered))
                await recorder.until(lambda: recorder.receipts and recorder.results)
                carrier_id = recorder.results[0].carrier_id
            async with self.bench.bound(config) as later:
                await later.until(lambda: later.receipts)

                assert later.receipts[0].carrier_id == carrier_id

    @in_loop
    async def test_tokens_of_an_earlier_link_do_no_harm(self, tmp_path: Path) -> None:
        async with self.bench.running(tmp_path / "j") as config:
            async with self.bench.bound(config, stored=None) as recorder:
                recorder.link.submit(parts_of(recorder.link, self.bench.delivered))
                await recorder.until(lambda: recorder.receipts)
                tokens = [receipt.token for receipt in recorder.receipts]
            async with self.bench.bound(config, stored=None) as later:
                await later.until(lambda: later.receipts)
                later.link.acknowledge(tokens, stored=True)
            async with self.bench.bound(config) as last:
                await last.until(lambda: last.receipts)

    @in_loop
    async def test_a_wrong_password_is_a_matter_for_the_operator(self, tmp_path: Path) -> None:
        async with self.bench.running(tmp_path / "j") as config:
            link = self.bench.provider.link(self.bench.with_wrong_password(config), window=1)
            recorder = Recorder(link)

            with pytest.raises(Misconfigured) as caught:
                await link.open(recorder)

            assert caught.value.code
            assert recorder.closed == []

    @in_loop
    async def test_nobody_there_is_a_matter_of_time(self, tmp_path: Path) -> None:
        async with self.bench.running(tmp_path / "j") as config:
            link = self.bench.provider.link(self.bench.with_nobody_there(config), window=1)
            recorder = Recorder(link)

            with pytest.raises(Unreachable):
                await link.open(recorder)

            assert recorder.closed == []

    @in_loop
    async def test_an_unusable_configuration_is_refused_without_quoting_it(self, tmp_path: Path) -> None:
        async with self.bench.running(tmp_path / "j") as config:
            self.bench.provider.link(config, window=1)
            for unusable in self.bench.unusable(config):
                with pytest.raises(Misconfigured) as caught:
                    self.bench.provider.link(unusable, window=1)
                assert not any(secret in str(caught.value) for secret in self.bench.secrets)

    @in_loop
    async def test_no_log_holds_a_secret_a_number_or_a_text(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        numbers = [self.bench.delivered, self.bench.undelivered, self.bench.refused, self.bench.throttled]
        with capture_logs() as logs:
            async with self.bench.running(tmp_path / "j") as config, self.bench.bound(config) as recorder:
                for key, number in enumerate(numbers):
                    recorder.link.submit(parts_of(recorder.link, number, SHORT_TEXT, key=key))
                await recorder.until(lambda: len(recorder.results) == 4 and len(recorder.receipts) == 2)
                with pytest.raises(Misconfigured):
                    await self.bench.provider.link(self.bench.with_wrong_password(config), window=1).open(recorder)

        written = repr(logs) + repr(recorder.link) + caplog.text
        assert not any(secret in written for secret in self.bench.secrets)
        assert not any(number[-8:] in written for number in numbers)
        assert "花子" not in written

    def test_every_code_in_the_tables_has_a_meaning_of_ours(self) -> None:
        assert self.bench.statuses
        for meaning in self.bench.statuses.values():
            assert meaning.outcome in {Outcome.RETRY, Outcome.THROTTLED, Outcome.FINAL}
            assert meaning.reason in reasons.ALL or meaning.outcome is Outcome.THROTTLED
        assert set(self.bench.receipt_reasons.values()) <= reasons.ALL
