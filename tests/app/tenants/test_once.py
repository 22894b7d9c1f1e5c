"""The very same form, sent twice: made once, and the second press leads to where the first one led."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client

from dispatch.models import Call, CallAttempt, Campaign
from recipients.models import Consent, Roster, Route
from tenants.models import ApiKey, Department, SentForm
from tenants.permissions import Role
from tests.conftest import Cast, sign_in
from tests.factories.dispatch import make_campaign, make_roster, person

TOKEN = "csrfmiddlewaretoken"
TEXT = {"name": "退院のお知らせ", "text": "お知らせです。", "template": "", "send_at": ""}


def editor(cast: Cast) -> str:
    """The address where a text is written for a roster of one person."""
    with cast.scope():
        roster = make_roster(cast, [person(1)])
    return f"/campaigns/new?roster={roster.public_id}"


def csv(content: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("roster.csv", content.encode())


def token_of(page: Any) -> str:
    """The number of the form, as the browser reads it on the page."""
    found = re.search(rf'name="{TOKEN}" value="([^"]+)"', page.content.decode())
    assert found is not None
    return found[1]


class TestADraft:
    def test_is_one_though_the_button_was_pressed_twice(self, acme: Cast, signed_in: Any, enqueued: Any) -> None:
        browser, address = signed_in(acme.users[Role.STAFF]), editor(acme)
        form = {**TEXT, TOKEN: token_of(browser.get(address))}

        first, second = browser.post(address, form), browser.post(address, form)

        assert (first.status_code, second.status_code) == (302, 302)
        assert first.url == second.url
        with acme.scope():
            assert Campaign.objects.count() == 1

    def test_is_a_second_one_from_a_page_that_was_opened_again(self, acme: Cast, signed_in: Any, enqueued: Any) -> None:
        browser, address = signed_in(acme.users[Role.STAFF]), editor(acme)

        urls = [browser.post(address, {**TEXT, TOKEN: token_of(browser.get(address))}).url for _ in range(2)]

        assert urls[0] != urls[1]

    def test_is_a_second_one_with_another_text(self, acme: Cast, signed_in: Any, enqueued: Any) -> None:
        """Back, another word, and on: what was typed last is never taken for what was typed first."""
        browser, address = signed_in(acme.users[Role.STAFF]), editor(acme)
        form = {**TEXT, TOKEN: token_of(browser.get(address))}

        urls = [browser.post(address, {**form, "text": text}).url for text in ("お知らせです。", "お願いです。")]

        assert urls[0] != urls[1]

    def test_that_was_refused_may_be_sent_again_as_it_is(self, acme: Cast, signed_in: Any, enqueued: Any) -> None:
        browser, address = signed_in(acme.users[Role.STAFF]), editor(acme)
        form = {**TEXT, "text": "{{無い列}}", TOKEN: token_of(browser.get(address))}

        answers = [browser.post(address, form) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [422, 422]
        with acme.scope():
            assert not SentForm.objects.exists()

    def test_may_be_looked_at_twice(self, acme: Cast, signed_in: Any, enqueued: Any) -> None:
        browser, address = signed_in(acme.users[Role.STAFF]), editor(acme)
        form = {**TEXT, "preview": "1", TOKEN: token_of(browser.get(address))}

        answers = [browser.post(address, form) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [200, 200]
        assert "お知らせです。" in answers[1].content.decode()

    def test_of_a_colleague_is_another_one(self, acme: Cast, client: Any, enqueued: Any) -> None:
        address = editor(acme)
        browsers = [sign_in(Client(), acme.users[role]) for role in (Role.STAFF, Role.ADMIN)]
        form = {**TEXT, TOKEN: token_of(browsers[0].get(address))}

        urls = [browser.post(address, form).url for browser in browsers]

        assert urls[0] != urls[1]

    def test_is_one_of_two_that_come_at_the_same_instant(self, committed: None, acme: Cast, enqueued: Any) -> None:
        browsers = [sign_in(Client(), acme.users[Role.STAFF]) for _ in range(2)]
        address = editor(acme)
        form = {**TEXT, TOKEN: token_of(browsers[0].get(address))}

        def press(browser: Any) -> str:
            try:
                return str(browser.post(address, form).url)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(2) as presses:
            urls = set(presses.map(press, browsers))

        assert len(urls) == 1
        with acme.scope():
            assert Campaign.objects.count() == 1


class TestWhateverIsMade:
    def test_a_roster_is_read_in_once(self, acme: Cast, signed_in: Any, enqueued: Any) -> None:
        browser = signed_in(acme.users[Role.STAFF])
        token = token_of(browser.get("/rosters/new"))

        urls = [
            browser.post(
                "/rosters/new", {"name": "", "file": csv("氏名,電話番号\n港　花子,090-1234-5678\n"), TOKEN: token}
            ).url
            for _ in range(2)
        ]

        assert urls[0] == urls[1]
        with acme.scope():
            assert Roster.objects.count() == 1

    def test_another_file_of_the_same_name_and_size_is_another_roster(
        self, acme: Cast, signed_in: Any, enqueued: Any
    ) -> None:
        browser = signed_in(acme.users[Role.STAFF])
        token = token_of(browser.get("/rosters/new"))

        for digit in "78":
            content = f"氏名,電話番号\n港　花子,090-1234-567{digit}\n"
            browser.post("/rosters/new", {"name": "", "file": csv(content), TOKEN: token})

        with acme.scope():
            assert Roster.objects.count() == 2

    def test_a_consent_a_department_and_a_key_are_made_once(self, acme: Cast, signed_in: Any) -> None:
        browser = signed_in(acme.users[Role.ADMIN])
        with acme.scope():
            before = (Consent.objects.count(), Department.objects.count(), ApiKey.objects.count())

        for page, address, form in (
            ("/registers/consents", "/registers/consents/add", {"phone": "090-1234-5678", "is_given": "1"}),
            ("/settings/departments", "/settings/departments", {"name": "感染症対策課"}),
            ("/settings/keys", "/settings/keys", {"name": "連携", "role": "admin", "department": ""}),
        ):
            token = token_of(browser.get(page))
            for _ in range(2):
                browser.post(address, {**form, TOKEN: token})

        with acme.scope():
            after = (Consent.objects.count(), Department.objects.count(), ApiKey.objects.count())
        assert after == tuple(number + 1 for number in before)

    def test_a_key_that_was_shown_once_is_not_shown_again(self, acme: Cast, signed_in: Any) -> None:
        browser = signed_in(acme.users[Role.ADMIN])
        form = {"name": "連携", "role": "admin", "department": "", TOKEN: token_of(browser.get("/settings/keys"))}

        first, second = browser.post("/settings/keys", form), browser.post("/settings/keys", form, follow=True)

        assert "tdk_" in first.content.decode()
        assert "tdk_" not in second.content.decode()
        assert "行ったのは1回だけです" in second.content.decode()

    def test_a_call_is_noted_once(self, acme: Cast, signed_in: Any, enqueued: Any) -> None:
        browser = signed_in(acme.users[Role.STAFF])
        with acme.scope():
            roster = make_roster(acme, [person(1, route=Route.CALL, reason="age")])
            campaign = make_campaign(acme, roster)
            recipient = roster.recipients.get()
            call = Call.objects.create(campaign=campaign, recipient=recipient, row=1, reason="age")
        address = f"/calls/{call.public_id}"
        form = {"outcome": "no_answer", "note": "", TOKEN: token_of(browser.get(address))}

        urls = [browser.post(address, form).url for _ in range(2)]

        assert urls[0] == urls[1]
        with acme.scope():
            assert CallAttempt.objects.count() == 1
