"""Carrier accounts, their binds, what they did each minute, and the receipts as they came.

These belong to the service, not to a tenant. A stored receipt gets its tenant when it is matched; until then no tenant
sees it.
"""

from __future__ import annotations

from typing import Any, ClassVar

import uuid_utils.compat as uuids
from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from carriers.registry import provider_choices
from tenants import keys
from tenants.models import Privacy


class CarrierAccount(models.Model):
    """A contract with a carrier. ``sealed_secrets`` holds what the configuration must not show (password)."""

    public_id = models.UUIDField(default=uuids.uuid7, unique=True, editable=False)
    name = models.CharField(max_length=60, unique=True)
    provider = models.CharField(max_length=30, choices=provider_choices)
    config = models.JSONField(default=dict)
    sealed_secrets = models.BinaryField(default=bytes)
    window = models.PositiveSmallIntegerField(
        default=10, validators=[MinValueValidator(1)], help_text="Unanswered parts per bind."
    )
    binds = models.PositiveSmallIntegerField(default=1, validators=[MinValueValidator(1)])
    texts_per_s = models.PositiveIntegerField(null=True, blank=True, help_text="Counted in parts; empty: no limit.")
    quota_until = models.DateTimeField(
        default=timezone.now, editable=False, help_text="The limit is given away up to this instant."
    )
    rank = models.PositiveSmallIntegerField(default=100, help_text="Lower is preferred.")
    prefixes = models.JSONField(default=list, help_text="E.164 heads that go this way; empty: all.")
    tenant_ids = models.JSONField(default=list, help_text="Tenants that go this way; empty: all.")
    min_priority = models.PositiveSmallIntegerField(
        default=0, help_text="Texts of a lower priority do not go this way."
    )
    ladder = models.CharField(max_length=30, default="all")
    is_enabled = models.BooleanField(default=True)
    paused_reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    privacy: ClassVar = {"*": Privacy.PUBLIC, "sealed_secrets": Privacy.SECRET}

    def __str__(self) -> str:
        return self.name

    def seal_secrets(self, secrets: dict[str, str]) -> None:
        self.sealed_secrets = keys.service().seal_fields(self._meta.db_table, secrets)

    @property
    def secrets(self) -> dict[str, Any]:
        return keys.service().open_fields(self._meta.db_table, self.sealed_secrets) if self.sealed_secrets else {}

    @property
    def full_config(self) -> dict[str, Any]:
        """The configuration with its secrets, for the provider only."""
        return {**self.config, **self.secrets}


class AccountHealth(models.Model):
    """Whether new texts are given to an account, since when and why: judged by ``dispatch.services.watching``."""

    account = models.OneToOneField(CarrierAccount, primary_key=True, on_delete=models.CASCADE, related_name="health")
    is_healthy = models.BooleanField(default=True)
    reason = models.CharField(max_length=20, blank=True, help_text="A name of carriers.health.Ailment.")
    detail = models.CharField(max_length=200, blank=True)
    since = models.DateTimeField(default=timezone.now)
    bound_at = models.DateTimeField(default=timezone.now, help_text="When one of its binds was last seen bound.")
    well_since = models.DateTimeField(null=True, help_text="Sick, but without a symptom since.")
    checked_at = models.DateTimeField(default=timezone.now)

    privacy: ClassVar = {"*": Privacy.PUBLIC}


class BindState(models.TextChoices):
    DOWN = "down", _("停止")
    CONNECTING = "connecting", _("接続中")
    BOUND = "bound", _("接続済み")
    REFUSED = "refused", _("接続拒否")


class CarrierBind(models.Model):
    """A place for one worker's connection. Whoever holds the lease may bind; one that nobody holds is a rest after a failure."""

    account = models.ForeignKey(CarrierAccount, on_delete=models.CASCADE, related_name="bind_rows")
    number = models.PositiveSmallIntegerField()
    holder = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True)
    state = models.CharField(max_length=12, choices=BindState.choices, default=BindState.DOWN)
    state_at = models.DateTimeField(default=timezone.now)
    error = models.CharField(max_length=200, blank=True)
    failures = models.PositiveSmallIntegerField(default=0, db_default=0, help_text="In a row.")
    outstanding = models.PositiveIntegerField(default=0)
    seen_at = models.DateTimeField(null=True)

    privacy: ClassVar = {"*": Privacy.PUBLIC}

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "number"], name="one_bind_per_account_and_number")
        ]


