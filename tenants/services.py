"""Tenants, people and keys: making and changing them; the audit trail."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from tenants import keys
from tenants.actors import Actor
from tenants.context import current_tenant_id, tenant_scope
from tenants.errors import CannotChangeOneself as CannotChangeOneself
from tenants.errors import EmailTaken as EmailTaken
from tenants.errors import LastAdmin as LastAdmin
from tenants.errors import NameTaken as NameTaken
from tenants.errors import NotAllowed
from tenants.errors import RoleTaken as RoleTaken
from tenants.errors import WouldLockOut as WouldLockOut
from tenants.models import ApiKey, AuditEvent, AuditSubject, Department, Membership, Session, Tenant, TenantKey, User
from tenants.network import is_allowed
from tenants.permissions import ROLE_TABLE, Permission, Role
from tenants.sealing import new_key, wrap
from tenants.selectors import hash_secret


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new API key; ``token`` is shown once and never again."""

    key: ApiKey
    token: str


@dataclass(frozen=True, slots=True)
class AboutPerson:
    """A resident whom an act was about: ``subject`` finds them again, ``details`` are words about them."""

    subject: bytes
    details: Mapping[str, Any]


def create_tenant(*, name: str, office_name: str, now: datetime, **rules: Any) -> Tenant:
    """A tenant with its two keys. Runs before anybody is in it, so it takes no actor."""
    with transaction.atomic():
        tenant = Tenant.objects.create(name=name, office_name=office_name, created_at=now, **rules)
        with tenant_scope(tenant.pk):
            for purpose in (keys.SEAL, keys.INDEX):
                add_key(tenant_id=tenant.pk, purpose=purpose, number=1, now=now)
    return tenant


def add_key(*, tenant_id: int, purpose: str, number: int, now: datetime) -> TenantKey:
    """A fresh random key under the current master key. The caller forgets the rings where one exists already."""
    wrapped = wrap(settings.MASTER_KEYS, new_key(), purpose=keys.key_purpose(tenant_id, purpose, number))
    key = TenantKey(tenant_id=tenant_id, number=number, purpose=purpose, wrapped=wrapped, created_at=now)
    key.save()
    return key


def create_member(*, email: str, name: str, password: str | None, role: Role, department: Department | None) -> User:
    """A person of the tenant in scope with one role."""
    tenant_id = current_tenant_id()
    user = User.objects.create_user(email=email, password=password, name=name, tenant_id=tenant_id)
    Membership.objects.create(user=user, department=department, role=role)
    return user


def issue_api_key(
    *, owner: User, name: str, role: Role, department: Department | None, by: Actor | None, now: datetime
) -> IssuedKey:
    """A key that acts as ``owner`` with ``role``. Raises ``NotAllowed``."""
    if by is not None:
        must_cover(by, department)
    tenant = Tenant.objects.get(pk=current_tenant_id())
    secret = secrets.token_hex(32)
    key = ApiKey.objects.create(
        user=owner, name=name, role=role, department=department, secret_hash=hash_secret(secret), created_at=now
    )
    record(
        action="api_key.issued",
        by=by,
        now=now,
        kind="api_key",
        object_id=str(key.public_id),
        details={"name": name, "role": role},
    )
    return IssuedKey(key=key, token=f"{ApiKey.PREFIX}_{tenant.public_id.hex}_{key.public_id.hex}_{secret}")


def revoke_api_key(*, key: ApiKey, by: Actor, now: datetime) -> None:
    """The key stops working at once. Raises ``NotAllowed``."""
    must_cover(by, key.department)
    if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now):
        record(action="api_key.revoked", by=by, now=now, kind="api_key", object_id=str(key.public_id))


def record(
    *,
    action: str,
    by: Actor | None,
    now: datetime,
    kind: str = "",
    object_id: str = "",
    details: Mapping[str, Any] | None = None,
    department_id: int | None = None,
    about: AboutPerson | None = None,
) -> AuditEvent:
    """Write down who did what. ``details`` are sealed; ``by`` is None for the service itself.

    What is said of a resident goes into ``about``, never into ``details``: it leaves the trail when they are erased.

    Auditors of one department read what belongs to it: ``department_id``, else the one of ``by``. What somebody of
    several departments did about nothing of a department is read by the whole tenant's auditors only.
    """
    event = AuditEvent(
        at=now,
        user_id=by.user_id if by else None,
        api_key_id=by.api_key_id if by else None,
        department_id=department_id or (by.only_department_id if by else None),
        action=action,
        object_kind=kind,
        object_id=object_id,
    )
    event.seal(dict(details or {}))
    event.save()
    if about is not None:
        subject = AuditSubject(event=event, subject_hash=about.subject)
        subject.seal(dict(about.details))
        subject.save()
    return event


