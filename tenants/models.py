"""Tenants, departments, people, roles, keys and the audit trail."""

from __future__ import annotations

from datetime import time
from functools import cached_property
from typing import Any, ClassVar, Final

import uuid_utils.compat as uuids
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tenants import keys
from tenants.managers import TenantForeignKey, TenantManager
from tenants.permissions import Role
from tenants.sending_rules import SendingRules

THREE_YEARS: Final = 3 * 365 + 1
SHORTEST_DAYS: Final = 30
SHORTEST_AUDIT_DAYS: Final = 365


class Privacy(models.TextChoices):
    """The class of a field (tests/rules/test_privacy.py wants one for each)."""

    PUBLIC = "public"
    PERSONAL = "personal"
    SECRET = "secret"  # noqa: S105 - a class of fields, not a secret


class TenantKind(models.TextChoices):
    HEALTH_CENTRE = "health_centre", _("保健所")
    WATER_OFFICE = "water_office", _("水道局")
    TAX_OFFICE = "tax_office", _("税務")
    OTHER = "other", _("その他")


class Tenant(SendingRules):
    """An office that uses the service, and the rules it sends by."""

    public_id = models.UUIDField(default=uuids.uuid7, unique=True, editable=False)
    name = models.CharField(max_length=100)
    office_name = models.CharField(max_length=100, help_text="As it stands in the texts.")
    callback_number = models.CharField(max_length=20, blank=True)
    kind = models.CharField(max_length=20, choices=TenantKind.choices, default=TenantKind.OTHER)
    requires_approval = models.BooleanField(default=True)
    asks_view_reason = models.BooleanField(default=False, help_text="Before one person's records are shown.")
    send_from = models.TimeField(default=time(9, 0))
    send_until = models.TimeField(
        default=time(20, 0), help_text="0:00 means midnight; equal to send_from means the whole day."
    )
    unknown_deadline_hours = models.PositiveSmallIntegerField(default=72)
    price_per_part_millicents = models.PositiveIntegerField(default=1_000_000, help_text="1 yen = 100,000 millicents")
    ladder = models.CharField(max_length=30, default="all")
    api_requests_per_s = models.PositiveSmallIntegerField(default=50)
    allowed_networks = models.JSONField(
        default=list, blank=True, help_text="Networks like 203.0.113.0/24 that people and keys come from; empty: any."
    )
    keep_rosters_days = models.PositiveSmallIntegerField(
        default=THREE_YEARS, help_text="Uploaded files and their rows."
    )
    keep_messages_days = models.PositiveSmallIntegerField(
        default=THREE_YEARS, help_text="Texts and receipts: evidence."
    )
    keep_calls_days = models.PositiveSmallIntegerField(default=THREE_YEARS, help_text="People phoned, and notes.")
    keep_audit_days = models.PositiveSmallIntegerField(default=THREE_YEARS, help_text="The audit trail.")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    privacy: ClassVar = {"*": Privacy.PUBLIC}

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(
                    keep_rosters_days__gte=SHORTEST_DAYS,
                    keep_messages_days__gte=SHORTEST_DAYS,
                    keep_calls_days__gte=SHORTEST_DAYS,
                    keep_audit_days__gte=SHORTEST_AUDIT_DAYS,
                ),
                name="nothing_is_forgotten_too_soon",
            )
        ]

    def __str__(self) -> str:
        return self.name


class TenantOwned(models.Model):
    """A row of one tenant: fail-closed manager, forced row security, composite foreign keys."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+", editable=False)

    objects = TenantManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"

    def save(self, *args: Any, **options: Any) -> None:
        if self.tenant_id is None:
            from tenants.context import current_tenant_id

            self.tenant_id = current_tenant_id()
        super().save(*args, **options)


def linked_tenant() -> Any:
    """The field ``tenant`` of a table with many rows that hangs on another of the tenant's by a composite key.

    That key proves the tenant, and the indexes begin with it: a foreign key and an index of its own would cost every row.
    """
    return models.ForeignKey(
        Tenant, on_delete=models.PROTECT, related_name="+", editable=False, db_index=False, db_constraint=False
    )


class Sealed(models.Model):
    """Personal data of a row as one sealed blob. Read ``personal``; write with ``seal``."""

    sealed = models.BinaryField()

    class Meta:
        abstract = True

    @cached_property
    def personal(self) -> dict[str, Any]:
        return keys.ring().open_fields(self._meta.db_table, self.sealed) if self.sealed else {}

    def seal(self, fields: dict[str, Any]) -> None:
        """Replace the blob; the caller saves."""
        self.sealed = keys.ring().seal_fields(self._meta.db_table, fields)
        self.__dict__["personal"] = fields


class TenantKey(TenantOwned):
    """A key of the tenant, wrapped by a master key. ``index`` keys make hashes and are never rotated."""

    number = models.PositiveSmallIntegerField()
    purpose = models.CharField(max_length=10)
    wrapped = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now)
    seals_from = models.DateTimeField(default=timezone.now, help_text="Until then it only opens (tenants.rotation).")

    privacy: ClassVar = {"*": Privacy.PUBLIC, "wrapped": Privacy.SECRET}

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "purpose", "number"], name="one_key_per_tenant_purpose_number")
        ]


class UserManager(BaseUserManager["User"]):
    def create_user(self, *, email: str, password: str | None, **fields: Any) -> User:
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)


class User(AbstractBaseUser):
    """A person's account, in one tenant; operators have none."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=100)
    tenant = models.ForeignKey(Tenant, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    is_operator = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    language = models.CharField(max_length=5, default="ja")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    privacy: ClassVar = {
        "*": Privacy.PUBLIC,
        "email": Privacy.PERSONAL,
        "name": Privacy.PERSONAL,
        "password": Privacy.SECRET,
    }

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(is_operator=False) | models.Q(tenant__isnull=True), name="operators_have_no_tenant"
            )
        ]

    def __str__(self) -> str:
        return f"user {self.pk}"