class CarrierTally(models.Model):
    """What happened on an account in a minute: inserted in the transaction that records it, folded later."""

    account = models.ForeignKey(CarrierAccount, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    minute = models.DateTimeField()
    kind = models.CharField(max_length=10, help_text="submitted, error, receipt, inbound")
    code = models.CharField(max_length=40, blank=True)
    n = models.IntegerField()
    delay_ms = models.BigIntegerField(default=0, help_text="Receipts: the sum of the delays since acceptance.")

    privacy: ClassVar = {"*": Privacy.PUBLIC}

    class Meta:
        indexes: ClassVar = [models.Index(fields=["account", "minute"], name="carrier_tallies_by_minute")]


class StoredReceipt(models.Model):
    """A receipt as it came, written before it is acknowledged. ``sealed`` (service's key): raw PDU or body, number."""

    account = models.ForeignKey(
        CarrierAccount, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    carrier_id = models.CharField(max_length=70)
    status = models.CharField(max_length=12)
    code = models.CharField(max_length=20, blank=True)
    reason = models.CharField(max_length=24, blank=True)
    received_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True)
    reference = models.IntegerField(null=True)
    to_hash = models.BinaryField(null=True)
    sealed = models.BinaryField()
    tenant_id = models.BigIntegerField(null=True)
    message_id = models.BigIntegerField(null=True)

    privacy: ClassVar = {"*": Privacy.PUBLIC, "sealed": Privacy.PERSONAL}

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["message_id"], name="receipts_by_message", condition=models.Q(message_id__isnull=False)
            ),
            models.Index(
                fields=["account", "carrier_id"],
                name="receipts_without_message",
                condition=models.Q(message_id__isnull=True),
            ),
        ]


class WebhookCall(models.Model):
    """A call of our webhook that was stored: the same body again changes nothing."""

    account = models.ForeignKey(CarrierAccount, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    body_hash = models.BinaryField(help_text="Keyed.")
    received_at = models.DateTimeField(default=timezone.now)

    privacy: ClassVar = {"*": Privacy.PUBLIC}

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "body_hash"], name="one_call_per_account_and_body")
        ]
        indexes: ClassVar = [models.Index(fields=["received_at"], name="webhook_calls_by_time")]


class CallRefusal(models.Model):
    """That calls of an account's webhook were refused, when last and why: one row an account, however many calls."""

    account = models.OneToOneField(CarrierAccount, primary_key=True, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=20, help_text="A name of carriers.errors.Refusal.")
    refused_at = models.DateTimeField(default=timezone.now)
    authentic_at = models.DateTimeField(null=True, help_text="The first call since then that was taken.")

    privacy: ClassVar = {"*": Privacy.PUBLIC}


class InboundText(models.Model):
    """A text that a resident sent to one of our numbers. ``sealed`` (service's key): sender, receiver, text, part, raw.

    It is the tenant's whose message it answers, once that is known (``dispatch.services.inbound``); until then nobody's.
    """

    account = models.ForeignKey(CarrierAccount, on_delete=models.PROTECT, related_name="+", db_constraint=False)
    received_at = models.DateTimeField(default=timezone.now)
    sealed = models.BinaryField()
    tenant_id = models.BigIntegerField(null=True)
    message_id = models.BigIntegerField(null=True)
    looked_at = models.DateTimeField(null=True)

    privacy: ClassVar = {"*": Privacy.PUBLIC, "sealed": Privacy.PERSONAL}

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "-received_at"], name="inbound_by_tenant"),
            models.Index(fields=["id"], name="inbound_to_match", condition=models.Q(looked_at__isnull=True)),
        ]
