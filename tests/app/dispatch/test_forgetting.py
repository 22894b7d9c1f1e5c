"""Retention: what is too old goes, of this kind and this tenant only, in batches that may be cut short anywhere."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from dispatch.models import Call, Campaign, Message
from dispatch.selectors.progress import progress_of
from dispatch.services.forgetting import ageing, forget_what_belongs_to_nobody, forget_what_is_old
from recipients.models import NameGram, Recipient, Roster, RosterFile, RosterState, Route
from recipients.services.naming import index_roster
from tenants import keys
from tenants.keys import ring
from tenants.models import AuditEvent, IdempotencyKey, SentForm, Tenant
from tenants.permissions import Role
from tests.app.reports.sending import deliver, sent_campaign
from tests.conftest import Cast
from tests.factories.dispatch import make_account, many, person

pytestmark = pytest.mark.usefixtures("committed", "enqueued")
LATER = timezone.now() + timedelta(days=400)


def a_year_of(cast: Cast, **keep: int) -> Campaign:
    """A campaign of last year that is over, with a call that is done; the tenant keeps most things longer."""
    make_account(name=f"SMSC {cast.tenant.pk}")
    campaign = sent_campaign(cast, [*many(5), person(6, route=Route.CALL, reason="age")])
    with cast.scope():
        queued = list(Message.objects.all())
    for message in queued:
        deliver(cast, message)
    with cast.scope():
        Campaign.objects.update(state="done")
        Call.objects.update(state="done", done_at=timezone.now())
        index_roster(Roster.objects.get())
        RosterFile.objects.create(
            roster=Roster.objects.get(), number=0, sealed=ring().seal("recipients_rosterfile", b"x")
        )
        Tenant.objects.filter(pk=cast.tenant.pk).update(**keep)
    return campaign


def run(cast: Cast, *, now: datetime = LATER) -> dict[str, int]:
    return forget_what_is_old(tenant_id=cast.tenant.pk, now=now)


def people(forgotten: dict[str, int]) -> dict[str, int]:
    """Without the trail: the campaigns of these tests were sent in 2022, by the test's clock."""
    return {kind: rows for kind, rows in forgotten.items() if kind != "audit"}


def known(cast: Cast) -> dict[str, bool]:
    """Kind → whether anything of a person is left."""
    with cast.scope():
        return {
            "messages": any(message.personal["text"] for message in Message.objects.all()),
            "receipts": _has_receipts(cast),
            "calls": any(call.personal["name"] for call in Call.objects.all()),
            "rows": any(recipient.personal["name"] for recipient in Recipient.objects.all()),
            "files": RosterFile.objects.exists(),
            "names": NameGram.objects.exists(),
        }


def _has_receipts(cast: Cast) -> bool:
    with connections["carrier"].cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM carriers_storedreceipt WHERE tenant_id = %s AND sealed <> ''", [cast.tenant.pk]
        )
        return bool(cursor.fetchone()[0])


