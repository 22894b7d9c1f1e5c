"""A provider that raises, says nonsense or never comes back: its own account is shown with the reason, all other texts go."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from carriers.base import Capabilities, Listener, Outcome, Outgoing, SubmitResult
from carriers.models import BindState, CarrierAccount, CarrierBind
from carriers.registry import PROVIDERS, provider_named
from carriers.services import configure_account
from dispatch.models import Message
from dispatch.services.watching import watch_accounts
from dispatch.states import Status
from reports.models import Incident
from reports.services.incidents import watch_service
from tests.app.dispatch.test_binds import binds, until, working
from tests.conftest import Cast
from tests.smsc import Simulator, make_account, make_batch, states

pytestmark = pytest.mark.usefixtures("committed", "enqueued")
MINE, OTHERS = "+819012345678", "+819011112222"


class BadProvider:
    """Made by its configuration: ``at`` says where it goes wrong."""

    name = "bad"
    secret_names = frozenset[str]()

    def link(self, config: Mapping[str, Any], *, window: int) -> BadLink:
        if config["at"] == "link" and config["is_armed"]:
            raise KeyError("link")
        return BadLink(config["at"], window=window)

    def receipt_hook(self, config: Mapping[str, Any]) -> None:
        return None


class BadLink:
    is_refused = False

    def __init__(self, at: str, *, window: int) -> None:
        self.capabilities = Capabilities(receipts=True, long_text=True, window=window)
        self._at = at
        self._listener: Listener | None = None

    async def open(self, listener: Listener) -> None:
        if self._at == "open":
            raise ZeroDivisionError
        self._listener = listener

    def count_parts(self, text: str) -> int:
        return 1

    def submit(self, outgoing: Sequence[Outgoing]) -> None:
        if self._at == "submit":
            raise RecursionError
        assert self._listener is not None
        nonsense: dict[str, list[Any]] = {
            "keys of nobody": [SubmitResult(-1, Outcome.ACCEPTED, "x") for _ in outgoing],
            "no results": [None],
            "no outcome": [SubmitResult(part.key, "fine", "x") for part in outgoing],  # type: ignore[arg-type] - nonsense
        }
        self._listener.on_results(nonsense[self._at])

    def acknowledge(self, tokens: Sequence[object], *, stored: bool) -> None:
        """It never brings anything."""

    async def close(self, *, drain_s: float) -> None:
        if self._at == "submit":
            raise OSError


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(PROVIDERS, "bad", f"{__name__}:BadProvider")
    yield
    provider_named.cache_clear()


def bad_account(at: str) -> CarrierAccount:
    """It takes one number only, and is the first choice for that; armed once it is configured."""
    account = configure_account(
        name="bad",
        provider="bad",
        config={"at": at, "is_armed": False},
        secrets={},
        window=10,
        binds=1,
        texts_per_s=None,
    )
    changes = {"rank": 1, "prefixes": [MINE], "config": {"at": at, "is_armed": True}}
    CarrierAccount.objects.using("operator").filter(pk=account.pk).update(**changes)
    return account


class TestBadProvider:
    @pytest.mark.parametrize(
        ("at", "reason"),
        [
            ("link", "KeyError"),
            ("open", "ZeroDivisionError"),
            ("submit", "RecursionError"),
            ("no results", "AttributeError"),
            ("no outcome", "AttributeError"),
        ],
    )
    def test_is_shown_with_its_reason_and_holds_nobody_up(
        self, acme: Cast, globex: Cast, tmp_path: Path, at: str, reason: str
    ) -> None:
        async def step(smsc: Simulator) -> None:
            good = await sync_to_async(make_account)(smsc.port)
            bad = await sync_to_async(bad_account)(at)
            await sync_to_async(make_batch)(acme, bad, [MINE])
            await sync_to_async(make_batch)(globex, good, [OTHERS])
            await until(lambda: states(globex) == {Status.DELIVERED: 1})
            await until(lambda: binds(account=bad, state=BindState.REFUSED, holder=""))

        working(tmp_path, step, workers=2)

        now = timezone.now()
        CarrierBind.objects.using("operator").update(seen_at=now)
        watch_accounts(now=now)
        watch_service(now=now)
        incident = Incident.objects.using("operator").get(name="bad")
        assert (incident.kind, incident.detail) == ("account_sick", f"refused: provider failed: {reason}")
        assert states(acme) in ({Status.QUEUED: 1}, {Status.UNKNOWN: 1})

    def test_that_answers_for_nobody_makes_no_text_sent(
        self, acme: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dispatch.services.sending.pump.DRAIN_S", 0.2)

        async def step(smsc: Simulator) -> None:
            bad = await sync_to_async(bad_account)("keys of nobody")
            await sync_to_async(make_batch)(acme, bad, [MINE])
            await until(lambda: binds(account=bad, outstanding=1), timeout_s=20)

        working(tmp_path, step)

        assert states(acme) == {Status.UNKNOWN: 1}
        with acme.scope():
            assert Message.objects.get().carrier_id is None


class TestProviderThatNeverOpens:
    def test_is_given_up(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        async def never(_link: BadLink, _listener: Listener) -> None:
            await asyncio.Event().wait()

        monkeypatch.setattr(BadLink, "open", never)
        monkeypatch.setattr("dispatch.services.sending.worker.OPEN_S", 0.2)

        async def step(smsc: Simulator) -> None:
            await sync_to_async(bad_account)("open")
            await until(lambda: binds(state=BindState.REFUSED, error="provider failed: TimeoutError"))

        working(tmp_path, step)
