"""People, as they stand on rosters and in messages: found by number, name or id, each with everything that was done."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db.models import Q, QuerySet

from dispatch import evidence
from dispatch.models import Call, CallAttempt, Message
from recipients.models import Recipient
from recipients.name_grams import is_match
from recipients.phone_numbers import number_of_anybody
from recipients.selectors.names import recipients_that_may_match
from reports.person_addresses import BY_ID, BY_PHONE, NoSuchPerson, PersonKey, hash_of_name
from reports.selectors.left_out import LeftOut, left_out_of
from tenants import keys
from tenants.actors import Actor
from tenants.models import AuditEvent
from tenants.selectors import AuditSearch, audit_events, seen_by

MOST_ROWS: Final = 500  # of one number or id; more than a year of weekly rosters
MOST_PEOPLE: Final = 100  # of one name
LOOKS: Final = ("person.viewed", "message.viewed", "call.viewed")
MOST_OPENED: Final = 2_000  # rows that a search by name opens: 20 ms


@dataclass(slots=True)
class Person:
    """Somebody as the search shows them. ``texts`` counts messages; ``last_at`` is the newest row's or message's."""

    key: PersonKey
    name: str
    kana: str
    external_id: str
    last_at: datetime
    phones: list[str] = field(default_factory=list)
    rows: int = 0
    texts: int = 0


@dataclass(frozen=True, slots=True)
class Sent:
    """A message with its time line."""

    shown: evidence.Shown
    events: tuple[evidence.Event, ...]


@dataclass(frozen=True, slots=True)
class Phoned:
    """A call with its attempts, oldest first."""

    call: Call
    attempts: tuple[CallAttempt, ...]


@dataclass(frozen=True, slots=True)
class Dossier:
    """Everything about one person, newest first."""

    person: Person
    sent: tuple[Sent, ...]
    phoned: tuple[Phoned, ...]
    left_out: tuple[LeftOut, ...]


def find_people(query: str, *, by: Actor) -> list[Person]:
    """The people with this number or id, or with this in their name or kana, in any writing, newest first.

    ``MOST_PEOPLE`` at most; so many ask for a longer name.
    """
    number = number_of_anybody(query)
    if number:
        return _by_number(number, query, by=by)
    return _by_id(query, by=by) or _by_name(query, by=by)


def _by_number(number: str, query: str, *, by: Actor) -> list[Person]:
    """An id may look like a number, so both are asked for."""
    phone_hash = keys.ring().hash("phone", number)
    condition = Q(phone_hash=phone_hash) | Q(id_hash__in=_id_hashes(query))
    rows = list(_visible_rows(by).filter(condition).order_by("-id")[:MOST_ROWS])
    messages = list(evidence.messages(by=by, phone=number).order_by("-created_at")[:MOST_ROWS])
    return _people_of(rows, messages, phone_hash)


def _by_id(query: str, *, by: Actor) -> list[Person]:
    rows = list(_visible_rows(by).filter(id_hash__in=_id_hashes(query)).order_by("-id")[:MOST_ROWS])
    return _people_of(rows, _texts_to(rows, by=by), None)


def _by_name(query: str, *, by: Actor) -> list[Person]:
    rows: list[Recipient] = []
    people: set[PersonKey] = set()
    opened = 0
    for recipient_ids in recipients_that_may_match(query):
        for row in _visible_rows(by).filter(pk__in=recipient_ids).order_by("-id"):
            name, kana = (str(row.personal.get(each) or "") for each in ("name", "kana"))
            if is_match(query, name) or is_match(query, kana):
                rows.append(row)
                people.add(_key_of(row))
        opened += len(recipient_ids)
        if len(people) >= MOST_PEOPLE or opened >= MOST_OPENED:
            break
    return _people_of(rows, _texts_to(rows, by=by), None)[:MOST_PEOPLE]


def _id_hashes(query: str) -> list[bytes]:
    """As it was typed, and as a roster may have it: ids are hashed as the office writes them."""
    wanted, keyed_hash = query.strip(), keys.ring().hasher("id")
    writings = {wanted, unicodedata.normalize("NFKC", wanted)}
    writings |= {writing.upper() for writing in writings}
    return [keyed_hash(writing) for writing in sorted(writings) if writing]


def _texts_to(rows: Sequence[Recipient], *, by: Actor) -> list[Message]:
    """By the numbers, which are indexed; of a family's texts these people's."""
    hashes = {bytes(row.phone_hash) for row in rows if row.phone_hash}
    found = evidence.messages(by=by).filter(phone_hash__in=hashes, recipient_id__in=[row.pk for row in rows])
    return list(found.order_by("-created_at")[:MOST_ROWS]) if hashes else []


def dossier_of(key: PersonKey, *, by: Actor) -> Dossier:
    """Raises ``NoSuchPerson`` where this person has left no trace that ``by`` may see."""
    rows = _rows_of(key, by=by)
    messages = _messages_of(key, rows, by=by)
    people = [person for person in _people_of(rows, messages, key.value) if person.key == key]
    if not people:
        raise NoSuchPerson
    events = evidence.timelines_of(messages)
    sent = tuple(Sent(shown=one, events=events[one.message.pk]) for one in evidence.shown(messages))
    left_out = left_out_of(rows, messages, by=by)
    return Dossier(person=people[0], sent=sent, phoned=_calls_of(rows), left_out=left_out)


def looks_at(dossier: Dossier, *, by: Actor) -> QuerySet[AuditEvent]:
    """Who opened this person's page, texts or calls, as far as ``by`` audits."""
    about = [
        dossier.person.key.trail_id,
        *(str(sent.shown.message.public_id) for sent in dossier.sent),
        *(str(phoned.call.public_id) for phoned in dossier.phoned),
    ]
    seen = audit_events(by=by, search=AuditSearch()).filter(object_id__in=about, action__in=LOOKS)
    return seen.select_related("user", "api_key")


