"""Campaigns, batches, messages and calls."""

from __future__ import annotations

from typing import ClassVar

import uuid_utils.compat as uuids
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dispatch.sender_models import CarrierId as CarrierId
from dispatch.sender_models import TenantTurn as TenantTurn
from dispatch.states import Status
from recipients.models import Recipient, Roster
from templates_sms.models import TemplateVersion
from tenants.managers import TenantForeignKey
from tenants.models import Department, Privacy, Sealed, TenantOwned, User, linked_tenant
from tenants.sealed_text import SealedTextField


class CampaignState(models.TextChoices):
    DRAFT = "draft", _("下書き")
    APPROVED = "approved", _("承認済み")
    SCHEDULED = "scheduled", _("予約済み")
    SENDING = "sending", _("送信中")
    PAUSED = "paused", _("一時停止中")
    SENT = "sent", _("送信完了")
    DONE = "done", _("完了")
    CANCELLED = "cancelled", _("中止")


class Policy(models.TextChoices):
    """What happens to a text of which nobody can know whether it left."""

    HOLD = "hold", _("自動では再送しない")
    RESEND = "resend", _("一度だけ再送する")


class Priority(models.IntegerChoices):
    """Higher goes first."""

    NORMAL = 0, _("通常")
    HIGH = 5, _("優先")
    URGENT = 9, _("至急")


