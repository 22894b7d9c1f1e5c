"""Who said yes or no to texts, when, how and for what. Entries are never changed: the latest one counts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from recipients.models import Channel, Consent
from recipients.phone_numbers import parse_number
from recipients.services.errors import BadDay, NotATextNumber, UnknownChannel
from recipients.services.opt_outs import clean_note
from tenants.actors import Actor
from tenants.clock import today
from tenants.keys import ring
from tenants.models import Department
from tenants.permissions import Permission
from tenants.services import record

LONGEST_NAME: Final = 100
LONGEST_PURPOSE: Final = 200


def record_consent(
    *,
    phone: str,
    is_given: bool,
    given_on: date | None = None,
    channel: str = "",
    purpose: str = "",
    name: str = "",
    external_id: str = "",
    note: str = "",
    department: Department | None = None,
    by: Actor,
    now: datetime,
) -> Consent:
    """A yes, or with ``is_given`` false a no or a withdrawal, for rosters that are read from now on.

    Without an id it speaks for whoever has the number, without a department for the whole office. Raises
    ``NotATextNumber``, ``BadDay`` (it has not been yet), ``UnknownChannel``, ``NotAllowed``.
    """
    by.must(Permission.EDIT_REGISTERS, department_id=department.pk if department else None)
    number, day = parse_number(phone), given_on or today(now)
    if number.e164 is None:
        raise NotATextNumber(fields={"phone": NotATextNumber.user_message})
    if day > today(now):
        raise BadDay(fields={"given_on": BadDay.user_message})
    if channel and channel not in Channel.values:
        raise UnknownChannel(fields={"channel": UnknownChannel.user_message})
    person = clean_note(external_id)[:LONGEST_NAME]
    entry = Consent(
        department=department,
        phone_hash=ring().hash("phone", number.e164),
        id_hash=ring().hash("id", person) if person else None,
        is_given=is_given,
        given_on=day,
        channel=channel,
        created_by_id=by.user_id,
        created_at=now,
    )
    entry.seal(
        {
            "phone": number.e164,
            "external_id": person,
            "name": clean_note(name)[:LONGEST_NAME],
            "purpose": clean_note(purpose)[:LONGEST_PURPOSE],
            "note": clean_note(note),
        }
    )
    entry.save()
    action = "consent.given" if is_given else "consent.withdrawn"
    record(action=action, by=by, now=now, kind="consent", object_id=str(entry.public_id))
    return entry
