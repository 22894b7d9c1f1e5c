"""The web process dies between its commit and its answer: asked again, nothing is done twice; not asked, nothing is lost."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from uuid import uuid4

import pytest

from carriers.models import StoredReceipt
from devservers import ports, processes
from dispatch.states import Status
from tenants.permissions import Role
from tests.app.dispatch.test_http_accounts import http_account
from tests.carriers.http_stub import signed
from tests.conftest import Cast
from tests.faults.arranging import call_api, make_campaign, messages_of
from tests.faults.conftest import Report
from tests.faults.harness import FAILPOINT_EXIT, System, wait_until
from tests.faults.visitor import Visitor
from tests.smsc import states

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

TAKEN_UP_S = 60


@pytest.fixture
def dying(system: System) -> Callable[[str], int]:
    """A web process whose workers die at this failpoint, each of them; answers its port."""

    def start(failpoint: str) -> int:
        port = ports.free_port()
        system.start_web(port, failpoint=failpoint)
        return port

    return start


def made_well(system: System, port: int) -> None:
    """The web process is started again without its failpoint, on the same port."""
    system.stop(processes.WEB)
    system.kills += 1
    system.start_web(port)


class TestDiesBeforeItsAnswer:
    def test_a_repeated_call_makes_no_second_text(
        self, acme: Cast, system: System, dying: Callable[[str], int], report: Report
    ) -> None:
        system.start_smsc()
        system.account()
        port, key = dying("web.after_commit"), str(uuid4())
        body = {"to": "09012345678", "text": "【みなと市】お知らせです。"}

        def post() -> int:
            try:
                return call_api(
                    port, "POST", "messages", acme.keys[Role.ADMIN], body, timeout_s=60, **{"Idempotency-Key": key}
                )[0]
            except (OSError, HTTPException):
                return 0

        lost = post()
        made_well(system, port)
        again = post()
        system.start_carrier()
        wait_until(lambda: states(acme) == {Status.DELIVERED: 1}, timeout_s=60, what="it is delivered")

        outcome = system.judge_when_settled(texts=1)
        report("1 web dies between commit and answer", outcome)
        assert (lost, again) == (0, 201)
        assert system.accepted() == 1
        assert outcome.faults == {}

    def test_a_wake_up_that_was_never_published_is_found_by_the_sweep(
        self, acme: Cast, system: System, dying: Callable[[str], int], report: Report
    ) -> None:
        system.start_smsc()
        system.account()
        campaign = make_campaign(acme, 40)
        for start in (system.start_default, system.start_beat, system.start_carrier):
            start()
        system.wait_for_binds()
        port = dying("publish.before_send")

        Visitor(port, acme.users[Role.STAFF]).post(f"/campaigns/{campaign.public_id}/send")
        system.kills += 1
        taken_up_s = wait_until(lambda: messages_of(campaign)[0], timeout_s=TAKEN_UP_S, what="it is expanded")
        wait_until(lambda: states(acme) == {Status.DELIVERED: 40}, timeout_s=60, what="all are delivered")

        outcome = system.judge_when_settled(texts=40, recovered_s=taken_up_s)
        report("1 web dies between commit and broker", outcome)
        assert f"code {FAILPOINT_EXIT}" in system.log(processes.WEB)
        assert outcome.faults == {}

    def test_a_receipt_that_is_brought_again_is_stored_once(
        self, acme: Cast, system: System, dying: Callable[[str], int]
    ) -> None:
        account = http_account(1)
        port = dying("webhook.after_store")
        body, headers = signed({"events": [{"id": "a1", "status": "DELIVRD", "to": "+819012345678"}]})

        def bring() -> int:
            url = f"http://{ports.LOOPBACK}:{port}/webhooks/carriers/{account.public_id}"
            request = urllib.request.Request(url, body, {**headers, "Content-Type": "application/json"})  # noqa: S310
            try:
                with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - our own port
                    return int(response.status)
            except urllib.error.HTTPError as exc:
                with exc:
                    return exc.code
            except (OSError, HTTPException):
                return 0

        lost = bring()
        made_well(system, port)

        assert (lost, bring()) == (0, 204)
        assert StoredReceipt.objects.using("carrier").filter(account_id=account.pk).count() == 1
