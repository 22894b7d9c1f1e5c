"""What residents write back: stored before it is acknowledged, given to the tenant it answers, shown to nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import orjson
import pytest
from django.test import Client
from django.utils import timezone

from carriers.base import Inbound
from carriers.models import CarrierAccount, InboundText
from dispatch.models import Batch, Message
from dispatch.services.forgetting.emptying import empty_messages
from dispatch.services.inbound import match_inbound
from dispatch.services.receipts import store_and_apply
from dispatch.services.sending.claims import Rings
from dispatch.services.sending.database import connect
from tenants import keys
from tenants.models import Department
from tenants.permissions import Role
from tests.conftest import Cast, sign_in
from tests.factories.dispatch import make_account
from tests.smsc import make_batch

pytestmark = pytest.mark.usefixtures("committed")
RESIDENT = "+819012345678"
OTHER = "+819087654321"


def arrive(account: CarrierAccount, *texts: str, sender: str = RESIDENT, reference: int = 0) -> None:
    """What one bind of the account took; several are the parts of one text."""
    parts = [
        Inbound(sender, "Todoke", text, b"raw", reference=reference, part=number, parts=len(texts))
        for number, text in enumerate(texts, start=1)
    ]
    asyncio.run(_store(account, parts))


async def _store(account: CarrierAccount, inbound: Sequence[Inbound]) -> None:
    connection = await connect()
    try:
        await store_and_apply(connection, account_id=account.pk, receipts=[], inbound=inbound, rings=Rings())
    finally:
        await connection.close()


def look_at(cast: Cast, role: Role = Role.STAFF) -> str:
    answer = sign_in(Client(), cast.users[role]).get("/inbound")
    assert answer.status_code == 200
    return str(answer.content.decode())


def owners() -> list[int | None]:
    return list(InboundText.objects.using("operator").order_by("pk").values_list("tenant_id", flat=True))


class TestMatchInbound:
    def test_gives_a_text_to_the_tenant_that_it_answers_and_shows_it_there_alone(
        self, acme: Cast, globex: Cast
    ) -> None:
        account = make_account()
        make_batch(acme, account, [RESIDENT, OTHER])
        make_batch(globex, account, [OTHER])
        arrive(account, "明日の検査は何時ですか")

        assert look_at(acme).count("明日の検査は何時ですか") == 0
        assert match_inbound(now=timezone.now()) == 1

        page = look_at(acme)
        assert "明日の検査は何時ですか" in page
        assert "090-1234-5678" in page
        assert "明日の検査" not in look_at(globex)
        assert owners() == [acme.tenant.pk]

    def test_gives_a_text_to_nobody_where_two_offices_wrote_to_the_resident(self, acme: Cast, globex: Cast) -> None:
        account = make_account()
        for cast in (acme, globex):
            make_batch(cast, account, [RESIDENT])
        arrive(account, "はい")

        assert match_inbound(now=timezone.now()) == 0

        assert owners() == [None]
        assert "受け取ったSMSはありません" in look_at(acme)
        assert "受け取ったSMSはありません" in look_at(globex)

    def test_gives_a_text_to_nobody_whose_message_is_old_or_went_by_another_account(self, acme: Cast) -> None:
        account, another = make_account(), make_account(name="another")
        make_batch(acme, account, [RESIDENT])
        make_batch(acme, another, [OTHER])
        with acme.scope():
            Message.objects.filter(account_id=account.pk).update(created_at=timezone.now() - timedelta(days=31))
        arrive(account, "はい")
        arrive(account, "はい", sender=OTHER)
        arrive(account, "はい", sender="InfoCenter")

        assert match_inbound(now=timezone.now()) == 0
        assert owners() == [None, None, None]

    def test_looks_once(self, acme: Cast) -> None:
        account = make_account()
        arrive(account, "はい")
        match_inbound(now=timezone.now())
        make_batch(acme, account, [RESIDENT])

        assert match_inbound(now=timezone.now()) == 0
        assert owners() == [None]

    def test_a_text_that_cannot_be_opened_holds_up_no_other(self, acme: Cast) -> None:
        account = make_account()
        make_batch(acme, account, [RESIDENT])
        InboundText.objects.using("carrier").create(account=account, sealed=b"not sealed by anybody")
        arrive(account, "はい")

        assert match_inbound(now=timezone.now()) == 1
        assert owners() == [None, acme.tenant.pk]


class TestList:
    def test_joins_the_parts_of_a_long_text_and_marks_what_is_missing(self, acme: Cast) -> None:
        account = make_account()
        make_batch(acme, account, [RESIDENT])
        arrive(account, "長い文の一つ目、", "二つ目、", "三つ目。", reference=7)
        arrive(account, "同じ番号の別の文、", "その続き。", reference=7)
        match_inbound(now=timezone.now())
        assert "長い文の一つ目、二つ目、三つ目。" in look_at(acme)
        assert "同じ番号の別の文、その続き。" in look_at(acme)

        second = InboundText.objects.using("carrier").order_by("pk")[1]
        InboundText.objects.using("carrier").filter(pk=second.pk).delete()

        assert "長い文の一つ目、…三つ目。" in look_at(acme)

    def test_shows_a_department_only_what_answers_its_own(self, acme: Cast) -> None:
        account = make_account()
        batch = make_batch(acme, account, [RESIDENT])
        with acme.scope():
            Batch.objects.filter(pk=batch.pk).update(department=Department.objects.create(name="税務課"))
        arrive(account, "納付しました")
        match_inbound(now=timezone.now())

        assert "納付しました" not in look_at(acme, Role.STAFF)
        assert "納付しました" in look_at(acme, Role.ADMIN)

    def test_is_not_for_those_who_only_look(self, acme: Cast) -> None:
        assert sign_in(Client(), acme.users[Role.VIEWER]).get("/inbound").status_code == 403

    def test_is_made_safe(self, acme: Cast) -> None:
        account = make_account()
        make_batch(acme, account, [RESIDENT])
        arrive(account, "<script>alert(1)</script>")
        match_inbound(now=timezone.now())

        assert "<script>alert(1)" not in look_at(acme)
        assert "&lt;script&gt;" in look_at(acme)


class TestForgetting:
    def test_an_answer_goes_with_the_message_that_it_answers(self, acme: Cast) -> None:
        account = make_account()
        make_batch(acme, account, [RESIDENT, OTHER])
        arrive(account, "はい")
        arrive(account, "いいえ", sender=OTHER)
        match_inbound(now=timezone.now())

        with acme.scope():
            empty_messages([InboundText.objects.order_by("pk")[0].message_id])

        (left,) = InboundText.objects.using("carrier").all()
        assert orjson.loads(keys.service().open("carriers_inboundtext", bytes(left.sealed)))["text"] == "いいえ"
