"""Rosters and the people on them; who refused texts."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

import uuid_utils.compat as uuids
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from recipients.sheet_rows import SheetRows
from tenants.managers import TenantForeignKey
from tenants.models import Department, Privacy, Sealed, TenantOwned, User, linked_tenant


class RosterState(models.TextChoices):
    READING = "reading", _("読み込み中")
    READY = "ready", _("確認待ち")
    FAILED = "failed", _("読み込めませんでした")


class Route(models.IntegerChoices):
    """Where a row of the file goes; rows = sms + call + error + skip, always."""

    SMS = 1, _("SMS")
    CALL = 2, _("電話")
    ERROR = 3, _("要修正")
    SKIP = 4, _("対象外")

    @property
    def word(self) -> str:
        """The API's word."""
        return self.name.lower()


class Need(models.TextChoices):
    """What a problem of a roster waits for."""

    NOTICE = "", _("お知らせ")
    CONFIRM = "confirm", _("確認")
    RELEASE = "release", _("別の人の承認")


class Roster(TenantOwned, Sealed):
    """A file that staff uploaded.

    ``sealed``: name, file_name, header, first_rows, mapping (field → column header) and mapping_source, confidence,
    notices and failure (code and params of a sentence), edits (row → header → the value a person put there),
    rules (those by which its rows were divided).
    """

    public_id = models.UUIDField(default=uuids.uuid7, unique=True, editable=False)
    department = TenantForeignKey(Department, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=RosterState.choices, default=RosterState.READING)
    as_of = models.DateField(help_text="The day on which ages are taken.")
    file_bytes = models.PositiveIntegerField(default=0)
    file_hash = models.BinaryField(null=True)
    rows_hash = models.BinaryField(null=True)
    rows_read = models.PositiveIntegerField(default=0)
    rows = models.PositiveIntegerField(default=0)
    row_sketch = models.BinaryField(null=True, help_text="Which rows it has, roughly (recipients.services.overlap).")
    one_text_per_number = models.BooleanField(
        default=False, help_text="People who share a number get one text between them."
    )
    sms = models.PositiveIntegerField(default=0)
    call = models.PositiveIntegerField(default=0)
    error = models.PositiveIntegerField(default=0)
    skip = models.PositiveIntegerField(default=0)
    reasons = models.JSONField(default=dict, help_text="Reason → number of rows.")
    failure_code = models.CharField(max_length=40, blank=True)
    lease_until = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    created_by = TenantForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    begun_at = models.DateTimeField(null=True, help_text="When this reading, not an earlier one, began to store rows.")
    read_at = models.DateTimeField(null=True)
    frozen_at = models.DateTimeField(null=True, help_text="Set while an approved or started campaign rests on it.")

    privacy: ClassVar = {"*": Privacy.PUBLIC, "sealed": Privacy.PERSONAL}

    class Meta(TenantOwned.Meta):
        indexes: ClassVar = [models.Index(fields=["tenant", "-created_at"], name="rosters_by_time")]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~models.Q(state="ready")
                | models.Q(rows=models.F("sms") + models.F("call") + models.F("error") + models.F("skip")),
                name="every_row_of_a_roster_has_a_route",
            )
        ]

    @property
    def is_ready(self) -> bool:
        return self.state == RosterState.READY

    @property
    def is_editable(self) -> bool:
        return self.is_ready and self.frozen_at is None

    @property
    def name(self) -> str:
        return str(self.personal.get("name", ""))

    @property
    def counts(self) -> dict[str, int]:
        return {"sms": self.sms, "call": self.call, "error": self.error, "skip": self.skip}

    @cached_property
    def sheet_rows(self) -> SheetRows:
        """The numbers that its rows have in Excel."""
        return SheetRows(self.personal.get("notices", ()))

    @property
    def mapping(self) -> dict[str, Any]:
        """Field → column header."""
        return dict(self.personal.get("mapping", {}))


class RosterFile(TenantOwned):
    """A piece (1 MiB) of the file as it was uploaded, sealed: evidence, and what the worker reads."""

    roster = TenantForeignKey(Roster, on_delete=models.CASCADE, related_name="pieces")
    number = models.PositiveIntegerField()
    sealed = models.BinaryField()

    privacy: ClassVar = {"*": Privacy.PUBLIC, "sealed": Privacy.PERSONAL}

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "roster", "number"], name="one_piece_per_roster_and_number")
        ]


class RosterProblem(TenantOwned):
    """Something about the whole file that people should know or must answer."""

    roster = TenantForeignKey(Roster, on_delete=models.CASCADE, related_name="problems")
    code = models.CharField(max_length=40)
    needs = models.CharField(max_length=10, choices=Need.choices, blank=True)
    details = models.JSONField(default=dict, help_text="Counts and days for the sentence; nothing personal.")
    answered_by = TenantForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    answered_at = models.DateTimeField(null=True)

    privacy: ClassVar = {"*": Privacy.PUBLIC}

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "roster", "code"], name="one_problem_per_roster_and_code")
        ]

    @property
    def is_open(self) -> bool:
        return bool(self.needs) and self.answered_at is None


