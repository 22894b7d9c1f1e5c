"""Texts with placeholders, and their versions."""

from __future__ import annotations

from typing import ClassVar

import uuid_utils.compat as uuids
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tenants.managers import TenantForeignKey
from tenants.models import Department, Privacy, TenantOwned, User
from tenants.sealed_text import SealedTextField


class Kind(models.TextChoices):
    NOTICE = "notice", _("お知らせ（行政からの通知）")
    ADVERTISEMENT = "advertisement", _("広告・宣伝")


class MessageTemplate(TenantOwned):
    public_id = models.UUIDField(default=uuids.uuid7, unique=True, editable=False)
    department = TenantForeignKey(Department, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=15, choices=Kind.choices, default=Kind.NOTICE)
    current = models.PositiveIntegerField(default=0, help_text="The number of the version in use.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    archived_at = models.DateTimeField(null=True)

    privacy: ClassVar = {"*": Privacy.PUBLIC}

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "department", "name"],
                condition=models.Q(archived_at=None),
                name="one_template_per_department_and_name",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return self.name


class TemplateVersion(TenantOwned):
    """A text as it stood at a time; never changed once made."""

    template = TenantForeignKey(MessageTemplate, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    text = SealedTextField()
    created_by = TenantForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    privacy: ClassVar = {"*": Privacy.PUBLIC, "text": Privacy.PERSONAL}

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "template", "number"], name="one_version_per_template_and_number")
        ]