class Campaign(TenantOwned):
    """A roster and a text, frozen together."""

    public_id = models.UUIDField(default=uuids.uuid7, unique=True, editable=False)
    department = TenantForeignKey(Department, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=100)
    roster = TenantForeignKey(Roster, on_delete=models.PROTECT, related_name="campaigns")
    template_version = TenantForeignKey(TemplateVersion, null=True, on_delete=models.PROTECT, related_name="+")
    text = SealedTextField()
    state = models.CharField(max_length=10, choices=CampaignState.choices, default=CampaignState.DRAFT)
    policy = models.CharField(max_length=6, choices=Policy.choices, default=Policy.HOLD)
    priority = models.PositiveSmallIntegerField(choices=Priority.choices, default=Priority.NORMAL)
    send_at = models.DateTimeField(null=True)
    as_of = models.DateField(help_text="The planned day of sending; ages are taken on it.")
    rows = models.PositiveIntegerField(default=0)
    sms_rows = models.PositiveIntegerField(default=0)
    call_rows = models.PositiveIntegerField(default=0)
    error_rows = models.PositiveIntegerField(default=0)
    skip_rows = models.PositiveIntegerField(default=0)
    late_skip_rows = models.PositiveIntegerField(default=0, help_text="Of skip_rows: by what was sent earlier.")
    parts = models.PositiveIntegerField(default=0)
    cost_millicents = models.PositiveBigIntegerField(default=0)
    approval_hash = models.BinaryField(null=True, help_text="Keyed hash of text and recipients that was approved.")
    approval_asked_at = models.DateTimeField(null=True)
    approved_by = TenantForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    approved_at = models.DateTimeField(null=True)
    sent_by = TenantForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    ignores_hours = models.BooleanField(default=False, help_text="Why stands in the audit trail.")
    expanded_row = models.PositiveIntegerField(default=0, help_text="Rows up to this one have their message or call.")
    expanded_parts = models.PositiveIntegerField(default=0)
    is_expanded = models.BooleanField(default=False)
    set_aside_rows = models.PositiveIntegerField(
        default=0, help_text="Rows that no text could be made of, by our fault."
    )
    expand_lease_until = models.DateTimeField(null=True)
    expand_tries = models.PositiveSmallIntegerField(default=0)
    created_by = TenantForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    privacy: ClassVar = {"*": Privacy.PUBLIC, "text": Privacy.PERSONAL}

    class Meta(TenantOwned.Meta):
        indexes: ClassVar = [models.Index(fields=["tenant", "-created_at"], name="campaigns_by_time")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_editable(self) -> bool:
        return self.state == CampaignState.DRAFT

    @property
    def is_under_way(self) -> bool:
        return self.state in {CampaignState.SENDING, CampaignState.PAUSED}


class BatchState(models.IntegerChoices):
    READY = 0
    CLAIMED = 1
    DONE = 2
    PAUSED = 3
    CANCELLED = 4
    STUCK = 5  # set aside after three tries; an operator is told


class Batch(TenantOwned):
    """Up to 1,000 messages: the unit of claiming.

    ``in_flight`` holds ``seq * 256 + part`` of every part whose intent is committed and whose answer is not: after a crash
    exactly these are unknown. ``epoch`` grows with each claim and fences decisions."""

    campaign = TenantForeignKey(Campaign, null=True, on_delete=models.PROTECT, related_name="batches")
    department = TenantForeignKey(
        Department, null=True, on_delete=models.PROTECT, related_name="+", help_text="Of texts without a campaign."
    )
    account_id = models.BigIntegerField()
    state = models.SmallIntegerField(choices=BatchState.choices, default=BatchState.READY)
    priority = models.PositiveSmallIntegerField(default=Priority.NORMAL)
    policy = models.CharField(max_length=6, choices=Policy.choices, default=Policy.HOLD)
    due_at = models.DateTimeField()
    size = models.PositiveIntegerField()
    lease_until = models.DateTimeField(null=True)
    holder = models.CharField(max_length=80, blank=True)
    epoch = models.PositiveIntegerField(default=0)
    in_flight = ArrayField(models.IntegerField(), default=list)
    stop = models.SmallIntegerField(
        choices=BatchState.choices, null=True, help_text="The state to end in after this window."
    )
    tries = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    privacy: ClassVar = {"*": Privacy.PUBLIC}

    class Meta(TenantOwned.Meta):
        indexes: ClassVar = [
            models.Index(
                fields=["account_id", "-priority", "due_at", "id"],
                name="batches_due",
                condition=models.Q(state__in=[0, 1]),
            ),
            models.Index(fields=["tenant", "campaign"], name="batches_of_campaign"),
        ]


class Message(TenantOwned, Sealed):
    """One text to one person. ``sealed``: to (E.164), text, name, sender, reference (the caller's).

    No index mentions what an update changes, so that every update stays on its page (DESIGN.md §8): a carrier's id is found by
    `CarrierId`. A key has an index only where no other begins with it.
    """

    tenant = linked_tenant()
    public_id = models.UUIDField(unique=True)
    batch = TenantForeignKey(Batch, on_delete=models.PROTECT, related_name="messages", db_index=False)
    seq = models.PositiveIntegerField(help_text="Counts within the batch from 0.")
    campaign = TenantForeignKey(Campaign, null=True, on_delete=models.PROTECT, related_name="messages", db_index=False)
    recipient = TenantForeignKey(Recipient, null=True, on_delete=models.PROTECT, related_name="+")
    state = models.SmallIntegerField(
        choices=[(status.value, status.word) for status in Status], default=Status.QUEUED.value
    )
    parts = models.PositiveSmallIntegerField()
    tries = models.PositiveSmallIntegerField(default=0, help_text="Times that a person or the policy sent it again.")
    phone_hash = models.BinaryField()
    reference_hash = models.BinaryField(null=True)
    account_id = models.BigIntegerField()
    carrier_id = models.CharField(max_length=70, null=True, help_text="Of a text in one part; others in MessagePart.")
    reason = models.CharField(max_length=24, null=True)
    code = models.CharField(max_length=20, null=True, help_text="The carrier's own.")
    created_at = models.DateTimeField(default=timezone.now)
    accepted_at = models.DateTimeField(null=True)
    final_at = models.DateTimeField(null=True)

    privacy: ClassVar = {"*": Privacy.PUBLIC, "sealed": Privacy.PERSONAL}

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "campaign", "recipient"], name="one_message_per_recipient_per_campaign"
            ),
            models.UniqueConstraint(fields=["batch", "seq"], name="one_message_per_batch_and_seq"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "phone_hash", "-created_at"], name="messages_by_phone"),
            models.Index(fields=["tenant", "-created_at"], name="messages_by_time"),
            models.Index(
                fields=["tenant", "reference_hash"],
                name="messages_by_reference",
                condition=models.Q(reference_hash__isnull=False),
            ),
        ]

    @property
    def status(self) -> Status:
        return Status(self.state)


