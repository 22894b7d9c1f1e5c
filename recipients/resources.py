"""The registers in and out as CSV, by django-import-export."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Final

from django.utils import timezone
from django.utils.translation import gettext as _
from import_export import fields, resources

from recipients.consent_words import read_consent
from recipients.dates import parse_date
from recipients.models import Channel, Consent, OptOut
from recipients.phone_numbers import national_format, number_of_anybody, parse_number
from recipients.selectors.registers import find_consents, is_opted_out
from recipients.services import add_opt_out, record_consent
from tenants.actors import Actor
from tenants.clock import today
from tenants.errors import Invalid
from tenants.selectors import departments_of

PHONE: Final = "電話番号"
NOTE: Final = "メモ"
SINCE: Final = "登録日"
EXTERNAL_ID: Final = "管理番号"
NAME: Final = "氏名"
GIVEN: Final = "同意"
GIVEN_ON: Final = "同意・取り消しの日"
CHANNEL: Final = "方法"
PURPOSE: Final = "目的"
DEPARTMENT: Final = "部署"
RECORDED_BY: Final = "登録者"


class OptOutResource(resources.ModelResource):  # type: ignore[misc]  # the library ships no types
    """One row per open entry. Importing adds what is new by the service and leaves the rest alone."""

    phone = fields.Field(column_name=PHONE)
    note = fields.Field(column_name=NOTE)
    since = fields.Field(column_name=SINCE)

    class Meta:
        model = OptOut
        fields = ("phone", "note", "since")
        import_id_fields = ()
        force_init_instance = True
        use_transactions = True

    columns: ClassVar = {"phone": PHONE, "note": NOTE}

    def __init__(self, *, by: Actor, now: datetime) -> None:
        super().__init__()
        self._by = by
        self._now = now

    def dehydrate_phone(self, entry: OptOut) -> str:
        return national_format(entry.personal["phone"])

    def dehydrate_note(self, entry: OptOut) -> str:
        return str(entry.personal["note"])

    def dehydrate_since(self, entry: OptOut) -> str:
        return timezone.localtime(entry.created_at).strftime("%Y/%m/%d")

    def import_instance(self, instance: OptOut, row: Mapping[str, Any], **options: Any) -> None:
        """Nothing is set on a row of ours: the service makes it."""

    def skip_row(self, instance: OptOut, original: OptOut, row: Mapping[str, Any], *args: Any, **options: Any) -> bool:
        e164 = number_of_anybody(str(row.get(PHONE) or ""))
        return e164 is not None and is_opted_out(e164)

    def save_instance(self, instance: OptOut, is_create: bool, row: Mapping[str, Any], **options: Any) -> None:
        """Raises ``NotATextNumber``, which the result shows with its row."""
        add_opt_out(phone=str(row.get(PHONE) or ""), note=str(row.get(NOTE) or ""), by=self._by, now=self._now)

    def after_import(self, *args: Any, **options: Any) -> None:
        """The library would reset the table's sequence, which our role may not and need not do."""


class UnreadableLine(Invalid):
    """A line of the register that says something nobody taught us."""

    code = "unreadable_line"


