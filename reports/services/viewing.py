"""What reading leaves behind: who looked at whom."""

from __future__ import annotations

from datetime import datetime

from dispatch.models import Message
from reports.selectors.people import Person
from tenants.actors import Actor
from tenants.services import record


def record_search(*, by: Actor, found: int, now: datetime) -> None:
    """A search, and how many people it found; not what was searched."""
    record(action="people.searched", by=by, now=now, kind="person", details={"count": found})


def record_person_viewed(*, person: Person, by: Actor, now: datetime) -> None:
    details = {"name": person.name, "phone": ", ".join(person.phones), "external_id": person.external_id}
    record(
        action="person.viewed",
        by=by,
        now=now,
        kind="person",
        object_id=person.key.value.hex(),
        details={key: value for key, value in details.items() if value},
    )


def record_message_viewed(*, message: Message, by: Actor, now: datetime) -> None:
    record(action="message.viewed", by=by, now=now, kind="message", object_id=str(message.public_id))