class MessagePart(TenantOwned):
    """A part of a text of several parts, once the carrier answered for it or it became unknown."""

    tenant = linked_tenant()
    message = TenantForeignKey(Message, on_delete=models.CASCADE, related_name="part_rows")
    part = models.PositiveSmallIntegerField()
    state = models.SmallIntegerField(choices=[(status.value, status.word) for status in Status])
    account_id = models.BigIntegerField()
    carrier_id = models.CharField(max_length=70, null=True)
    reason = models.CharField(max_length=24, null=True)
    code = models.CharField(max_length=20, null=True)
    accepted_at = models.DateTimeField(null=True)

    privacy: ClassVar = {"*": Privacy.PUBLIC}

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "message", "part"], name="one_row_per_message_and_part")
        ]
        indexes: ClassVar = [models.Index(fields=["account_id", "carrier_id"], name="parts_by_carrier_id")]


class EventKind(models.TextChoices):
    """What is worth a line of its own in a message's time line, beside its instants and receipts."""

    UNKNOWN = "unknown", _("送信できたか不明")
    LATE_ANSWER = "late_answer", _("遅れて届いた応答")
    RESENT_BY_POLICY = "resent_by_policy", _("規則による再送")
    REPEATED = "repeated", _("同じ鍵での送り直し")
    REROUTED = "rerouted", _("回線の切り替え")
    SENT_AGAIN = "sent_again", _("職員による再送")
    TAKEN_AS_SENT = "taken_as_sent", _("送信済みとして扱う")
    DEADLINE = "deadline", _("期限切れ")
    CANCELLED = "cancelled", _("中止")
    SET_ASIDE = "set_aside", _("処理できず保留")


class MessageEvent(TenantOwned):
    tenant = linked_tenant()
    message = TenantForeignKey(Message, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=20, choices=EventKind.choices)
    user = TenantForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    detail = models.CharField(max_length=200, blank=True)

    privacy: ClassVar = {"*": Privacy.PUBLIC}

    class Meta(TenantOwned.Meta):
        indexes: ClassVar = [
            models.Index(fields=["tenant", "message"], name="events_by_message"),
            models.Index(fields=["tenant", "kind", "-at"], name="events_by_kind"),
        ]


class Tally(TenantOwned):
    """How many messages of a campaign entered (n > 0) or left (n < 0) a state in a minute.

    Inserted in the transaction that moves them, folded later: no page ever counts messages.
    """

    campaign = TenantForeignKey(Campaign, null=True, on_delete=models.CASCADE, related_name="+", db_index=False)
    minute = models.DateTimeField()
    state = models.SmallIntegerField()
    reason = models.CharField(max_length=24, blank=True)
    n = models.IntegerField()

    privacy: ClassVar = {"*": Privacy.PUBLIC}

    class Meta(TenantOwned.Meta):
        indexes: ClassVar = [
            models.Index(fields=["tenant", "campaign", "state"], name="tallies_of_campaign"),
            models.Index(fields=["tenant", "minute"], name="tallies_by_minute"),
        ]


class FollowUpKind(models.IntegerChoices):
    NOT_REACHED = 1
    REACHED_LATE = 2
    UNKNOWN_DEADLINE = 3


