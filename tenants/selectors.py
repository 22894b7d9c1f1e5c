"""Questions about people and keys."""

from __future__ import annotations

import hashlib
import hmac
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from tenants.actors import Actor
from tenants.context import current_tenant_id, tenant_scope
from tenants.models import ApiKey, AuditEvent, Department, Membership, Tenant, User


def actor_of(user: User) -> Actor:
    """The actor of a person who is logged in. Opens the tenant's scope to read the roles."""
    if user.tenant_id is None:
        return Actor(user_id=user.pk, name=user.name, tenant_id=None, roles=(), is_operator=user.is_operator)
    with tenant_scope(user.tenant_id):
        roles = tuple(Membership.objects.filter(user_id=user.pk).order_by("id").values_list("role", "department_id"))
    return Actor(user_id=user.pk, name=user.name, tenant_id=user.tenant_id, roles=roles)


def tenant_of_key(token: str) -> Tenant | None:
    """The tenant that a key names in clear; says nothing about the key's validity."""
    parts = token.split("_")
    if len(parts) != 4 or parts[0] != ApiKey.PREFIX:
        return None
    try:
        public_id = UUID(hex=parts[1])
    except ValueError:
        return None
    return Tenant.objects.filter(public_id=public_id, is_active=True).first()


def actor_of_key(token: str) -> Actor | None:
    """The actor of an API key, or None. Needs the scope of the key's tenant."""
    _, _, key_hex, secret = token.split("_")
    try:
        public_id = UUID(hex=key_hex)
    except ValueError:
        return None
    key = ApiKey.objects.select_related("user").filter(public_id=public_id).first()
    if key is None or not hmac.compare_digest(bytes(key.secret_hash), hash_secret(secret)):
        return None
    if not key.is_usable or not key.user.is_active:
        return None
    return Actor(
        user_id=key.user_id,
        name=key.user.name,
        tenant_id=key.tenant_id,
        roles=((key.role, key.department_id),),
        api_key_id=key.pk,
        api_key_name=key.name,
    )


def hash_secret(secret: str) -> bytes:
    """A key's secret is 32 random bytes, so a plain hash cannot be guessed."""
    return hashlib.sha256(secret.encode()).digest()


def seen_by(by: Actor, *owners: str) -> Q:
    """What belongs to a department that this person sees, or to none: the one rule of all lists that departments share.

    ``owners`` are relations to what has the department, and each of them must be seen; without any the row has it.
    """
    seen = Q()
    if by.department_ids is not None:
        for owner in owners or ("",):
            department = f"{owner}__department_id" if owner else "department_id"
            seen &= Q(**{f"{department}__in": by.department_ids}) | Q(**{department: None})
    return seen


def departments_of(actor: Actor) -> list[Department]:
    """The departments in which this person works, by name."""
    departments = Department.objects.filter(is_active=True).order_by("name")
    if actor.department_ids is not None:
        departments = departments.filter(pk__in=actor.department_ids)
    return list(departments)


def names_of_users(user_ids: set[int]) -> dict[int, str]:
    """Names to show beside what people did."""
    return dict(User.objects.filter(pk__in=user_ids).values_list("pk", "name"))


@dataclass(frozen=True, slots=True)
class PersonWithRoles:
    """A person of the tenant as the settings page lists them."""

    user: User
    memberships: tuple[Membership, ...]


def people_with_roles() -> list[PersonWithRoles]:
    """Everybody in the tenant in scope, active people first, by name."""
    roles: dict[int, list[Membership]] = defaultdict(list)
    for membership in Membership.objects.select_related("department").order_by("id"):
        roles[membership.user_id].append(membership)
    users = User.objects.filter(tenant_id=current_tenant_id()).order_by("-is_active", "name", "id")
    return [PersonWithRoles(user=user, memberships=tuple(roles[user.pk])) for user in users]


@dataclass(frozen=True, slots=True)
class AuditSearch:
    """What of the trail is wanted, as it was typed; what cannot be read narrows nothing.

    ``person`` is the id of whoever acted, ``about`` that of what was acted on, ``since`` and ``until`` are days in Japan,
    both included.
    """

    action: str = ""
    person: str = ""
    about: str = ""
    since: str = ""
    until: str = ""


def audit_events(*, by: Actor, search: AuditSearch) -> QuerySet[AuditEvent]:
    """The audit trail, narrowed. Whoever audits some departments only reads their lines."""
    events: QuerySet[AuditEvent] = AuditEvent.objects.all()
    if by.department_ids is not None:
        events = events.filter(department_id__in=by.department_ids)
    if search.action and search.action.isprintable():
        events = events.filter(action=search.action)
    if search.person.isascii() and search.person.isdigit() and len(search.person) < 19:
        events = events.filter(user_id=int(search.person))
    if search.about and search.about.isprintable():
        events = events.filter(object_id=search.about)
    if (first := readable_day(search.since)) is not None:
        events = events.filter(at__gte=_begin_of(first))
    if (last := readable_day(search.until)) is not None and last < date.max:
        events = events.filter(at__lt=_begin_of(last + timedelta(days=1)))
    return events


def _begin_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def readable_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