class ConsentResource(resources.ModelResource):  # type: ignore[misc]  # the library ships no types
    """One row per entry, the history too. Importing adds by the service what the register does not say already."""

    phone = fields.Field(column_name=PHONE)
    external_id = fields.Field(column_name=EXTERNAL_ID)
    name = fields.Field(column_name=NAME)
    is_given = fields.Field(column_name=GIVEN)
    given_on = fields.Field(column_name=GIVEN_ON)
    channel = fields.Field(column_name=CHANNEL)
    purpose = fields.Field(column_name=PURPOSE)
    department = fields.Field(column_name=DEPARTMENT)
    note = fields.Field(column_name=NOTE)
    since = fields.Field(column_name=SINCE)
    recorded_by = fields.Field(column_name=RECORDED_BY)

    class Meta:
        model = Consent
        fields = (
            "phone",
            "external_id",
            "name",
            "is_given",
            "given_on",
            "channel",
            "purpose",
            "department",
            "note",
            "since",
            "recorded_by",
        )
        import_id_fields = ()
        force_init_instance = True
        use_transactions = True

    columns: ClassVar = {
        "phone": PHONE,
        "is_given": GIVEN,
        "given_on": GIVEN_ON,
        "channel": CHANNEL,
        "department": DEPARTMENT,
    }

    def __init__(self, *, by: Actor, now: datetime) -> None:
        super().__init__()
        self._by = by
        self._now = now
        self._departments = {department.name: department for department in departments_of(by)}
        self._channels = {str(channel.label): channel.value for channel in Channel}

    def dehydrate_phone(self, entry: Consent) -> str:
        return national_format(entry.personal["phone"])

    def dehydrate_external_id(self, entry: Consent) -> str:
        return str(entry.personal["external_id"])

    def dehydrate_name(self, entry: Consent) -> str:
        return str(entry.personal["name"])

    def dehydrate_is_given(self, entry: Consent) -> str:
        return "有" if entry.is_given else "無"

    def dehydrate_given_on(self, entry: Consent) -> str:
        return entry.given_on.strftime("%Y/%m/%d")

    def dehydrate_channel(self, entry: Consent) -> str:
        return str(Channel(entry.channel).label) if entry.channel else ""

    def dehydrate_purpose(self, entry: Consent) -> str:
        return str(entry.personal["purpose"])

    def dehydrate_department(self, entry: Consent) -> str:
        return entry.department.name if entry.department else ""

    def dehydrate_note(self, entry: Consent) -> str:
        return str(entry.personal["note"])

    def dehydrate_since(self, entry: Consent) -> str:
        return timezone.localtime(entry.created_at).strftime("%Y/%m/%d %H:%M")

    def dehydrate_recorded_by(self, entry: Consent) -> str:
        return str(entry.created_by.name)

    def import_instance(self, instance: Consent, row: Mapping[str, Any], **options: Any) -> None:
        """Nothing is set on a row of ours: the service makes it."""

    def skip_row(
        self, instance: Consent, original: Consent, row: Mapping[str, Any], *args: Any, **options: Any
    ) -> bool:
        """A line that the register has word for word, as in a file that was exported before."""
        values = self._values(row)
        number = parse_number(values["phone"])
        if number.e164 is None:
            return False
        return any(
            entry.is_given == values["is_given"]
            and entry.given_on == (values["given_on"] or today(self._now))
            and entry.personal["external_id"] == values["external_id"]
            and entry.department_id == (values["department"].pk if values["department"] else None)
            for entry in find_consents(number.e164, by=self._by)
        )

    def save_instance(self, instance: Consent, is_create: bool, row: Mapping[str, Any], **options: Any) -> None:
        """Raises ``NotATextNumber``, ``BadDay`` and ``UnreadableLine``, which the result shows with its row."""
        record_consent(**self._values(row), by=self._by, now=self._now)

    def after_import(self, *args: Any, **options: Any) -> None:
        """The library would reset the table's sequence, which our role may not and need not do."""

    def _values(self, row: Mapping[str, Any]) -> dict[str, Any]:
        cells = {name: str(value or "").strip() for name, value in row.items()}
        word, day, channel, department = (cells.get(name, "") for name in (GIVEN, GIVEN_ON, CHANNEL, DEPARTMENT))
        is_given = read_consent(word)
        if is_given is None:
            sentence = _("「%(word)s」は、同意の有無として読み取れません。「有」か「無」で書いてください。")
            raise UnreadableLine(sentence % {"word": word}, fields={"is_given": word})
        given_on = parse_date(day) if day else None
        if day and given_on is None:
            sentence = _("「%(word)s」は、日付として読み取れません。2022/8/15 のように書いてください。")
            raise UnreadableLine(sentence % {"word": day}, fields={"given_on": day})
        if channel and channel not in self._channels and channel not in Channel.values:
            sentence = _("「%(word)s」という方法はありません。%(words)sのどれかで書いてください。")
            words = _("、").join(self._channels)
            raise UnreadableLine(sentence % {"word": channel, "words": words}, fields={"channel": channel})
        if department and department not in self._departments:
            sentence = _("「%(word)s」という部署はありません。部署の名前を確かめるか、空にしてください。")
            raise UnreadableLine(sentence % {"word": department}, fields={"department": department})
        return {
            "phone": cells.get(PHONE, ""),
            "is_given": is_given,
            "given_on": given_on,
            "channel": self._channels.get(channel, channel),
            "purpose": cells.get(PURPOSE, ""),
            "name": cells.get(NAME, ""),
            "external_id": cells.get(EXTERNAL_ID, ""),
            "note": cells.get(NOTE, ""),
            "department": self._departments.get(department),
        }