def _visible_rows(by: Actor) -> QuerySet[Recipient]:
    rows: QuerySet[Recipient] = Recipient.objects.filter(seen_by(by, "roster"))
    return rows.select_related("roster")


def _rows_of(key: PersonKey, *, by: Actor) -> list[Recipient]:
    condition = Q(id_hash=key.value) if key.kind == BY_ID else Q(phone_hash=key.value, id_hash=None)
    rows = _visible_rows(by).filter(condition).order_by("-id")[:MOST_ROWS]
    return [row for row in rows if _key_of(row) == key]


def _messages_of(key: PersonKey, rows: Sequence[Recipient], *, by: Actor) -> list[Message]:
    """By the numbers, which are indexed; then only this person's."""
    hashes = {bytes(row.phone_hash) for row in rows if row.phone_hash}
    is_nameless = key.kind == BY_PHONE and not key.name_hash
    if is_nameless:
        hashes.add(key.value)
    found = evidence.messages(by=by).filter(phone_hash__in=hashes).order_by("-created_at")
    found = found.select_related(
        "campaign",
        "campaign__template_version",
        "campaign__created_by",
        "campaign__approved_by",
        "campaign__sent_by",
    )
    own = Q(recipient_id__in=[row.pk for row in rows])
    return list(found.filter(own | Q(recipient_id=None) if is_nameless else own)[:MOST_ROWS])


def _calls_of(rows: Sequence[Recipient]) -> tuple[Phoned, ...]:
    hashes = {bytes(row.phone_hash) for row in rows if row.phone_hash}
    calls = Call.objects.filter(phone_hash__in=hashes, recipient_id__in=[row.pk for row in rows]).select_related(
        "campaign"
    )
    by_call: dict[int, list[CallAttempt]] = {}
    for attempt in CallAttempt.objects.filter(call__in=calls).select_related("user").order_by("at"):
        by_call.setdefault(attempt.call_id, []).append(attempt)
    return tuple(Phoned(call=call, attempts=tuple(by_call.get(call.pk, ()))) for call in calls.order_by("-created_at"))


def _people_of(rows: Iterable[Recipient], messages: Iterable[Message], phone_hash: bytes | None) -> list[Person]:
    people: dict[PersonKey, Person] = {}
    owners: dict[int, Person] = {}
    for row in rows:
        fields, key = row.personal, _key_of(row)
        person = people.setdefault(key, _person(key, fields, at=row.roster.created_at))
        owners[row.pk] = person
        person.rows += 1
        _seen(person, at=row.roster.created_at, phone=fields.get("phone"))
    for message in messages:
        owner = owners.get(message.recipient_id) if message.recipient_id else None
        if owner is None and message.recipient_id is None and phone_hash:
            key = PersonKey(kind=BY_PHONE, value=phone_hash)
            owner = people.setdefault(key, _person(key, {}, at=message.created_at))
        if owner is not None:
            owner.texts += 1
            _seen(owner, at=message.created_at, phone=message.personal.get("to"))
    return sorted(people.values(), key=lambda person: person.last_at, reverse=True)


def _person(key: PersonKey, fields: Mapping[str, Any], *, at: datetime) -> Person:
    name, kana, external_id = (str(fields.get(each) or "") for each in ("name", "kana", "external_id"))
    return Person(key=key, name=name, kana=kana, external_id=external_id, last_at=at)


def _seen(person: Person, *, at: datetime, phone: str | None) -> None:
    person.last_at = max(person.last_at, at)
    if phone and phone not in person.phones:
        person.phones.append(phone)


def _key_of(row: Recipient) -> PersonKey:
    if row.id_hash:
        return PersonKey(kind=BY_ID, value=bytes(row.id_hash))
    return PersonKey(
        kind=BY_PHONE, value=bytes(row.phone_hash or b""), name_hash=hash_of_name(row.personal.get("name", ""))
    )
