"""Texts, rosters and campaigns for the fault suite, made by the services that staff use."""

from __future__ import annotations

import itertools
import json
import urllib.error
import urllib.request
from typing import Any

import psycopg
from django.utils import timezone

from config.celery import app
from devservers.ports import LOOPBACK
from dispatch.models import Campaign
from dispatch.services.campaigns import create_campaign
from dispatch.services.campaigns.departure import send_campaign
from dispatch.states import Status
from recipients.models import Roster
from recipients.services.reading import read_roster
from recipients.services.uploading import upload_roster
from tests.conftest import Cast, admin_url
from tests.smsc import states

SERIES = itertools.count(1)
TEXT = "【みなと市保健所】{{氏名|様}} 療養は{{療養終了日}}までです。"


def numbers(count: int, head: str = "+8190") -> list[str]:
    return [f"{head}{10_000_000 + n:08d}" for n in range(count)]


def is_over(cast: Cast) -> bool:
    """Every text of this tenant has an end or is unknown."""
    return not {Status.QUEUED, Status.ACCEPTED} & set(states(cast))


def roster_file(rows: int) -> bytes:
    """Other people each time: the same ones again would have to be confirmed."""
    first = next(SERIES) * 1_000_000
    lines = [f"R4-{n:08d},見本 {n},090{10_000_000 + n:08d},2022/08/17,有" for n in range(first, first + rows)]
    return "\r\n".join(["管理番号,氏名,電話番号,療養終了日,SMS同意", *lines, ""]).encode("cp932")


def upload(cast: Cast, rows: int) -> Roster:
    with cast.scope():
        return upload_roster(
            data=roster_file(rows),
            file_name="roster.csv",
            department=cast.department,
            by=cast.staff,
            now=timezone.now(),
        )


def make_campaign(cast: Cast, rows: int, **options: Any) -> Campaign:
    """A draft over a roster of that many people, read here."""
    roster = upload(cast, rows)
    read_roster(tenant_id=cast.tenant.pk, roster_id=roster.pk, now=timezone.now())
    with cast.scope():
        return create_campaign(
            name=f"お知らせ {roster.pk}",
            roster=Roster.objects.get(pk=roster.pk),
            text=TEXT,
            department=cast.department,
            by=cast.staff,
            now=timezone.now(),
            **options,
        )


def send(cast: Cast, campaign: Campaign) -> None:
    with cast.scope():
        send_campaign(campaign=Campaign.objects.get(pk=campaign.pk), by=cast.staff, now=timezone.now())


def publish(broker: str, task: str, **ids: int) -> None:
    """Wake a worker that listens on another broker than this test's."""
    with app.connection_for_write(url=broker) as connection:
        app.send_task(task, kwargs=ids, connection=connection)


def rows_of(roster: Roster) -> tuple[str, int, int]:
    """The roster's state, its rows, and how many of them differ: all by plain SQL."""
    with psycopg.connect(admin_url()) as connection:
        found = connection.execute(
            "SELECT r.state, count(p.id), count(DISTINCT p.row) FROM recipients_roster r"
            " LEFT JOIN recipients_recipient p ON p.roster_id = r.id WHERE r.id = %s GROUP BY r.id",
            [roster.pk],
        ).fetchone()
    assert found is not None
    return str(found[0]), int(found[1]), int(found[2])


def messages_of(campaign: Campaign) -> tuple[bool, int, int]:
    """Whether the campaign is expanded, its messages, and to how many different people: all by plain SQL."""
    with psycopg.connect(admin_url()) as connection:
        found = connection.execute(
            "SELECT c.is_expanded, count(m.id), count(DISTINCT m.recipient_id) FROM dispatch_campaign c"
            " LEFT JOIN dispatch_message m ON m.campaign_id = c.id WHERE c.id = %s GROUP BY c.id",
            [campaign.pk],
        ).fetchone()
    assert found is not None
    return bool(found[0]), int(found[1]), int(found[2])


def call_api(
    port: int, method: str, path: str, key: str, body: object = None, *, timeout_s: float = 15, **headers: str
) -> tuple[int, Any]:
    """Status and body of a request to the web process. Raises ``URLError`` where none was made."""
    request = urllib.request.Request(  # noqa: S310 - our own port
        f"http://{LOOPBACK}:{port}/api/v1/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json", **headers},
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as response:  # noqa: S310 - our own port
            return int(response.status), json.loads(response.read())
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code, exc.read().decode(errors="replace")
