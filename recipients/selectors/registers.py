"""Questions to the registers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db import connection
from django.db.models import Q, QuerySet

from recipients.models import Consent, ExclusionList, OptOut
from recipients.phone_numbers import number_of_anybody
from tenants.actors import Actor
from tenants.context import current_tenant_id
from tenants.keys import ring
from tenants.sealing import HASH_BYTES
from tenants.selectors import seen_by

# Of every number and id the latest word that counts for a department: what was said last, of one day what came last.
_LATEST: Final = """
    SELECT DISTINCT ON (phone_hash, id_hash) phone_hash, id_hash, is_given, given_on, id FROM recipients_consent
    WHERE tenant_id = %s AND (department_id IS NULL OR department_id = %s)
    ORDER BY phone_hash, id_hash, given_on DESC, id DESC
"""


class HashedNumbers:
    """Answers ``number in …`` from keyed hashes, so that no list of numbers is ever unsealed."""

    __slots__ = ("_hash", "_hashes")

    def __init__(self, hashes: frozenset[bytes], keyed_hash: Callable[[str], bytes]) -> None:
        self._hashes = hashes
        self._hash = keyed_hash

    def __contains__(self, number: object) -> bool:
        return bool(self._hashes) and self._hash(str(number)) in self._hashes


Word = tuple[tuple[date, int], bool]
"""When it was said, and yes or no; the later one is the greater."""


class ConsentBook:
    """Answers what a person said last, from keyed hashes. Without an entry of their own the number's counts."""

    __slots__ = ("_hash_id", "_hash_phone", "_words")

    def __init__(
        self,
        words: dict[tuple[bytes, bytes | None], Word],
        *,
        hash_phone: Callable[[str], bytes],
        hash_id: Callable[[str], bytes],
    ) -> None:
        self._words, self._hash_phone, self._hash_id = words, hash_phone, hash_id

    def says(self, phone: str, external_id: str) -> bool | None:
        number = self._hash_phone(phone)
        found = [self._words.get((number, None))]
        if external_id:
            found.append(self._words.get((number, self._hash_id(external_id))))
        said = [word for word in found if word is not None]
        return max(said)[1] if said else None

    @property
    def has_denials(self) -> bool:
        return any(not is_given for _when, is_given in self._words.values())


def consent_book(*, department_id: int | None) -> ConsentBook | None:
    """The register as it counts for a department; None where it is empty."""
    with connection.cursor() as cursor:
        cursor.execute(_LATEST, [current_tenant_id(), department_id])
        words = {
            (bytes(phone), bytes(person) if person else None): ((given_on, number), is_given)
            for phone, person, is_given, given_on, number in cursor.fetchall()
        }
    keys = ring()
    return ConsentBook(words, hash_phone=keys.hasher("phone"), hash_id=keys.hasher("id")) if words else None


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Keyed hashes of those who are not concerned: of numbers without an id, of ids, and of the numbers beside these."""

    numbers: frozenset[bytes] = frozenset()
    ids: frozenset[bytes] = frozenset()
    spare_numbers: frozenset[bytes] = frozenset()


def exclusions_of(roster_id: int) -> Exclusions:
    found = ExclusionList.objects.filter(roster_id=roster_id).first()
    if found is None:
        return Exclusions()
    return Exclusions(*(_pieces(bytes(each)) for each in (found.number_hashes, found.id_hashes, found.spare_hashes)))


def _pieces(hashes: bytes) -> frozenset[bytes]:
    return frozenset(hashes[start : start + HASH_BYTES] for start in range(0, len(hashes), HASH_BYTES))


def visible_consents(by: Actor) -> QuerySet[Consent]:
    """The whole office's entries and those of the departments that this person sees: what for is not everybody's."""
    found: QuerySet[Consent] = Consent.objects.filter(seen_by(by))
    return found.select_related("department", "created_by")


def find_consents(query: str, *, by: Actor) -> QuerySet[Consent]:
    """All visible entries of a number in any writing, or of an id, the latest first: its history."""
    number, text = number_of_anybody(query), query.encode("utf-8", "replace").decode().strip()
    wanted = Q(id_hash=ring().hash("id", text)) if text else Q(pk=None)
    if number is not None:
        wanted |= Q(phone_hash=ring().hash("phone", number))
    return visible_consents(by).filter(wanted).order_by("-given_on", "-pk")


def opted_out_hashes() -> frozenset[bytes]:
    """The keyed hashes of all numbers that want no texts."""
    hashes = OptOut.objects.filter(ended_at=None).values_list("phone_hash", flat=True)
    return frozenset(bytes(phone_hash) for phone_hash in hashes.iterator())


def is_opted_out(e164: str) -> bool:
    return bool(OptOut.objects.filter(phone_hash=ring().hash("phone", e164), ended_at=None).exists())


def find_opt_outs(number: str) -> list[OptOut]:
    """Open and ended entries of a number in any writing, newest first; none where it is no number."""
    e164 = number_of_anybody(number)
    if e164 is None:
        return []
    found = OptOut.objects.filter(phone_hash=ring().hash("phone", e164))
    return list(found.select_related("created_by", "ended_by").order_by("-created_at"))
