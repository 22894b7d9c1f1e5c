"""運用: the service in one look, and what an operator may do about it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from carriers.models import CarrierAccount, CarrierBind, CarrierTally
from carriers.providers.http_json.statuses import ACCOUNT_STATUSES, STATUSES, UNCLEAR
from carriers.providers.smpp.statuses import COMMAND_STATUSES, MISCONFIGURED_BINDS
from dispatch.models import Batch, BatchState, Tally
from dispatch.services.tallies import fold_tallies
from dispatch.states import Status
from dispatch.task_names import PUMP
from reports.carrier_words import bind_words, code_words
from reports.selectors.operations import CodeCount, service_now
from tenants.models import User
from tenants.permissions import Role
from tests.app.reports.sending import sent_campaign
from tests.conftest import Cast
from tests.factories.dispatch import make_account, many

pytestmark = pytest.mark.usefixtures("committed")
Enqueued = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def operator(committed: None) -> User:
    return User.objects.create_user(email="op@todoke.example", password="x" * 16, name="運用", is_operator=True)


def seen(account: CarrierAccount, **changes: Any) -> None:
    CarrierBind.objects.using("operator").filter(account=account).update(
        **{"state": "bound", "seen_at": timezone.now(), "holder": "worker-1", **changes}
    )


def tally(account: CarrierAccount, kind: str, n: int, **fields: Any) -> None:
    minute = timezone.now().replace(second=0, microsecond=0) - timedelta(minutes=1)
    CarrierTally.objects.using("operator").create(account=account, minute=minute, kind=kind, n=n, **fields)


class TestRestingBind:
    def test_shows_why_and_when_it_is_tried_next(self, operator: User, signed_in: Any) -> None:
        account, now = make_account(), timezone.now()
        error = "bind refused: ESME_RINVPASWD 0x0000000E"
        seen(account, state="refused", holder="", error=error, lease_until=now + timedelta(seconds=30))

        page = signed_in(operator).get("/ops").content.decode()

        assert "接続を断られました" in page
        assert error in page
        assert "次は" in page
        assert "再接続を待っています" in page

    def test_whose_rest_is_over_promises_nothing(self, operator: User, signed_in: Any) -> None:
        seen(make_account(), state="refused", holder="", lease_until=timezone.now() - timedelta(seconds=1))

        assert "次は" not in signed_in(operator).get("/ops").content.decode()


class TestServiceNow:
    def test_is_well_with_a_bound_account_and_nothing_waiting(self) -> None:
        account = make_account(texts_per_s=100)
        seen(account)
        tally(account, "submitted", 600)
        tally(account, "receipt", 10, code="delivered", delay_ms=25_000)
        tally(account, "error", 3, code="0x00000058")

        service = service_now(now=timezone.now())

        (line,) = service.accounts
        assert service.is_well
        assert (line.state, line.waiting) == ("bound", 0)
        assert 5 <= line.texts_per_s <= 10
        assert max(line.by_minute) == 10
        assert line.errors == (CodeCount("0x00000058", 3),)
        assert line.receipt_delay_s == 2.5
        assert service.queues is not None

    @pytest.mark.parametrize(
        ("changes", "state"),
        [
            ({"seen_at": None}, "down"),
            ({"state": "refused"}, "refused"),
            ({"state": "connecting"}, "connecting"),
            ({"state": "down"}, "down"),
        ],
    )
    def test_is_not_well_when_nothing_is_bound(self, changes: dict[str, Any], state: str) -> None:
        seen(make_account(), **changes)

        service = service_now(now=timezone.now())

        assert not service.is_well
        assert service.accounts[0].state == state

    def test_counts_what_waits_and_how_long(self, acme: Cast, enqueued: Enqueued) -> None:
        seen(make_account())
        sent_campaign(acme, many(3))

        (line,) = service_now(now=timezone.now()).accounts

        assert line.waiting == 3
        assert line.is_waiting_long

    def test_adds_up_tenants(self, acme: Cast, globex: Cast, enqueued: Enqueued) -> None:
        make_account()
        sent_campaign(acme, many(3))
        sent_campaign(globex, many(1))

        assert [(line.name, line.texts) for line in service_now(now=timezone.now()).tenants] == [
            ("acme", 3),
            ("globex", 1),
        ]

    def test_counts_texts_that_have_moved_on_and_whose_moves_are_folded(self, acme: Cast) -> None:
        minute = (timezone.now() - timedelta(minutes=5)).replace(second=0, microsecond=0)
        moves = [(Status.QUEUED, 3), (Status.QUEUED, -3), (Status.DELIVERED, 3)]
        with acme.scope():
            Tally.objects.bulk_create(
                Tally(tenant=acme.tenant, minute=minute, state=state, reason="", n=n) for state, n in moves
            )
        assert fold_tallies() == 2

        (line,) = service_now(now=timezone.now()).tenants

        assert (line.texts, line.delivered) == (3, 3)

    def test_says_so_when_the_broker_is_away(self, settings: Any) -> None:
        settings.REDIS_URL = "redis://127.0.0.1:1/0"

        service = service_now(now=timezone.now())

        assert service.queues is None
        assert not service.is_well


class TestOperationsPage:
    def test_shows_aggregates_and_nobodys_data(
        self, acme: Cast, operator: User, signed_in: Any, enqueued: Enqueued
    ) -> None:
        seen(make_account())
        sent_campaign(acme, many(3))

        content = signed_in(operator).get("/ops").content.decode()

        assert "SMSC" in content
        assert "acme" in content
        assert "患者" not in content
        assert signed_in(operator).get("/")["Location"] == "/ops"

    @pytest.mark.parametrize("role", list(Role))
    def test_is_closed_to_everybody_else(self, acme: Cast, signed_in: Any, role: Role) -> None:
        assert signed_in(acme.users[role]).get("/ops").status_code == 403
        assert signed_in(acme.users[role]).post("/ops/batches/1/free").status_code == 403

    def test_an_operator_sees_no_tenants_page(self, acme: Cast, operator: User, signed_in: Any) -> None:
        browser = signed_in(operator)

        for address in ("/calendar", "/people", "/settings", "/audit"):
            assert browser.get(address).status_code == 403


class TestCarriersCodes:
    def test_stand_beside_their_words(self, operator: User, signed_in: Any) -> None:
        account = make_account()
        seen(account, state="refused", error="bind refused: ESME_RINVPASWD 0x0000000E")
        tally(account, "error", 3, code="0x0000000B")
        tally(account, "error", 2, code="0x0000040B")

        page = signed_in(operator).get("/ops").content.decode()

        for words, code in (
            ("IDかパスワードが違います", "ESME_RINVPASWD 0x0000000E"),
            ("宛先の番号を受け付けません", "0x0000000B"),
            ("この通信会社だけのコードです", "0x0000040B"),
        ):
            assert page.index(words) < page.index(code)

    @pytest.mark.parametrize("status", [*COMMAND_STATUSES, *MISCONFIGURED_BINDS])
    def test_of_smpp_have_all_their_words(self, status: int) -> None:
        assert code_words(f"0x{status:08X}") != code_words("0x0000040B")

    @pytest.mark.parametrize("status", [*STATUSES, *ACCOUNT_STATUSES, *UNCLEAR])
    def test_of_http_have_all_their_words(self, status: int) -> None:
        assert code_words(f"HTTP {status}") != code_words("E-117")

    @pytest.mark.parametrize(
        ("error", "words"),
        [
            ("no answer in time", "接続できません"),
            ("ConnectionRefusedError: [Errno 111] Connect call failed ('127.0.0.1', 2775)", "接続できません"),
            ("the API is not well HTTP 503", "混んでいます（あとで送ります）"),
            ("not connected: ConnectError not_connected", "接続できません"),
            ("drained", ""),
            ("", ""),
        ],
    )
    def test_say_why_a_bind_is_not_up(self, error: str, words: str) -> None:
        assert bind_words(error) == words


class TestFreeing:
    def stuck_batch(self, cast: Cast) -> int:
        make_account()
        sent_campaign(cast, many(2))
        with cast.scope():
            batch = Batch.objects.get()
        with connections["operator"].cursor() as cursor:
            cursor.execute(
                "UPDATE dispatch_batch SET state = 5, error = 'given up after 3 tries', tries = 4 WHERE id = %s",
                [batch.pk],
            )
        return int(batch.pk)

    def test_lets_a_stuck_batch_be_tried_again(
        self, acme: Cast, operator: User, signed_in: Any, enqueued: Enqueued
    ) -> None:
        batch_id = self.stuck_batch(acme)
        enqueued.clear()
        browser = signed_in(operator)
        assert "送る途中で3回止まりました" in browser.get("/ops").content.decode()

        browser.post(f"/ops/batches/{batch_id}/free")

        with acme.scope():
            batch = Batch.objects.get()
        assert (batch.state, batch.tries, batch.error) == (BatchState.READY, 0, "")
        assert [name for name, _ids in enqueued] == [PUMP]

    def test_leaves_a_batch_alone_that_is_not_stuck(
        self, acme: Cast, operator: User, signed_in: Any, enqueued: Enqueued
    ) -> None:
        batch_id = self.stuck_batch(acme)
        with acme.scope():
            Batch.objects.update(state=BatchState.DONE)

        signed_in(operator).post(f"/ops/batches/{batch_id}/free")

        with acme.scope():
            assert Batch.objects.get().state == BatchState.DONE
