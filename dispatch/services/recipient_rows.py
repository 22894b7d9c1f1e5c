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
from dispatch.services.repeats import HadIt, who_had_it
from recipients.dates import age_on
from recipients.models import Recipient, Roster, Route
from recipients.routing_rules import Reason
from recipients.selectors.registers import ConsentBook, consent_book, opted_out_hashes
from tenants.keys import ring
from tenants.models import Tenant
from tenants.sealing import SealBroken
from tenants.sending_rules import rules_in_force

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
    """What changes a text's way after the file was read: a new refusal or a birthday before the sending day makes a call
    of it, and whoever had the same text lately gets none."""

    opted_out: frozenset[bytes]
    as_of: date | None  # None: ages were taken on this very day already
    age_limit: int | None
    consents: ConsentBook | None = None  # None: nobody took a consent back, or none is asked for
    had_it: HadIt = HadIt(frozenset(), 0)

    def reason_to_call(self, row: RosterRow) -> str:
        """ "" for a text."""
        if row.fields is None:
            return SET_ASIDE
        if row.phone_hash in self.opted_out:
            return str(Reason.OPTED_OUT)
        if self.consents is not None and self._is_withdrawn(row.fields):
            return str(Reason.NO_CONSENT)
        if self.as_of is None or self.age_limit is None or not (born := row.fields.get("birth_on")):
            return ""
        return str(Reason.AGE) if age_on(date.fromisoformat(born), self.as_of) >= self.age_limit else ""

    def reason_to_skip(self, row: RosterRow) -> str:
        """ "" for a text. To be asked of rows that no reason makes a call."""
        if self.had_it and row.fields is not None and self.had_it.includes(row.phone_hash, row.fields):
            return str(Reason.HAD_RECENTLY)
        return ""

    def _is_withdrawn(self, fields: dict[str, Any]) -> bool:
        assert self.consents is not None  # noqa: S101  the caller asked
        return self.consents.says(fields["phone"], fields.get("external_id") or "") is False


def late_rules(campaign: Campaign, *, tenant: Tenant) -> LateRules:
    roster = campaign.roster
    rules = rules_in_force(tenant, roster.department)
    book = consent_book(department_id=roster.department_id) if rules.requires_consent else None
    return LateRules(
        opted_out=opted_out_hashes(),
        as_of=None if campaign.as_of == roster.as_of else campaign.as_of,
        age_limit=rules.sms_age_limit,
        consents=book if book is not None and book.has_denials else None,
        had_it=who_had_it(campaign, days=rules.repeat_days),
    )
