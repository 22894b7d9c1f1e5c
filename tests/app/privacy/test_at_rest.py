"""A thousand people go through the service; afterwards no name, number or text of theirs stands anywhere in clear."""

from __future__ import annotations

import asyncio
import base64
import json
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from celery import current_app
from django.core import signing
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.utils import timezone

from carriers.base import Inbound, Receipt, ReceiptStatus
from carriers.models import CarrierAccount, InboundText, StoredReceipt
from dispatch.models import Call, Campaign, Message
from dispatch.services import receipts
from dispatch.services.expansion import expand_campaign
from dispatch.services.follow_ups import close_loop
from dispatch.services.sending.claims import Rings
from dispatch.services.sending.database import connect
from dispatch.states import Status
from recipients.models import Recipient, Roster
from recipients.services import read_roster
from tenants.models import AuditEvent
from tenants.permissions import Role
from tests.app.api.test_keys import bearer
from tests.app.dispatch.test_pump import send
from tests.app.privacy import traces
from tests.conftest import Cast
from tests.smsc import make_account, states

PEOPLE: Final = 1_000
SINGLE: Final = 20
NAME, KANA, NUMBER, NOTE, TEXT = "鱶鰰", "ヱヰヴヲ", "06017712", "鵺鶚電話", "龕鬻通知"
WORDS: Final = "鴉鶺鴒検査"  # the office's own, in a template and in the text that goes out
MARKS: Final = (NAME, KANA, NUMBER, NUMBER[1:], NOTE, TEXT, WORDS, "060-1771-2", "０６０１７７１２")


def person(row: int) -> str:
    consent = "無" if row % 10 == 0 else "有"
    return f"鱶{row:04d},{NAME}　{row}郎,{KANA} {row},{NUMBER}{row % 1000:03d},{consent},40,{TEXT}{row}号"


def roster_file() -> bytes:
    lines = ["管理番号,氏名,フリガナ,電話番号,SMS同意,年齢,内容", *(person(row) for row in range(PEOPLE))]
    return "\r\n".join(lines).encode("cp932")


@pytest.fixture
def empty_broker() -> Iterator[None]:
    """Real publishing, and nobody who takes it: what tasks were given stays to be looked at."""
    client = traces.broker()
    client.flushdb()
    yield
    current_app.pool.force_close_all()
    client.flushdb()