class FollowUp(TenantOwned):
    """Something that the tenant's side must do about a message: written with the change, taken by a task, then deleted."""

    tenant = linked_tenant()
    message = TenantForeignKey(Message, on_delete=models.CASCADE, related_name="+")
    kind = models.SmallIntegerField(choices=FollowUpKind.choices)
    due_at = models.DateTimeField(default=timezone.now)
    tries = models.PositiveSmallIntegerField(default=0)

    privacy: ClassVar = {"*": Privacy.PUBLIC}

    class Meta(TenantOwned.Meta):
        indexes: ClassVar = [models.Index(fields=["due_at"], name="follow_ups_due")]


class CallState(models.TextChoices):
    OPEN = "open", _("未対応")
    DONE = "done", _("対応済み")


class Outcome(models.TextChoices):
    """What came of a call. The first, the last two and ``CLOSED`` end it."""

    REACHED = "reached", _("つながった")
    NO_ANSWER = "no_answer", _("不在")
    WRONG_NUMBER = "wrong_number", _("番号違い")
    LEFT_MESSAGE = "left_message", _("伝言")
    VISIT = "visit", _("訪問へ")
    CLOSED = "closed", _("理由を付けて終了")
    RECEIVED = "received", _("SMSが届いた")


ENDING_OUTCOMES = frozenset({Outcome.REACHED, Outcome.VISIT, Outcome.CLOSED, Outcome.RECEIVED})


class Call(TenantOwned, Sealed):
    """A person to be phoned. ``sealed``: name, kana, phone, external_id."""

    tenant = linked_tenant()
    public_id = models.UUIDField(default=uuids.uuid7, unique=True, editable=False)
    campaign = TenantForeignKey(Campaign, on_delete=models.PROTECT, related_name="calls")
    recipient = TenantForeignKey(Recipient, on_delete=models.PROTECT, related_name="+")
    message = TenantForeignKey(Message, null=True, on_delete=models.PROTECT, related_name="+")
    row = models.PositiveIntegerField()
    reason = models.CharField(max_length=24)
    state = models.CharField(max_length=5, choices=CallState.choices, default=CallState.OPEN)
    outcome = models.CharField(max_length=15, choices=Outcome.choices, blank=True)
    phone_hash = models.BinaryField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True)
    viewed_by = TenantForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    viewed_at = models.DateTimeField(null=True)

    privacy: ClassVar = {"*": Privacy.PUBLIC, "sealed": Privacy.PERSONAL}

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "campaign", "recipient"], name="one_call_per_recipient_per_campaign"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "state", "created_at"], name="calls_by_state"),
            models.Index(fields=["tenant", "phone_hash"], name="calls_by_phone"),
        ]


class SkippedRow(TenantOwned):
    """A row that got no text though its roster wanted one: whoever has its words already, and why."""

    tenant = linked_tenant()
    campaign = TenantForeignKey(Campaign, on_delete=models.CASCADE, related_name="skipped")
    recipient = TenantForeignKey(Recipient, on_delete=models.CASCADE, related_name="+")
    row = models.PositiveIntegerField()
    reason = models.CharField(max_length=24)
    same_as_row = models.PositiveIntegerField(null=True, help_text="The row with the same number and the same words.")

    privacy: ClassVar = {"*": Privacy.PUBLIC}

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "campaign", "recipient"], name="one_skip_per_recipient_per_campaign"
            )
        ]


class CallAttempt(TenantOwned, Sealed):
    """One try to reach the person. ``sealed``: note."""

    call = TenantForeignKey(Call, on_delete=models.CASCADE, related_name="attempts")
    at = models.DateTimeField(default=timezone.now)
    user = TenantForeignKey(User, on_delete=models.PROTECT, related_name="+")
    outcome = models.CharField(max_length=15, choices=Outcome.choices)

    privacy: ClassVar = {"*": Privacy.PUBLIC, "sealed": Privacy.PERSONAL}

    class Meta(TenantOwned.Meta):
        indexes: ClassVar = [models.Index(fields=["tenant", "call", "at"], name="attempts_by_call")]
