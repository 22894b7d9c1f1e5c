"""What senders note for themselves: tables that belong to no tenant and hold nothing personal."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from tenants.models import Privacy


class CarrierId(models.Model):
    """Where a receipt looks first: the message of a carrier's id. Written with the answer and never changed; it counts while
    the message itself still names that id."""

    pk = models.CompositePrimaryKey("account_id", "carrier_id", "message_id")
    account_id = models.BigIntegerField()
    carrier_id = models.CharField(max_length=70)
    message_id = models.BigIntegerField()

    privacy: ClassVar = {"*": Privacy.PUBLIC}


class TenantTurn(models.Model):
    """When a tenant's batch was last taken on an account: the fairness between tenants."""

    account_id = models.BigIntegerField()
    tenant_id = models.BigIntegerField()
    served_at = models.DateTimeField()

    privacy: ClassVar = {"*": Privacy.PUBLIC}

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account_id", "tenant_id"], name="one_turn_per_account_and_tenant")
        ]