def upload(cast: Cast, browser: Any) -> Roster:
    answer = browser.post("/rosters/new", {"file": SimpleUploadedFile(f"{NAME}の名簿.csv", roster_file())})
    assert answer.status_code == 302
    with cast.scope():
        roster: Roster = Roster.objects.get()
    assert read_roster(tenant_id=cast.tenant.pk, roster_id=roster.pk, now=timezone.now())
    browser.get(answer.headers["Location"])
    browser.get(f"/rosters/{roster.public_id}/rows?route=sms")
    browser.post(f"/rosters/{roster.public_id}/rows/5", {"name": f"{NAME} 直した", "kana": KANA})
    with cast.scope():
        roster.refresh_from_db()
        assert (roster.rows, roster.call) == (PEOPLE, PEOPLE // 10)
    return roster


def call_api(client: Any, cast: Cast, path: str, body: Any, **headers: str) -> Any:
    answer = client.post(
        f"/api/v1/{path}",
        body,
        content_type="application/json",
        headers={**bearer(cast, Role.ADMIN), **headers},
    )
    assert answer.status_code < 300, answer.content
    return answer.json()


def start_sending(cast: Cast, client: Any, roster: Roster) -> None:
    call_api(client, cast, "templates", {"name": "結果", "text": f"{{{{氏名|様}}}} {WORDS}"})
    made = call_api(
        client,
        cast,
        "campaigns",
        {
            "name": "お知らせ",
            "roster": str(roster.public_id),
            "text": f"{{{{氏名|様}}}} {{{{内容}}}} {WORDS} acme office 03-1234-5678",
        },
    )
    call_api(client, cast, f"campaigns/{made['id']}/send", {}, **{"Idempotency-Key": "send-1"})
    with cast.scope():
        campaign = Campaign.objects.get()
    expand_campaign(tenant_id=cast.tenant.pk, campaign_id=campaign.pk, now=timezone.now())
    for row in range(SINGLE):
        body = {"to": f"{NUMBER}{row:03d}", "text": f"{NAME}様 {TEXT}です", "reference": f"{NAME}-{row}"}
        for _ in range(2):
            call_api(client, cast, "messages", body, **{"Idempotency-Key": f"single-{row}"})


def receive(account: CarrierAccount) -> None:
    """A receipt that belongs to nobody, and a text from a resident."""

    async def run() -> None:
        async with await connect() as connection:
            stray = Receipt("nobody-1", ReceiptStatus.DELIVERED, "0", "", f"+81{NUMBER[1:]}001", None, None, RAW)
            inbound = Inbound(f"+81{NUMBER[1:]}001", "0312345678", f"{NAME}です。{TEXT}", RAW)
            await receipts.store_and_apply(
                connection, account_id=account.pk, receipts=[stray], inbound=[inbound], rings=Rings()
            )

    asyncio.run(run())


RAW: Final = f"id:nobody-1 sub:001 stat:DELIVRD text:{NAME} {NUMBER}001".encode() + TEXT.encode("utf-16-be")


def work(cast: Cast, browser: Any) -> None:
    """Look for people, phone them, refuse for them, take lists out."""
    for query in (f"{NUMBER}003", NAME, KANA, "鱶0004", f"{NAME}3郎"):
        browser.post("/people", {"query": query}, follow=True)
    close_loop(tenant_id=cast.tenant.pk, now=timezone.now() + timedelta(days=5))
    with cast.scope():
        calls = list(Call.objects.order_by("id")[:20])
        campaign = Campaign.objects.get()
        message = Message.objects.filter(campaign=campaign).first()
    assert len(calls) == 20
    for call in calls:
        browser.get(f"/calls/{call.public_id}")
        browser.post(f"/calls/{call.public_id}", {"outcome": "no_answer", "note": f"{NOTE} {NAME} {NUMBER}009"})
    browser.post("/registers/opt-outs/add", {"phone": f"{NUMBER}777", "note": f"{NOTE} {NAME}"}, follow=True)
    assert message is not None
    browser.get(f"/messages/{message.public_id}")
    assert browser.get(f"/campaigns/{campaign.public_id}").status_code == 200
    assert NAME in b"".join(browser.get(f"/campaigns/{campaign.public_id}/rows.csv")).decode()
    browser.get("/audit")


def test_nothing_is_found_anywhere(
    committed: None,
    empty_broker: None,
    acme: Cast,
    client: Any,
    signed_in: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    browser = signed_in(acme.users[Role.ADMIN])
    roster = upload(acme, browser)
    accounts: list[CarrierAccount] = []

    def arrange(port: int) -> None:
        accounts.append(make_account(port))
        start_sending(acme, client, roster)

    def is_over() -> bool:
        return not {Status.QUEUED, Status.ACCEPTED} & set(states(acme))

    send(tmp_path, arrange, is_over, timeout_s=90)
    receive(accounts[0])
    work(acme, browser)
    with acme.scope():
        assert Message.objects.count() == PEOPLE * 9 // 10 + SINGLE
        assert Recipient.objects.count() == PEOPLE
        assert AuditEvent.objects.count() > 50
    assert StoredReceipt.objects.using("carrier").count() > 900
    assert InboundText.objects.using("carrier").count() == 1
    for connection in connections.all():
        connection.close()

    marks = {f"{mark} in {name}": wanted for mark in MARKS for name, wanted in traces.writings(mark).items()}
    # Hexadecimal and base64 of ciphertext hold any short run of digits by chance: what stands in those forms is
    # covered by the binary dump and by its long forms.
    marks = traces.shortest({name: wanted for name, wanted in marks.items() if len(wanted) >= 6})
    published = traces.everything_in_broker()
    assert b"recipients.read_roster" in b"".join([published, *traces.unpacked(published)])
    found = {"broker": traces.traces(published, marks)}
    found["log"] = traces.traces((caplog.text + "".join(capfd.readouterr())).encode(), marks)
    found["temporary files"] = traces.traces(
        b"".join(path.read_bytes() for path in temporary.rglob("*") if path.is_file()), marks
    )
    found["statistics"] = traces.traces(traces.statistics_of_database(), marks)
    for where, content in traces.dump_of_database():
        found[where] = traces.traces(content, marks)
    for where, content in traces.files_of_database():
        found[where] = {name for name, wanted in marks.items() if wanted in content}

    assert {where: names for where, names in found.items() if names} == {}


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize(
    "written",
    [
        lambda text: text.encode(),
        lambda text: text.encode("utf-16-le"),
        lambda text: base64.b64encode(b"xy" + text.encode() + b"z"),
        lambda text: text.encode().hex().encode(),
        lambda text: json.dumps({"a": text}).encode(),
        lambda text: signing.dumps({"a": text * 9}, compress=True).encode(),
    ],
)
def test_the_search_would_find_it(mark: str, written: Any) -> None:
    marks = traces.shortest(traces.writings(mark))

    assert traces.traces(b"before " + written(f"{mark}様 123456") + b" behind", marks)
    assert not traces.traces(b"before " + written("other") + b" behind", marks)


def test_the_dump_has_every_table(committed: None, acme: Cast) -> None:
    tables = {where.split()[0] for where, _ in traces.dump_of_database()}

    assert {"public.recipients_recipient", "public.tenants_auditevent", "public.django_session"} <= tables