class TestAgeing:
    def test_nothing_goes_before_its_time(self, acme: Cast) -> None:
        a_year_of(acme)

        assert people(run(acme)) == {}
        assert all(known(acme).values())

    @pytest.mark.parametrize(
        ("keep", "gone"),
        [
            ("keep_messages_days", {"messages", "receipts"}),
            ("keep_calls_days", {"calls"}),
            ("keep_rosters_days", {"rows", "files", "names"}),
        ],
    )
    def test_each_kind_goes_by_itself(self, acme: Cast, keep: str, gone: set[str]) -> None:
        a_year_of(acme, **{keep: 365})

        run(acme)

        assert {kind for kind, is_left in known(acme).items() if not is_left} == gone
        assert run(acme) == {}

    def test_the_counts_stay(self, acme: Cast) -> None:
        campaign = a_year_of(acme, keep_messages_days=30, keep_calls_days=30, keep_rosters_days=30)
        with acme.scope():
            before = progress_of(campaign)

        run(acme)

        with acme.scope():
            assert progress_of(campaign) == before
            assert Message.objects.count() == 5
            roster = Roster.objects.get()
            assert (roster.state, roster.failure_code, roster.rows, roster.sms) == (RosterState.FAILED, "expired", 6, 5)

    def test_its_pages_still_open(self, acme: Cast, signed_in: Any) -> None:
        campaign = a_year_of(acme, keep_messages_days=30, keep_calls_days=30, keep_rosters_days=30)
        run(acme)
        with acme.scope():
            message, call, roster = Message.objects.first(), Call.objects.get(), Roster.objects.get()
        assert message is not None
        browser = signed_in(acme.users[Role.ADMIN])

        for page in (
            f"/campaigns/{campaign.public_id}",
            f"/campaigns/{campaign.public_id}/check",
            f"/campaigns/{campaign.public_id}/rows.csv",
            f"/messages/{message.public_id}",
            f"/calls/{call.public_id}",
            f"/rosters/{roster.public_id}",
            "/rosters",
            "/campaigns",
            "/audit",
        ):
            answer = browser.get(page)
            assert answer.status_code in {200, 302}, page
        words = browser.get(f"/rosters/{roster.public_id}").content.decode()
        assert "保存期間が過ぎた" in words

    def test_another_tenant_keeps_its_own(self, acme: Cast, globex: Cast) -> None:
        a_year_of(acme, keep_messages_days=30, keep_calls_days=30, keep_rosters_days=30)
        a_year_of(globex)

        run(acme)
        run(globex)

        assert not any(known(acme).values())
        assert all(known(globex).values())

    def test_what_is_under_way_stays(self, acme: Cast) -> None:
        a_year_of(acme, keep_messages_days=30, keep_calls_days=30, keep_rosters_days=30)
        with acme.scope():
            Message.objects.update(state=3)
            Call.objects.update(state="open")
            Campaign.objects.update(state="sending")

        assert people(run(acme)) == {}

    def test_cut_short_the_next_run_goes_on(self, acme: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        a_year_of(acme, keep_messages_days=30)
        monkeypatch.setattr(ageing, "BATCH_ROWS", 2)
        monkeypatch.setattr(ageing, "MOST_BATCHES", 1)

        assert [run(acme)["messages"] for _ in range(3)] == [2, 2, 1]
        assert not known(acme)["messages"]


class TestTrailAndAnswers:
    def test_the_trail_forgets_by_the_databases_clock_only(self, acme: Cast) -> None:
        """Whatever the application says the time is: its one way to forget measures by itself."""
        with acme.scope():
            event = AuditEvent(at=timezone.now() - timedelta(days=1200), action="old")
            event.seal({})
            event.save()
            fresh = AuditEvent.objects.exclude(pk=event.pk).count()

        assert run(acme)["audit"] == 1
        with acme.scope():
            assert AuditEvent.objects.exclude(action="data.forgotten").count() == fresh
            assert AuditEvent.objects.get(action="data.forgotten").personal == {"audit": 1}

    def test_nobody_may_keep_the_trail_for_less_than_a_year(self, acme: Cast, signed_in: Any) -> None:
        browser = signed_in(acme.users[Role.ADMIN])
        given = dict.fromkeys(["keep_rosters_days", "keep_messages_days", "keep_calls_days"], "400")

        refused = browser.post("/settings/retention", {**given, "keep_audit_days": "364"})
        taken = browser.post("/settings/retention", {**given, "keep_audit_days": "365"})

        assert (refused.status_code, taken.status_code) == (422, 302)
        assert Tenant.objects.get(pk=acme.tenant.pk).keep_audit_days == 365

    def test_answers_to_repeated_calls_go_after_a_day(self, acme: Cast) -> None:
        with acme.scope():
            key = acme_key()
            for hours in (23, 25):
                IdempotencyKey.objects.create(
                    api_key_id=key,
                    key_hash=bytes([hours]),
                    body_hash=b"x",
                    created_at=timezone.now() - timedelta(hours=hours),
                )
                SentForm.objects.create(
                    user=acme.users[Role.STAFF],
                    number=bytes([hours]),
                    created_at=timezone.now() - timedelta(hours=hours),
                )

        assert run(acme, now=timezone.now()) == {"answers": 2}


class TestNobodys:
    def test_strays_and_texts_of_residents_go_too(self, acme: Cast) -> None:
        account = make_account()
        with connections["carrier"].cursor() as cursor:
            cursor.execute(
                "INSERT INTO carriers_storedreceipt (account_id, carrier_id, status, code, reason, received_at, sealed)"
                " VALUES (%s, 'x', 'delivered', '', '', now(), %s)",
                [account.pk, keys.service().seal("carriers_storedreceipt", b"raw")],
            )
            cursor.execute(
                "INSERT INTO carriers_inboundtext (account_id, received_at, sealed) VALUES (%s, now(), 'x')",
                [account.pk],
            )
            forget_what_belongs_to_nobody(now=timezone.now() + timedelta(days=89))
            cursor.execute(
                "SELECT (SELECT count(*) FROM carriers_inboundtext), (SELECT min(length(sealed)) FROM carriers_storedreceipt)"
            )
            kept = cursor.fetchone()
            forget_what_belongs_to_nobody(now=timezone.now() + timedelta(days=1200))
            cursor.execute(
                "SELECT (SELECT count(*) FROM carriers_inboundtext), (SELECT min(length(sealed)) FROM carriers_storedreceipt)"
            )
            assert (kept[0], kept[1] > 0, cursor.fetchone()) == (1, True, (0, 0))


def acme_key() -> int:
    from tenants.models import ApiKey

    key: int = ApiKey.objects.order_by("pk").values_list("pk", flat=True)[0]
    return key