def forget_subjects(subjects: Sequence[bytes]) -> int:
    """Empty what the trail says of these residents; in how many lines. Needs the tenant's scope."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenants_forget_subjects(%s::bytea[])", [list(subjects)])
        return int(cursor.fetchone()[0])


def change_rules(*, changes: Mapping[str, Any], by: Actor, now: datetime) -> frozenset[str]:
    """Change the rules that the tenant in scope sends by; the names of those that differ now.

    Raises ``NotAllowed`` unless ``by`` is an admin of the whole tenant.
    """
    must_cover(by, None)
    with transaction.atomic():
        tenant = Tenant.objects.select_for_update().get(pk=current_tenant_id())
        changed = _take_over(tenant, changes)
        if changed:
            record(action="tenant.rules_changed", by=by, now=now, kind="tenant", details={"changed": changed})
    return frozenset(changed)


def change_department_rules(
    *, department: Department, changes: Mapping[str, Any], by: Actor, now: datetime
) -> frozenset[str]:
    """Change the rules by which a department divides its rosters; the names of those that differ now.

    Raises ``NotAllowed`` unless ``by`` is an admin of it or of the whole tenant.
    """
    must_cover(by, department)
    with transaction.atomic():
        department = Department.objects.select_for_update().get(pk=department.pk)
        changed = _take_over(department, changes)
        if changed:
            record(
                action="department.rules_changed",
                by=by,
                now=now,
                kind="department",
                object_id=str(department.public_id),
                details={"name": department.name, "changed": changed},
                department_id=department.pk,
            )
    return frozenset(changed)


def _take_over(row: Tenant | Department, changes: Mapping[str, Any]) -> dict[str, list[str]]:
    """Save what differs; name → before and after, for the trail."""
    changed = {
        name: [str(getattr(row, name)), str(value)] for name, value in changes.items() if getattr(row, name) != value
    }
    for name in changed:
        setattr(row, name, changes[name])
    if changed:
        row.save(update_fields=list(changed))
    return changed


def give_role(*, user: User, role: Role, department: Department | None, by: Actor, now: datetime) -> None:
    """Raises ``NotAllowed``, ``CannotChangeOneself`` and ``RoleTaken``."""
    must_cover(by, department)
    must_be_another(user, by)
    try:
        with transaction.atomic():
            Membership.objects.create(user=user, department=department, role=role, created_at=now)
    except IntegrityError as exc:
        raise RoleTaken from exc
    _record_role("person.role_given", user=user, role=role, department=department, by=by, now=now)


def take_role(*, membership: Membership, by: Actor, now: datetime) -> None:
    """Raises ``NotAllowed``, ``CannotChangeOneself`` and ``LastAdmin``."""
    must_cover(by, membership.department)
    must_be_another(membership.user, by)
    user, role, department = membership.user, Role(membership.role), membership.department
    with transaction.atomic():
        membership.delete()
        _an_admin_must_remain()
        keys_ended = end_keys_beyond_roles(user=user, now=now)
    _record_role(
        "person.role_taken", user=user, role=role, department=department, by=by, now=now, keys_ended=keys_ended
    )


def move_role(*, membership: Membership, department: Department | None, by: Actor, now: datetime) -> None:
    """A person goes to another department and keeps the role. What they did stays with the department of then.

    Raises ``NotAllowed``, ``CannotChangeOneself``, ``RoleTaken`` and ``LastAdmin``.
    """
    must_cover(by, membership.department)
    must_cover(by, department)
    must_be_another(membership.user, by)
    before = membership.department
    membership.department = department
    try:
        with transaction.atomic():
            membership.save(update_fields=["department"])
            _an_admin_must_remain()
            keys_ended = end_keys_beyond_roles(user=membership.user, now=now)
    except IntegrityError as exc:
        raise RoleTaken from exc
    details = {
        "name": membership.user.name,
        "role": membership.role,
        "moved_from": before.name if before else None,
        "department": department.name if department else None,
        "keys_ended": keys_ended,
    }
    record(action="person.moved", by=by, now=now, kind="user", object_id=str(membership.user_id), details=details)


def _record_role(
    action: str,
    *,
    user: User,
    role: Role,
    department: Department | None,
    by: Actor,
    now: datetime,
    keys_ended: int = 0,
) -> None:
    details = {
        "name": user.name,
        "role": role,
        "department": department.name if department else None,
        "keys_ended": keys_ended,
    }
    record(action=action, by=by, now=now, kind="user", object_id=str(user.pk), details=details)


def end_keys_beyond_roles(*, user: User, now: datetime) -> int:
    """Revoke the keys that allow what no role of this person allows any more; how many.

    Else somebody who moved on would keep a way into what they left.
    """
    roles = list(Membership.objects.filter(user=user).values_list("role", "department_id"))
    beyond = [
        key.pk
        for key in ApiKey.objects.filter(user=user, revoked_at=None)
        if not any(
            covered in {None, key.department_id} and ROLE_TABLE[key.role] <= ROLE_TABLE[role] for role, covered in roles
        )
    ]
    return int(ApiKey.objects.filter(pk__in=beyond).update(revoked_at=now))


def set_person_active(*, user: User, is_active: bool, by: Actor, now: datetime) -> None:
    """Let a person in again, or out: who leaves is signed out everywhere, and their keys are revoked for good.

    Raises ``NotAllowed`` unless ``by`` is an admin of the whole tenant, ``CannotChangeOneself`` and ``LastAdmin``.
    """
    must_cover(by, None)
    must_be_another(user, by)
    theirs = User.objects.filter(pk=user.pk, tenant_id=current_tenant_id()).exclude(is_active=is_active)
    with transaction.atomic():
        if not theirs.update(is_active=is_active):
            return
        keys_ended = 0
        if not is_active:
            _an_admin_must_remain()
            Session.objects.filter(user=user).delete()
            keys_ended = ApiKey.objects.filter(user=user, revoked_at=None).update(revoked_at=now)
        record(
            action="person.let_in" if is_active else "person.kept_out",
            by=by,
            now=now,
            kind="user",
            object_id=str(user.pk),
            details={"name": user.name, "keys_ended": keys_ended},
        )


def _an_admin_must_remain() -> None:
    """Asked after the change, behind the tenant's lock, so that of two changes at once the second sees the first.

    Raises ``LastAdmin``.
    """
    Tenant.objects.select_for_update().get(pk=current_tenant_id())
    if not Membership.objects.filter(role=Role.ADMIN, department=None, user__is_active=True).exists():
        raise LastAdmin


def allow_networks(*, networks: Sequence[str], address: str | None, by: Actor, now: datetime) -> None:
    """People and keys of the tenant in scope work from these networks only; none means from everywhere.

    Raises ``NotAllowed`` unless ``by`` is an admin of the whole tenant, and ``WouldLockOut`` where ``address``, from
    which this is asked, would be shut out.
    """
    must_cover(by, None)
    if not is_allowed(address, networks):
        raise WouldLockOut
    _set_networks(networks, by=by, now=now)


def open_networks(*, now: datetime) -> None:
    """The operators' help for an office whose addresses changed: the tenant in scope is open from everywhere."""
    _set_networks([], by=None, now=now)


