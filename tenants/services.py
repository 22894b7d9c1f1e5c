"""Tenants, people and keys: making and changing them; the audit trail."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from tenants import keys
from tenants.actors import Actor
from tenants.context import current_tenant_id, tenant_scope
from tenants.models import ApiKey, AuditEvent, Department, Membership, Tenant, TenantKey, User
from tenants.permissions import Permission, Role
from tenants.sealing import new_key, wrap
from tenants.selectors import hash_secret


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new API key; ``token`` is shown once and never again."""

    key: ApiKey
    token: str


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
    return TenantKey.objects.create(
        tenant_id=tenant_id, number=number, purpose=purpose, wrapped=wrapped, created_at=now
    )


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
        by.must(Permission.SETTINGS)
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
    by.must(Permission.SETTINGS)
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
) -> AuditEvent:
    """Write down who did what. ``details`` are sealed; ``by`` is None for the service itself."""
    event = AuditEvent(
        at=now,
        user_id=by.user_id if by else None,
        api_key_id=by.api_key_id if by else None,
        action=action,
        object_kind=kind,
        object_id=object_id,
    )
    event.seal(dict(details or {}))
    event.save()
    return event
