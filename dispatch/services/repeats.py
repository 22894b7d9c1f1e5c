"""Who would get the same words twice: the same text by an earlier campaign, or one number twice in this one.

Needs the tenant's scope. What was sent earlier changes every hour, so it is asked when a campaign is made and when it
starts, never when a roster is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from dispatch.models import Campaign, Message
from dispatch.states import Status
from recipients.models import Recipient, Route
from tenants.keys import ring

_GOT_IT: Final = [Status.QUEUED, Status.ACCEPTED, Status.UNKNOWN, Status.DELIVERED]
_EARLIER: Final = """
    SELECT DISTINCT m.phone_hash, r.id_hash, CASE WHEN r.id_hash IS NULL THEN r.sealed END
    FROM dispatch_message m JOIN recipients_recipient r ON r.tenant_id = m.tenant_id AND r.id = m.recipient_id
    WHERE m.tenant_id = %s AND m.campaign_id = ANY(%s) AND m.created_at >= %s AND m.state = ANY(%s)
"""
_SHARED: Final = """
    SELECT phone_hash FROM recipients_recipient WHERE tenant_id = %s AND roster_id = %s AND route = %s
    GROUP BY phone_hash HAVING count(*) > 1
"""
PersonKey = tuple[bytes, bytes | str]  # number, and id or, of a roster that has none, name


@dataclass(frozen=True, slots=True)
class HadIt:
    """People who were sent this text within the days of the rule."""

    people: frozenset[PersonKey]
    days: int

    def __bool__(self) -> bool:
        return bool(self.people)

    def includes(self, phone_hash: bytes | None, fields: Mapping[str, Any]) -> bool:
        """The same number alone is no proof: a family has several people, each with a text of their own."""
        if phone_hash is None:
            return False
        number, external_id = bytes(phone_hash), fields.get("external_id")
        if external_id and (number, ring().hash("id", external_id)) in self.people:
            return True
        return (number, _name_of(fields)) in self.people


def who_had_it(campaign: Campaign, *, days: int) -> HadIt:
    """Everybody to whom an earlier campaign sent the same template or the same words within ``days`` of the sending
    day, and of whom nothing says that it did not arrive."""
    if not days:
        return HadIt(frozenset(), 0)
    since = _midnight(campaign) - timedelta(days=days)
    started = Campaign.objects.filter(Q(is_expanded=False) | Q(started_at__gte=since), started_at__isnull=False)
    others = started.exclude(pk=campaign.pk).select_related("template_version")
    # Texts stand sealed and no query compares them; an office starts few campaigns in so many days.
    recent = [other.pk for other in others if is_same_text(other, campaign)]
    if not recent:
        return HadIt(frozenset(), days)
    with connection.cursor() as cursor:
        cursor.execute(_EARLIER, [campaign.tenant_id, recent, since, _GOT_IT])
        people = frozenset(_key(*row) for row in cursor.fetchall())
    return HadIt(people, days)


def is_same_text(one: Campaign, other: Campaign) -> bool:
    """The same words, or two versions of the same template."""
    versions = (one.template_version, other.template_version)
    if versions[0] and versions[1] and versions[0].template_id == versions[1].template_id:
        return True
    return bool(one.text == other.text)


def _midnight(campaign: Campaign) -> datetime:
    return timezone.make_aware(datetime.combine(campaign.as_of, time.min))


def _key(phone_hash: Any, id_hash: Any, sealed: Any) -> PersonKey:
    if id_hash is not None:
        return bytes(phone_hash), bytes(id_hash)
    return bytes(phone_hash), _name_of(ring().open_fields(Recipient._meta.db_table, bytes(sealed)))


def _name_of(fields: Mapping[str, Any]) -> str:
    return "".join(str(fields.get("name") or "").split())


class SameTexts:
    """The rows of one campaign that would bring the very same words to the same number once more (DOMAIN.md)."""

    __slots__ = ("_first", "_shared")

    def __init__(self, shared: frozenset[bytes]) -> None:
        self._shared = shared
        self._first: dict[tuple[bytes, bytes], int] = {}

    def earlier_row(self, row: int, phone_hash: bytes | None, text: str) -> int | None:
        """The row that gets these words at this number already; else this one is remembered."""
        if phone_hash is None or phone_hash not in self._shared:
            return None
        key = (bytes(phone_hash), hashlib.blake2b(text.encode(), digest_size=16).digest())
        first = self._first.setdefault(key, row)
        return first if first != row else None


def same_texts(campaign: Campaign) -> SameTexts:
    """For rows from the first on, or, where a worker before was killed, from the one that comes next."""
    with connection.cursor() as cursor:
        cursor.execute(_SHARED, [campaign.tenant_id, campaign.roster_id, Route.SMS])
        shared = frozenset(bytes(phone_hash) for (phone_hash,) in cursor.fetchall())
    found = SameTexts(shared)
    if shared and campaign.expanded_row:
        sent = Message.objects.filter(campaign=campaign, phone_hash__in=shared)
        for message in sent.select_related("recipient").only("sealed", "phone_hash", "recipient__row", "tenant"):
            row = message.recipient.row if message.recipient else 0
            found.earlier_row(row, bytes(message.phone_hash), message.personal["text"])
    return found
