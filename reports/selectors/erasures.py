"""Who is to be erased, what is known of them, and the certificates of those who were."""

from __future__ import annotations

from django.db.models import QuerySet

from dispatch.services.forgetting import Subject, Traces, traces_of
from recipients.models import Recipient
from reports.person_addresses import BY_ID, PersonKey, hash_of_name
from tenants.models import Erasure


def subject_of(key: PersonKey) -> Subject:
    """The person behind an address, over all departments. Needs the tenant's scope."""
    if key.kind == BY_ID:
        return Subject(
            hash=key.value,
            trail=key.subject,
            id_hash=key.value,
            phone_hash=None,
            is_theirs=lambda row: True,
            has_nameless_texts=False,
        )

    def is_theirs(row: Recipient) -> bool:
        return hash_of_name(str(row.personal.get("name", ""))) == key.name_hash

    return Subject(
        hash=key.value,
        trail=key.subject,
        id_hash=None,
        phone_hash=key.value,
        is_theirs=is_theirs if key.name_hash else lambda row: False,
        has_nameless_texts=not key.name_hash,
    )


def known_of(key: PersonKey) -> Traces:
    return traces_of(subject_of(key))


def erasures() -> QuerySet[Erasure]:
    """The certificates, newest first."""
    found: QuerySet[Erasure] = Erasure.objects.select_related("user").order_by("-at", "-id")
    return found
