"""Templates in and out as CSV, by django-import-export."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from import_export import fields, resources

from templates_sms.models import Kind, MessageTemplate
from templates_sms.selectors import visible_templates
from templates_sms.services import create_template, current_text, edit_template
from tenants.actors import Actor
from tenants.models import Department

NAME: Final = "名前"
KIND: Final = "種類"
TEXT: Final = "文面"


class TemplateResource(resources.ModelResource):  # type: ignore[misc]  # the library ships no types
    """One row per template in use. Importing makes new ones, and new versions of those whose text differs."""

    name = fields.Field(column_name=NAME)
    kind = fields.Field(column_name=KIND)
    text = fields.Field(column_name=TEXT)

    class Meta:
        model = MessageTemplate
        fields = ("name", "kind", "text")
        import_id_fields = ()
        force_init_instance = True
        use_transactions = True

    def __init__(self, *, department: Department | None, by: Actor, now: datetime) -> None:
        super().__init__()
        self._department = department
        self._by = by
        self._now = now

    def dehydrate_name(self, template: MessageTemplate) -> str:
        return template.name

    def dehydrate_kind(self, template: MessageTemplate) -> str:
        return str(template.get_kind_display())

    def dehydrate_text(self, template: Any) -> str:
        return str(template.text)

    def import_instance(self, instance: MessageTemplate, row: Mapping[str, Any], **options: Any) -> None:
        """Nothing is set on a row of ours: the service makes it."""

    def skip_row(self, instance: Any, original: Any, row: Mapping[str, Any], *args: Any, **options: Any) -> bool:
        known = self._known(row)
        return known is not None and current_text(known) == _text(row)

    def save_instance(self, instance: Any, is_create: bool, row: Mapping[str, Any], **options: Any) -> None:
        """Raises ``TextRefused`` and ``Invalid``, which the result shows with their row."""
        known, text = self._known(row), _text(row)
        if known is not None:
            edit_template(template=known, text=text, by=self._by, now=self._now)
            return
        kind = next((kind for kind in Kind if row.get(KIND) in {kind.value, str(kind.label)}), Kind.NOTICE)
        create_template(name=_name(row), text=text, kind=kind, department=self._department, by=self._by, now=self._now)

    def after_import(self, *args: Any, **options: Any) -> None:
        """The library would reset the table's sequence, which our role may not and need not do."""

    def _known(self, row: Mapping[str, Any]) -> MessageTemplate | None:
        found: MessageTemplate | None = (
            visible_templates(self._by).filter(name=_name(row), department=self._department).first()
        )
        return found


def _name(row: Mapping[str, Any]) -> str:
    return str(row.get(NAME) or "").strip()


def _text(row: Mapping[str, Any]) -> str:
    return str(row.get(TEXT) or "").replace("\r\n", "\n")