class Department(TenantOwned, SendingRules):
    """A part of the office; its sending rules count where ``has_own_rules``."""

    public_id = models.UUIDField(default=uuids.uuid7, unique=True, editable=False)
    name = models.CharField(max_length=100)
    is_active = models.BooleanField(default=True)
    has_own_rules = models.BooleanField(default=False)

    privacy: ClassVar = {"*": Privacy.PUBLIC}

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "name"], name="one_department_per_tenant_and_name")
        ]

    def __str__(self) -> str:
        return self.name


class Membership(TenantOwned):
    """A role of a person, in one department or (``department`` empty) in the whole tenant."""

    user = TenantForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    department = TenantForeignKey(
        Department, null=True, blank=True, on_delete=models.PROTECT, related_name="memberships"
    )
    role = models.CharField(max_length=10, choices=Role.choices)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    privacy: ClassVar = {"*": Privacy.PUBLIC}

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "user", "department", "role"],
                name="one_membership_per_person_department_role",
                nulls_distinct=False,
            )
        ]


class ApiKey(TenantOwned):
    """A key of a person for other systems: ``tdk_<tenant>_<key>_<secret>``; only a hash of the secret is kept."""

    PREFIX: Final = "tdk"

    public_id = models.UUIDField(default=uuids.uuid7, unique=True, editable=False)
    user = TenantForeignKey(User, on_delete=models.PROTECT, related_name="api_keys")
    department = TenantForeignKey(Department, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=100)
    role = models.CharField(max_length=10, choices=Role.choices)
    secret_hash = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    privacy: ClassVar = {"*": Privacy.PUBLIC, "secret_hash": Privacy.SECRET}

    @property
    def is_usable(self) -> bool:
        return self.revoked_at is None


class AuditEvent(TenantOwned, Sealed):
    """What somebody did. Append-only for the application's role; ``sealed`` holds the details."""

    at = models.DateTimeField(default=timezone.now)
    user = TenantForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    api_key = TenantForeignKey(ApiKey, null=True, on_delete=models.PROTECT, related_name="+")
    department = TenantForeignKey(
        Department,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Whose auditors read it; empty: the whole tenant's only.",
    )
    action = models.CharField(max_length=50)
    object_kind = models.CharField(max_length=30, blank=True)
    object_id = models.CharField(max_length=40, blank=True)

    privacy: ClassVar = {"*": Privacy.PUBLIC, "sealed": Privacy.PERSONAL}

    class Meta(TenantOwned.Meta):
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-at"], name="audit_by_time"),
            models.Index(fields=["tenant", "object_id"], name="audit_by_object", condition=~models.Q(object_id="")),
        ]


class Session(AbstractBaseSession):
    """A browser session (tenants.account.sessions). ``session_key`` holds a hash: a dump opens no session."""

    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="+")
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(help_text="The last request that a person made; polls do not count.")
    address = models.GenericIPAddressField(null=True)
    device = models.CharField(max_length=200, blank=True, help_text="What the browser calls itself.")

    privacy: ClassVar = {
        "*": Privacy.PUBLIC,
        "session_key": Privacy.SECRET,
        "session_data": Privacy.SECRET,
        "address": Privacy.PERSONAL,
        "device": Privacy.PERSONAL,
    }

    @classmethod
    def get_session_store_class(cls) -> Any:
        from tenants.account.sessions import SessionStore

        return SessionStore


class RecoveryCode(models.Model):
    """One way in for somebody whose phone and keys are lost; works once. Only a hash of its 80 random bits is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")
    code_hash = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now)
    used_at = models.DateTimeField(null=True)

    privacy: ClassVar = {"*": Privacy.PUBLIC, "code_hash": Privacy.SECRET}


class Attempt(models.Model):
    """How far the attempts of one account, device, address or tenant have run ahead (tenants.account.attempts)."""

    key_hash = models.BinaryField(primary_key=True)
    free_at = models.DateTimeField(help_text="When nothing of the allowance is used any more.")

    privacy: ClassVar = {"*": Privacy.PUBLIC}


class Invitation(TenantOwned, Sealed):
    """A person who may join with a role; ``sealed`` holds address and name. Its link is derived, and kept nowhere."""

    public_id = models.UUIDField(default=uuids.uuid7, unique=True, editable=False)
    department = TenantForeignKey(Department, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=10, choices=Role.choices)
    email_hash = models.BinaryField()
    invited_by = TenantForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    mailed_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    privacy: ClassVar = {"*": Privacy.PUBLIC, "sealed": Privacy.PERSONAL}

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "email_hash"],
                condition=models.Q(accepted_at=None, revoked_at=None),
                name="one_open_invitation_per_address",
            )
        ]


# Re-exported: these build on what stands above.
from tenants.erasure_models import AuditSubject as AuditSubject  # noqa: E402
from tenants.erasure_models import Erasure as Erasure  # noqa: E402
from tenants.erasure_models import TenantErasure as TenantErasure  # noqa: E402
from tenants.repeat_models import IdempotencyKey as IdempotencyKey  # noqa: E402
from tenants.repeat_models import SentForm as SentForm  # noqa: E402