def _set_networks(networks: Sequence[str], *, by: Actor | None, now: datetime) -> None:
    with transaction.atomic():
        tenant = Tenant.objects.select_for_update().get(pk=current_tenant_id())
        before, tenant.allowed_networks = tenant.allowed_networks, list(networks)
        if before == tenant.allowed_networks:
            return
        tenant.save(update_fields=["allowed_networks"])
        details = {"changed": {"networks": [before, list(networks)]}}
        record(action="tenant.networks_changed", by=by, now=now, kind="tenant", details=details)


def add_department(*, name: str, by: Actor, now: datetime) -> Department:
    """Raises ``NotAllowed`` unless ``by`` is an admin of the whole tenant, and ``NameTaken``."""
    must_cover(by, None)
    try:
        with transaction.atomic():
            department: Department = Department.objects.create(name=name)
    except IntegrityError as exc:
        raise NameTaken from exc
    record(
        action="department.added",
        by=by,
        now=now,
        kind="department",
        object_id=str(department.public_id),
        details={"name": name},
    )
    return department


def set_department_active(*, department: Department, is_active: bool, by: Actor, now: datetime) -> None:
    """A closed department keeps its evidence and takes nothing new. Raises ``NotAllowed``."""
    must_cover(by, None)
    if Department.objects.filter(pk=department.pk).exclude(is_active=is_active).update(is_active=is_active):
        record(
            action="department.opened" if is_active else "department.closed",
            by=by,
            now=now,
            kind="department",
            object_id=str(department.public_id),
            details={"name": department.name},
        )


def must_cover(by: Actor, department: Department | None) -> None:
    """An admin of one department rules over that department only. Raises ``NotAllowed``."""
    wanted = department.pk if department else None
    if not any(
        Permission.SETTINGS in ROLE_TABLE[role] and (covered is None or covered == wanted) for role, covered in by.roles
    ):
        raise NotAllowed


def must_be_another(user: User, by: Actor) -> None:
    if user.pk == by.user_id:
        raise CannotChangeOneself
