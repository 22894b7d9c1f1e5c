"""Who wants no texts."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction

from recipients.models import Channel, OptOut
from recipients.phone_numbers import number_of_anybody
from recipients.services.errors import AlreadyOptedOut, NotATextNumber, UnknownChannel
from tenants.actors import Actor
from tenants.keys import ring
from tenants.permissions import Permission
from tenants.services import record

LONGEST_NOTE: Final = 500


def add_opt_out(*, phone: str, note: str = "", channel: str = "", by: Actor, now: datetime) -> OptOut:
    """No text goes to this number (in any writing) from now on, not even of a roster that was read before.

    Raises ``NotATextNumber``, ``UnknownChannel``, ``AlreadyOptedOut``, ``NotAllowed``.
    """
    by.must(Permission.EDIT_REGISTERS)
    e164 = number_of_anybody(phone)
    if e164 is None:
        raise NotATextNumber(fields={"phone": NotATextNumber.user_message})
    if channel and channel not in Channel.values:
        raise UnknownChannel(fields={"channel": UnknownChannel.user_message})
    entry = OptOut(phone_hash=ring().hash("phone", e164), channel=channel, created_by_id=by.user_id, created_at=now)
    entry.seal({"phone": e164, "note": clean_note(note)})
    try:
        with transaction.atomic():
            entry.save()
    except IntegrityError as exc:
        raise AlreadyOptedOut from exc
    record(action="opt_out.added", by=by, now=now, kind="opt_out", object_id=str(entry.public_id))
    return entry


def end_opt_out(*, entry: OptOut, by: Actor, now: datetime) -> None:
    """Texts may go there again; the entry stays as history. Harmless to repeat. Raises ``NotAllowed``."""
    by.must(Permission.EDIT_REGISTERS)
    if OptOut.objects.filter(pk=entry.pk, ended_at=None).update(ended_at=now, ended_by_id=by.user_id):
        record(action="opt_out.ended", by=by, now=now, kind="opt_out", object_id=str(entry.public_id))


def clean_note(note: str) -> str:
    """What a database stores, of bounded length."""
    text = note.encode("utf-8", "replace").decode()
    return "".join(character for character in text if character >= " " or character == "\n").strip()[:LONGEST_NOTE]
