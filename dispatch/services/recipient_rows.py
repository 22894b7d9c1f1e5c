"""The rows of a roster as a campaign sees them: opened, and with what changed since the file was read.

Raw tuples, no ORM objects: this is read a hundred thousand rows at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

import orjson
import psycopg
from django.db import connection

from dispatch.models import Campaign
from recipients.dates import age_on
from recipients.models import OptOut, Recipient, Roster, Route
from recipients.routing_rules import Reason
from tenants.keys import ring
from tenants.models import Tenant
from tenants.sealing import SealBroken

TABLE: Final = Recipient._meta.db_table
_SELECT: Final = """
    SELECT id, row, route, reason, phone_hash, sealed FROM recipients_recipient
    WHERE tenant_id = %s AND roster_id = %s AND row > %s ORDER BY row LIMIT %s
"""
SET_ASIDE: Final = "set_aside"


class RosterRow(NamedTuple):
    """A row as stored. ``fields`` is None where the blob could not be opened."""

    recipient_id: int
    row: int
    route: int
    reason: str
    phone_hash: bytes | None
    fields: dict[str, Any] | None


def read_rows(campaign: Campaign, *, after: int, limit: int) -> list[RosterRow]:
    """The next rows of the campaign's roster in their order, opened; rows that are not concerned stay sealed."""
    connection.ensure_connection()
    with psycopg.Cursor(connection.connection) as cursor:  # Django's own hands blobs over as text, twice as long
        cursor.execute(_SELECT, [campaign.tenant_id, campaign.roster_id, after, limit], binary=True)
        rows = cursor.fetchall()
    open_blob, skip, loads = ring().open, Route.SKIP, orjson.loads
    opened: list[RosterRow] = []
    for recipient_id, row, route, reason, phone_hash, sealed in rows:
        fields = None
        if route != skip:
            try:
                fields = loads(open_blob(TABLE, sealed))
            except (SealBroken, ValueError):
                fields = None
        opened.append(RosterRow(recipient_id, row, route, reason, phone_hash, fields))
    return opened


def roster_headers(roster: Roster) -> list[str]:
    """The column headers, which are the placeholders that a text may use."""
    return [str(header) for header in roster.personal.get("header", [])]


def chunks_of(campaign: Campaign, *, limit: int) -> Iterator[list[RosterRow]]:
    """All rows of the roster, ``limit`` at a time."""
    after = 0
    while rows := read_rows(campaign, after=after, limit=limit):
        yield rows
        after = rows[-1].row


@dataclass(frozen=True, slots=True)
class LateRules:
    """What may turn a text into a call after the file was read: a new refusal, or a birthday before the sending day."""

    opted_out: frozenset[bytes]
    as_of: date | None  # None: ages were taken on this very day already
    age_limit: int | None

    def reason_to_call(self, row: RosterRow) -> str:
        """ "" for a text."""
        if row.fields is None:
            return SET_ASIDE
        if row.phone_hash in self.opted_out:
            return str(Reason.OPTED_OUT)
        if self.as_of is None or self.age_limit is None or not (born := row.fields.get("birth_on")):
            return ""
        return str(Reason.AGE) if age_on(date.fromisoformat(born), self.as_of) >= self.age_limit else ""


def late_rules(campaign: Campaign, *, tenant: Tenant) -> LateRules:
    hashes = OptOut.objects.filter(ended_at=None).values_list("phone_hash", flat=True)
    return LateRules(
        opted_out=frozenset(bytes(phone_hash) for phone_hash in hashes),
        as_of=None if campaign.as_of == campaign.roster.as_of else campaign.as_of,
        age_limit=tenant.sms_age_limit,
    )
