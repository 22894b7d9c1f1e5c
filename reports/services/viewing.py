"""What reading leaves behind: who looked at whom."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from reports.selectors.people import Person
from tenants.actors import Actor
from tenants.services import AboutPerson, record


def record_search(*, by: Actor, found: int, now: datetime, reason: str = "") -> None:
    """A search, and how many people it found; not what was searched."""
    record(
        action="people.searched", by=by, now=now, kind="person", details=_told({"count": found, "view_reason": reason})
    )


def record_person_viewed(*, person: Person, by: Actor, now: datetime, reason: str = "") -> None:
    details = {"name": person.name, "phone": ", ".join(person.phones), "external_id": person.external_id}
    record(
        action="person.viewed",
        by=by,
        now=now,
        kind="person",
        object_id=person.key.trail_id,
        details=_told({"view_reason": reason}),
        about=AboutPerson(subject=person.key.subject, details=_told(details)),
    )


def _told(details: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in details.items() if value != ""}