class Recipient(TenantOwned, Sealed):
    """One row of a roster, whatever its route.

    ``sealed``: name, kana, phone (E.164, of any kind), number_kind, phone_raw, external_id, birth_on, age, rule,
    detail, mended (codes) and ``cells`` (header → value).
    """

    tenant = linked_tenant()
    roster = TenantForeignKey(Roster, on_delete=models.CASCADE, related_name="recipients", db_index=False)
    row = models.PositiveIntegerField(help_text="Counts the data rows of the file from 1.")
    route = models.PositiveSmallIntegerField(choices=Route.choices)
    reason = models.CharField(max_length=24, blank=True)
    is_mended = models.BooleanField(default=False)
    phone_hash = models.BinaryField(null=True)
    id_hash = models.BinaryField(null=True)

    privacy: ClassVar = {"*": Privacy.PUBLIC, "sealed": Privacy.PERSONAL}

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "roster", "row"], name="one_recipient_per_roster_and_row")
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "phone_hash"], name="recipients_by_phone"),
            models.Index(fields=["tenant", "id_hash"], name="recipients_by_id"),
        ]


class ExclusionList(TenantOwned, Sealed):
    """Who of a roster is not concerned, from a second file (those who have paid).

    ``sealed``: file_name, unread (rows that named nobody). The others are keyed hashes of 16 bytes, one behind the other:
    100,000 people fit in a row. ``spare_hashes`` are the numbers of people who have an id in the list.
    """

    roster = TenantForeignKey(Roster, on_delete=models.CASCADE, related_name="exclusions")
    number_hashes = models.BinaryField()
    id_hashes = models.BinaryField()
    spare_hashes = models.BinaryField()
    rows = models.PositiveIntegerField()
    created_by = TenantForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    privacy: ClassVar = {"*": Privacy.PUBLIC, "sealed": Privacy.PERSONAL}

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "roster"], name="one_exclusion_list_per_roster")
        ]


class Channel(models.TextChoices):
    """How a person told the office."""

    PAPER = "paper", _("書面")
    COUNTER = "counter", _("窓口")
    PHONE = "phone", _("電話")
    WEB = "web", _("Web・メール")
    OTHER = "other", _("その他")


class OptOut(TenantOwned, Sealed):
    """A number whose owner wants no texts. ``sealed``: phone, note."""

    public_id = models.UUIDField(default=uuids.uuid7, unique=True, editable=False)
    phone_hash = models.BinaryField()
    channel = models.CharField(max_length=10, choices=Channel.choices, blank=True)
    created_by = TenantForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    ended_by = TenantForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)

    privacy: ClassVar = {"*": Privacy.PUBLIC, "sealed": Privacy.PERSONAL}

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "phone_hash"], condition=models.Q(ended_at=None), name="one_open_opt_out_per_number"
            )
        ]


class Consent(TenantOwned, Sealed):
    """A person said yes or no to texts: who, when, how and for what. Never changed; the latest one counts.

    ``sealed``: phone, external_id, name, purpose, note. Without an id it speaks for whoever has the number; without a
    department for the whole office.
    """

    public_id = models.UUIDField(default=uuids.uuid7, unique=True, editable=False)
    department = TenantForeignKey(Department, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    phone_hash = models.BinaryField()
    id_hash = models.BinaryField(null=True)
    is_given = models.BooleanField()
    given_on = models.DateField(help_text="When the person said so.")
    channel = models.CharField(max_length=10, choices=Channel.choices, blank=True)
    created_by = TenantForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    privacy: ClassVar = {"*": Privacy.PUBLIC, "sealed": Privacy.PERSONAL}

    class Meta(TenantOwned.Meta):
        indexes: ClassVar = [
            models.Index(fields=["tenant", "phone_hash"], name="consents_by_phone"),
            models.Index(fields=["tenant", "id_hash"], name="consents_by_id"),
            models.Index(fields=["tenant", "-created_at"], name="consents_by_time"),
        ]


class ColumnMemory(TenantOwned, Sealed):
    """How a department's people mapped a set of headers the last time. ``sealed``: mapping."""

    department = TenantForeignKey(Department, null=True, on_delete=models.CASCADE, related_name="+")
    headers_hash = models.BinaryField()
    used_at = models.DateTimeField(default=timezone.now)

    privacy: ClassVar = {"*": Privacy.PUBLIC, "sealed": Privacy.PERSONAL}

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "department", "headers_hash"],
                name="one_mapping_per_department_and_headers",
                nulls_distinct=False,
            )
        ]


class NameGram(TenantOwned):
    """Which rows of a roster have a pair of characters in their name or kana: the search by name.

    ``gram`` is the keyed hash of the pair, cut to 64 bits; ``rows`` are the data rows (``Recipient.row``) that have it.
    """

    tenant = linked_tenant()
    roster = TenantForeignKey(Roster, on_delete=models.CASCADE, related_name="+", db_index=False)
    gram = models.BigIntegerField()
    rows = ArrayField(models.IntegerField())

    privacy: ClassVar = {"*": Privacy.PUBLIC}

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "gram", "roster"], name="one_line_per_gram_and_roster")
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "roster"], name="grams_by_roster")]
