"""Opt-outs in and out as CSV, by django-import-export."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.utils import timezone
from import_export import fields, resources

from recipients.models import OptOut
from recipients.phone_numbers import national_format, parse_number
from recipients.selectors.registers import is_opted_out
from recipients.services import add_opt_out
from tenants.actors import Actor

PHONE: Final = "電話番号"
NOTE: Final = "メモ"
SINCE: Final = "登録日"


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
        number = parse_number(str(row.get(PHONE) or ""))
        return number.e164 is not None and is_opted_out(number.e164)

    def save_instance(self, instance: OptOut, is_create: bool, row: Mapping[str, Any], **options: Any) -> None:
        """Raises ``NotATextNumber``, which the result shows with its row."""
        add_opt_out(phone=str(row.get(PHONE) or ""), note=str(row.get(NOTE) or ""), by=self._by, now=self._now)

    def after_import(self, *args: Any, **options: Any) -> None:
        """The library would reset the table's sequence, which our role may not and need not do."""
