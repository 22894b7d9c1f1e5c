"""Telling operators that an incident began or ended: a mail for all that is new, a signed call for each.

An alarm that is lost is worse than one that comes twice: what may not have been heard is told again. A call says by
``Todoke-Delivery`` which notice it is, so that a tool can pass over a repeat.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from smtplib import SMTPException
from typing import Final

import orjson
import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from carriers.errors import CarrierError
from carriers.http import HttpClient, HttpTimes
from reports.models import Channel, Edge, IncidentNotice
from reports.sentences import incident_words

log = structlog.get_logger()
OPERATOR: Final = "operator"
MOST_TRIES: Final = 8
AT_ONCE: Final = 50
AGAIN: Final = timedelta(seconds=15)
PUT_OFF: Final = timedelta(seconds=60)  # longer than telling takes: after it, whoever had taken a notice is dead
TIMES: Final = HttpTimes(connect_s=3, answer_s=5)


def tell_by_mail(*, now: datetime) -> int:
    """One mail with everything that is due; how many notices it held."""
    notices = _take(Channel.MAIL, now=now)
    if not notices:
        return 0
    lines = [_line(notice) for notice in notices]
    subject = lines[0] if len(lines) == 1 else _("運用のお知らせ %(count)s件") % {"count": len(lines)}
    body = "\n".join([*lines, "", f"{settings.BASE_URL}/ops"])
    message = EmailMessage(f"[Todoke] {subject}", body, settings.DEFAULT_FROM_EMAIL, settings.OPERATOR_EMAILS)
    try:
        message.send()
    except (OSError, SMTPException) as exc:
        log.warning("incident.mail_not_sent", error=type(exc).__name__)
        _give_back(notices, now=now)
        return 0
    _mark_told(notices, now=now)
    return len(notices)


def tell_by_webhook(*, now: datetime) -> int:
    """A signed POST for each notice that is due; how many were taken by the other side."""
    notices = _take(Channel.WEBHOOK, now=now)
    if not notices:
        return 0
    outcomes = asyncio.run(_call_all(notices, now=now))
    told = [notice for notice, was_taken in zip(notices, outcomes, strict=True) if was_taken]
    _mark_told(told, now=now)
    _give_back([notice for notice in notices if notice not in told], now=now)
    return len(told)


def signature(body: bytes, *, at: datetime, secret: str) -> str:
    """``t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">``."""
    stamp = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest}"


async def _call_all(notices: Sequence[IncidentNotice], *, now: datetime) -> list[bool]:
    async with HttpClient(connections=10, times=TIMES) as client:
        return await asyncio.gather(*(_call(client, notice, now=now) for notice in notices))


async def _call(client: HttpClient, notice: IncidentNotice, *, now: datetime) -> bool:
    """Whether it was surely taken."""
    body = orjson.dumps(_document(notice))
    headers = {
        "Content-Type": "application/json",
        "Todoke-Event": f"incident.{notice.edge}",
        "Todoke-Delivery": str(notice.pk),
    }
    if settings.OPERATOR_WEBHOOK_SECRET:
        headers["Todoke-Signature"] = signature(body, at=now, secret=settings.OPERATOR_WEBHOOK_SECRET)
    try:
        answer = await client.send("POST", settings.OPERATOR_WEBHOOK_URL, headers=headers, content=body)
    except CarrierError as exc:
        log.warning("incident.webhook_not_called", notice_id=notice.pk, error=type(exc).__name__)
        return False
    if not 200 <= answer.status < 300:
        log.warning("incident.webhook_refused", notice_id=notice.pk, status=answer.status)
    return 200 <= answer.status < 300


def _document(notice: IncidentNotice) -> dict[str, object]:
    incident = notice.incident
    return {
        "id": incident.pk,
        "edge": notice.edge,
        "kind": incident.kind,
        "subject": incident.subject,
        "name": incident.name,
        "detail": incident.detail,
        "began_at": incident.began_at,
        "ended_at": incident.ended_at if notice.edge == Edge.END else None,
        "address": f"{settings.BASE_URL}/ops",
    }


def _line(notice: IncidentNotice) -> str:
    incident = notice.incident
    is_end = notice.edge == Edge.END
    detail = incident_words(incident.kind, incident.detail)
    at = incident.ended_at if is_end and incident.ended_at else incident.began_at
    words = {
        "edge": _("解消") if is_end else _("発生"),
        "at": localtime(at).strftime("%H:%M:%S"),
        "kind": incident.get_kind_display(),
        "name": incident.name,
        "detail": f"（{detail}）" if detail else "",
    }
    return _("%(edge)s %(at)s %(kind)s：%(name)s%(detail)s") % words


def _take(channel: Channel, *, now: datetime) -> list[IncidentNotice]:
    with transaction.atomic(using=OPERATOR):
        rows = IncidentNotice.objects.using(OPERATOR)
        due = rows.select_for_update(of=("self",), skip_locked=True).select_related("incident")
        taken = list(
            due.filter(channel=channel, told_at=None, due_at__lte=now, tries__lt=MOST_TRIES).order_by("pk")[:AT_ONCE]
        )
        for notice in taken:
            rows.filter(pk=notice.pk).update(due_at=now + PUT_OFF, tries=notice.tries + 1)
    return taken


def _give_back(notices: Sequence[IncidentNotice], *, now: datetime) -> None:
    for notice in notices:
        due_at = now + AGAIN * 2**notice.tries
        IncidentNotice.objects.using(OPERATOR).filter(pk=notice.pk).update(due_at=due_at)


def _mark_told(notices: Sequence[IncidentNotice], *, now: datetime) -> None:
    ids = [notice.pk for notice in notices]
    IncidentNotice.objects.using(OPERATOR).filter(pk__in=ids).update(told_at=now)
