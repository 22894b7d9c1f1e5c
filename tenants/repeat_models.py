"""What was asked for already, so that asking twice does it once."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from tenants.managers import TenantForeignKey
from tenants.models import ApiKey, Privacy, TenantOwned, User


class IdempotencyKey(TenantOwned):
    """The answer to a costly POST, kept so that the same key answers the same twice (API.md)."""

    api_key = TenantForeignKey(ApiKey, on_delete=models.CASCADE, related_name="+")
    key_hash = models.BinaryField()
    body_hash = models.BinaryField()
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.BinaryField(null=True)
    object_id = models.UUIDField(null=True, help_text="What the answer is about.")
    created_at = models.DateTimeField(default=timezone.now)

    privacy: ClassVar = {"*": Privacy.PUBLIC, "answer": Privacy.PERSONAL}

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "api_key", "key_hash"], name="one_answer_per_idempotency_key")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "object_id"],
                name="answers_by_object",
                condition=models.Q(object_id__isnull=False),
            )
        ]


class SentForm(TenantOwned):
    """A form of a page that was acted on, and where that led (``tenants.once``). ``number`` is a keyed hash."""

    user = TenantForeignKey(User, on_delete=models.CASCADE, related_name="+")
    number = models.BinaryField()
    location = models.CharField(max_length=2_000, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    privacy: ClassVar = {"*": Privacy.PUBLIC}

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "user", "number"], name="one_act_per_sent_form")
        ]
