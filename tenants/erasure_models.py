"""What erasing needs: whom the audit trail was about, and the certificates of erased people and tenants."""

from __future__ import annotations

from typing import ClassVar

import uuid_utils.compat as uuids
from django.db import models
from django.utils import timezone

from tenants.managers import TenantForeignKey
from tenants.models import AuditEvent, Privacy, Sealed, TenantOwned, User


class AuditSubject(TenantOwned, Sealed):
    """Whom an act was about. It stands beside the trail, which nobody rewrites, so that a person can leave it.

    ``sealed``: the resident's name, number or cells, as the act's line shows them; empty once they were erased.

    ``subject_hash`` is what an erasure finds it by. Append-only for the application but for
    ``tenants_forget_subjects``, which empties and never rewrites.
    """

    event = TenantForeignKey(AuditEvent, on_delete=models.PROTECT, related_name="subjects")
    subject_hash = models.BinaryField()

    privacy: ClassVar = {"*": Privacy.PUBLIC, "sealed": Privacy.PERSONAL}

    class Meta(TenantOwned.Meta):
        indexes: ClassVar = [models.Index(fields=["tenant", "subject_hash"], name="audit_subjects_by_hash")]

    @property
    def is_erased(self) -> bool:
        return not self.sealed


class Erasure(TenantOwned, Sealed):
    """The certificate that a person's data were erased. ``sealed``: reason, and what was erased and what stays (counts).

    ``subject_hash`` finds it again by the person's number or id and tells neither; ``digest`` is a keyed hash over all.
    """

    public_id = models.UUIDField(default=uuids.uuid7, unique=True, editable=False)
    at = models.DateTimeField(default=timezone.now)
    user = TenantForeignKey(User, on_delete=models.PROTECT, related_name="+")
    subject_hash = models.BinaryField()
    digest = models.BinaryField()

    privacy: ClassVar = {"*": Privacy.PUBLIC, "sealed": Privacy.PERSONAL}

    class Meta(TenantOwned.Meta):
        indexes: ClassVar = [models.Index(fields=["tenant", "-at"], name="erasures_by_time")]


class TenantErasure(models.Model):
    """The certificate that a tenant's data were erased: its keys first, then its rows. It outlives the tenant."""

    public_id = models.UUIDField(default=uuids.uuid7, unique=True, editable=False)
    tenant_id = models.BigIntegerField(unique=True)
    tenant_name = models.CharField(max_length=100)
    reason = models.CharField(max_length=200)
    by = models.CharField(max_length=100, help_text="Who ran it, in their own words.")
    started_at = models.DateTimeField()
    keys_destroyed_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    counts = models.JSONField(default=dict, help_text="Table → rows that were deleted.")
    digest = models.BinaryField(null=True, help_text="Keyed hash (service's key) over all of it.")

    privacy: ClassVar = {"*": Privacy.PUBLIC}
