"""The rules by which a department divides its rosters: the office's, unless the department has its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import models
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from tenants.models import Department, Tenant


class IdCheck(models.TextChoices):
    """How the last digit of a person's id is made from the others."""

    NONE = "", _("検査数字はない")
    LUHN = "luhn", _("モジュラス10（ウェイト2・1）")
    MOD_10_W3 = "mod10w3", _("モジュラス10（ウェイト3・1）")
    MOD_11 = "mod11", _("モジュラス11（ウェイト2〜7）")


class SendingRules(models.Model):
    """What the routing of rows asks beside the registers. Ages are completed years on the planned day of sending."""

    requires_consent = models.BooleanField(default=True)
    sms_age_limit = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="From this age on people are phoned."
    )
    age_reason = models.CharField(max_length=100, blank=True, help_text="Why, shown beside the rule.")
    repeat_days = models.PositiveSmallIntegerField(
        default=0, help_text="Whoever had the same text within so many days does not get it again; 0: everybody does."
    )
    id_check = models.CharField(max_length=10, choices=IdCheck.choices, blank=True, default=IdCheck.NONE)

    class Meta:
        abstract = True


RULE_NAMES: Final = tuple(field.name for field in SendingRules._meta.local_fields)


def rules_in_force(tenant: Tenant, department: Department | None) -> SendingRules:
    """The department's rules where it has its own, else the office's."""
    return department if department is not None and department.has_own_rules else tenant
