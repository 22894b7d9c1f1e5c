"""What reading leaves behind: who looked at whose text or call, and why where the office asks."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from dispatch.models import Call, Message
from tenants.actors import Actor
from tenants.keys import ring
from tenants.sealing import SealBroken
from tenants.services import AboutPerson, record


def record_messages_searched(*, found: int, by: Actor, now: datetime, reason: str = "") -> None:
    """A search for texts, and how many it found; not what was searched."""
    record(action="people.searched", by=by, now=now, kind="message", details=_told(count=found, view_reason=reason))


def record_message_viewed(*, message: Message, by: Actor, now: datetime, reason: str = "") -> None:
    whose = _personal(message)
    record(
        action="message.viewed",
        by=by,
        now=now,
        kind="message",
        object_id=str(message.public_id),
        details=_told(view_reason=reason),
        about=AboutPerson(
            subject=subject_of(message.public_id), details=_told(name=whose.get("name"), phone=whose.get("to"))
        ),
    )


def record_call_viewed(*, call: Call, by: Actor, now: datetime) -> None:
    """The call itself is the reason."""
    record(
        action="call.viewed",
        by=by,
        now=now,
        kind="call",
        object_id=str(call.public_id),
        department_id=call.campaign.department_id,
        about=AboutPerson(
            subject=subject_of(call.public_id),
            details=_told(name=call.personal.get("name"), external_id=call.personal.get("external_id")),
        ),
    )


def subject_of(public_id: UUID) -> bytes:
    """By what the trail finds again whose text or call was looked at."""
    return ring().hash("audit subject", public_id.bytes)


def _personal(message: Message) -> dict[str, Any]:
    """Nothing where the seal is broken: the view is written down all the same."""
    try:
        return message.personal
    except SealBroken:
        return {}


def _told(**details: Any) -> dict[str, Any]:
    return {name: value for name, value in details.items() if value not in {None, ""}}
