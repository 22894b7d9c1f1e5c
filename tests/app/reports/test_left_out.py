"""記録をさがす: why somebody who stands on a roster got no text and no call."""

from __future__ import annotations

from typing import Any

import pytest

from dispatch.models import Message, SkippedRow
from dispatch.selectors.skipped import skipped_rows
from recipients.models import Route
from tenants.models import Department, Tenant
from tenants.permissions import Role
from tests.app.reports.sending import deliver, sent_campaign
from tests.conftest import Cast
from tests.factories.dispatch import make_account, person

pytestmark = pytest.mark.usefixtures("committed", "enqueued")
PHONE = "+816010000001"
OFFICE_WORDS = "水道局からのお知らせです。"


def page_of(browser: Any, query: str) -> str:
    content: str = browser.post("/people", {"query": query}, follow=True).content.decode()
    return content


@pytest.fixture
def admin(acme: Cast, signed_in: Any) -> Any:
    make_account()
    return signed_in(acme.users[Role.ADMIN])


class TestAPersonWhoWasLeftOut:
    def test_is_told_by_which_campaign_and_when_the_same_text_had_gone_out(self, acme: Cast, admin: Any) -> None:
        Tenant.objects.filter(pk=acme.tenant.pk).update(repeat_days=7)
        sent_campaign(acme, [person(1, phone=PHONE)], name="一回目")
        with acme.scope():
            deliver(acme, Message.objects.get())
        sent_campaign(acme, [person(1, phone=PHONE), person(2)], name="二回目")

        words = page_of(admin, "06010000001")

        assert "二回目" in words
        assert "からの配信では、SMSを送りませんでした。" in words
        assert "に送ったばかりです。" in words
        assert words.count("この1通の記録と証明書") == 1

    def test_is_told_that_the_row_before_has_the_same_words_at_this_number(self, acme: Cast, admin: Any) -> None:
        people = [person(row, phone=PHONE, name=f"家族{row}") for row in (1, 2)]
        sent_campaign(acme, people, text=OFFICE_WORDS, name="断水のお知らせ")

        family = admin.post("/people", {"query": "06010000001"}).context["people"]
        with acme.scope():
            (address,) = (shown["person"].key.address for shown in family if shown["name"] == "家族2")
        words = admin.get(f"/people/{address}").content.decode()

        assert "断水のお知らせ" in words
        assert "名簿の2行目の人への1通と、番号も文も同じです。" in words

    def test_is_told_what_the_roster_decided(self, acme: Cast, admin: Any) -> None:
        sent_campaign(acme, [person(1, phone=PHONE, route=Route.SKIP, reason="excluded", detail="納付済"), person(2)])

        words = page_of(admin, "06010000001")

        assert "連絡の対象外になりました。" in words
        assert "「納付済」と書かれています。" in words
        assert "まだ何も送っていません" not in words

    def test_is_not_told_twice_of_a_second_row_on_the_same_roster(self, acme: Cast, admin: Any) -> None:
        twice = person(2, phone=PHONE, route=Route.SKIP, reason="duplicate", name="患者1", external_id="R4-00001")
        sent_campaign(acme, [person(1, phone=PHONE), twice])

        assert "連絡なし" not in page_of(admin, "06010000001")

    def test_is_not_told_of_another_departments_campaign(self, acme: Cast) -> None:
        make_account()
        Tenant.objects.filter(pk=acme.tenant.pk).update(repeat_days=7)
        sent_campaign(acme, [person(1, phone=PHONE)])
        again = sent_campaign(acme, [person(1, phone=PHONE), person(2)])
        with acme.scope():
            again.department = Department.objects.create(name="別の課")
            again.save()
            rows = [SkippedRow.objects.get().recipient_id]

            assert skipped_rows(rows, by=acme.staff) == []
            assert len(skipped_rows(rows, by=acme.admin)) == 1
