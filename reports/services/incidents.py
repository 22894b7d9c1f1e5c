"""Incidents begin with what is found wrong, end when it is no longer, and are seen by an operator."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import structlog
from django.conf import settings
from django.db import connections, transaction

from reports.models import Channel, Edge, Incident, IncidentNotice
from reports.selectors.troubles import Trouble, troubles_now
from reports.services.notices import tell_by_mail, tell_by_webhook
from tenants.actors import Actor
from tenants.permissions import Permission

log = structlog.get_logger()
OPERATOR: Final = "operator"
_ONE_AT_A_TIME: Final = 0x70D0CE  # any number that nobody else locks by


def watch_service(*, now: datetime) -> None:
    """One round: what began, what ended, and who is to hear of it. Two at once do it once; a way of telling that fails, by
    whatever, keeps no other from its turn."""
    note_troubles(troubles_now(now=now), now=now)
    for tell in (tell_by_mail, tell_by_webhook):
        try:
            tell(now=now)
        except Exception:
            log.exception("incident.not_told", by=tell.__name__)


def note_troubles(troubles: Sequence[Trouble], *, now: datetime) -> None:
    """Begin an incident for each trouble that has none open, and end the open ones whose trouble is over."""
    with transaction.atomic(using=OPERATOR):
        with connections[OPERATOR].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ONE_AT_A_TIME])
        rows = Incident.objects.using(OPERATOR)
        still_open = {(row.kind, row.subject): row for row in rows.filter(ended_at=None)}
        for trouble in troubles:
            row = still_open.pop((trouble.kind.value, trouble.subject), None)
            if row is None:
                _begin(trouble, now=now)
            elif row.detail != trouble.detail:
                rows.filter(pk=row.pk).update(detail=trouble.detail)
        for row in still_open.values():
            rows.filter(pk=row.pk).update(ended_at=now)
            _owe(row, Edge.END, now=now)
            log.info("incident.ended", incident_id=row.pk, kind=row.kind, subject=row.subject)


def mark_seen(*, incident_id: int, by: Actor, now: datetime) -> bool:
    """Whether this person is the first who has seen it. Raises ``NotAllowed``."""
    by.must(Permission.OPERATE)
    unseen = Incident.objects.using(OPERATOR).filter(pk=incident_id, seen_at=None)
    return bool(unseen.update(seen_by_id=by.user_id, seen_at=now))


def _begin(trouble: Trouble, *, now: datetime) -> None:
    row = Incident.objects.using(OPERATOR).create(
        kind=trouble.kind, subject=trouble.subject, name=trouble.name, detail=trouble.detail, began_at=now
    )
    _owe(row, Edge.BEGIN, now=now)
    log.warning("incident.began", incident_id=row.pk, kind=row.kind, subject=row.subject)


def _owe(incident: Incident, edge: Edge, *, now: datetime) -> None:
    channels = [
        channel
        for channel, is_wanted in (
            (Channel.MAIL, bool(settings.OPERATOR_EMAILS)),
            (Channel.WEBHOOK, bool(settings.OPERATOR_WEBHOOK_URL)),
        )
        if is_wanted
    ]
    IncidentNotice.objects.using(OPERATOR).bulk_create(
        IncidentNotice(incident=incident, edge=edge, channel=channel, due_at=now) for channel in channels
    )
