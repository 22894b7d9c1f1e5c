"""What went wrong with the service, from when to when, who has seen it, and whom it was told."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tenants.models import Privacy, User


class IncidentKind(models.TextChoices):
    ACCOUNT_SICK = "account_sick", _("回線の不調")
    NO_CARRIER_WORKER = "no_carrier_worker", _("送信ワーカーの不在")
    CALLS_REFUSED = "calls_refused", _("受信報告の拒否")
    RECEIPTS_DELAYED = "receipts_delayed", _("受信報告の遅れ")
    BATCH_STUCK = "batch_stuck", _("送信のまとまりの停止")
    MESSAGE_SET_ASIDE = "message_set_aside", _("SMSの保留")
    ROWS_SET_ASIDE = "rows_set_aside", _("名簿の行の保留")
    ROSTER_GIVEN_UP = "roster_given_up", _("名簿の読み込みの中断")
    CAMPAIGN_GIVEN_UP = "campaign_given_up", _("配信の準備の中断")
    FOLLOW_UP_GIVEN_UP = "follow_up_given_up", _("後処理の中断")


class Incident(models.Model):
    """One trouble, by its kind and the thing it is about. Of the service, not of a tenant; holds no personal data."""

    kind = models.CharField(max_length=20, choices=IncidentKind.choices)
    subject = models.CharField(max_length=60, help_text="What it is about, as in account:3.")
    name = models.CharField(
        max_length=120, blank=True, help_text="The thing in words: an account's or a tenant's name."
    )
    detail = models.CharField(max_length=200, blank=True)
    began_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    seen_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+", db_constraint=False)
    seen_at = models.DateTimeField(null=True)

    privacy: ClassVar = {"*": Privacy.PUBLIC}

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind", "subject"], name="one_open_incident_per_subject", condition=models.Q(ended_at=None)
            )
        ]
        indexes: ClassVar = [models.Index(fields=["-began_at"], name="incidents_by_time")]


class Edge(models.TextChoices):
    BEGIN = "begin", _("発生")
    END = "end", _("解消")


class Channel(models.TextChoices):
    MAIL = "mail", _("メール")
    WEBHOOK = "webhook", _("Webhook")


class IncidentNotice(models.Model):
    """An incident's begin or end, to be told by one channel at least once. Whoever tells it puts it off first (``due_at``), so
    that nobody else tells it meanwhile, and it comes again should that process die."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="notices")
    edge = models.CharField(max_length=5, choices=Edge.choices)
    channel = models.CharField(max_length=7, choices=Channel.choices)
    due_at = models.DateTimeField(default=timezone.now)
    told_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)

    privacy: ClassVar = {"*": Privacy.PUBLIC}

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["incident", "edge", "channel"], name="one_notice_per_edge_and_channel")
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="notices_to_tell", condition=models.Q(told_at=None)),
        ]
