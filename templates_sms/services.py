"""Texts with placeholders: made, changed, put away. Every change of a text is a new version."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from templates_sms.labels import template_sentence
from templates_sms.models import Kind, MessageTemplate, TemplateVersion
from templates_sms.rendering import Renderer, TemplateProblem, find_placeholders
from tenants.actors import Actor
from tenants.errors import Invalid, Refused
from tenants.models import Department
from tenants.permissions import Permission
from tenants.services import record

LONGEST_TEXT: Final = 4000
LONGEST_NAME: Final = 100


class NameTaken(Refused):
    code = "name_taken"
    user_message = _("同じ名前の文面があります。別の名前にしてください。")


class TextRefused(Invalid):
    code = "bad_text"


class TemplateArchived(Refused):
    code = "template_archived"
    user_message = _("この文面は片付けられています。新しい文面を作ってください。")


def create_template(
    *, name: str, text: str, kind: str = Kind.NOTICE, department: Department | None, by: Actor, now: datetime
) -> MessageTemplate:
    """A template with its first version. Raises ``NameTaken``, ``TextRefused``, ``NotAllowed``."""
    by.must_place(Permission.EDIT_TEMPLATES, department_id=department.pk if department else None)
    check_text(text)
    template = MessageTemplate(
        department=department, name=_clean_name(name), kind=Kind(kind), current=1, created_at=now
    )
    with transaction.atomic():
        _save_named(template)
        _add_version(template, text, by=by, now=now)
        _record("template.created", template, by=by, now=now)
    return template


def edit_template(
    *,
    template: MessageTemplate,
    name: str | None = None,
    text: str | None = None,
    kind: str | None = None,
    by: Actor,
    now: datetime,
) -> MessageTemplate:
    """Another name or kind, or another text as a new version; the old ones stay for the campaigns made of them.

    Raises ``NameTaken``, ``TextRefused``, ``TemplateArchived``, ``NotAllowed``.
    """
    by.must(Permission.EDIT_TEMPLATES, department_id=template.department_id)
    with transaction.atomic():
        template = MessageTemplate.objects.select_for_update().get(pk=template.pk)
        if template.archived_at is not None:
            raise TemplateArchived
        if text is not None and text != current_text(template):
            check_text(text)
            template.current += 1
            _add_version(template, text, by=by, now=now)
        template.name = _clean_name(name) if name is not None else template.name
        template.kind = Kind(kind) if kind is not None else template.kind
        _save_named(template)
        _record("template.changed", template, by=by, now=now)
    return template


def archive_template(*, template: MessageTemplate, by: Actor, now: datetime) -> None:
    """It is not offered any more; what was made of it stays. Harmless to repeat. Raises ``NotAllowed``."""
    by.must(Permission.EDIT_TEMPLATES, department_id=template.department_id)
    if MessageTemplate.objects.filter(pk=template.pk, archived_at=None).update(archived_at=now):
        _record("template.archived", template, by=by, now=now)


def check_text(text: str) -> None:
    """Whether a text could be rendered at all. Raises ``TextRefused`` with the sentence of what is wrong."""
    if not text.strip():
        raise _refusal(_("文面を入力してください。"))
    if len(text) > LONGEST_TEXT:
        raise _refusal(_("文面が長すぎます。4,000文字までにしてください。"))
    if any("\ud800" <= character <= "\udfff" or character == "\x00" for character in text):
        raise _refusal(_("文面に、文字として読み取れないものが入っています。入力し直してください。"))
    try:
        Renderer(text, headers=[placeholder.name for placeholder in find_placeholders(text)])
    except TemplateProblem as exc:
        raise _refusal(template_sentence(exc), code=exc.code) from exc


def current_text(template: MessageTemplate) -> str:
    version: TemplateVersion = template.versions.get(number=template.current)
    return version.text


def _refusal(sentence: object, *, code: str = "bad_text") -> TextRefused:
    return TextRefused(str(sentence), code=code, fields={"text": [str(sentence)]})


def _clean_name(name: str) -> str:
    plain = name.encode("utf-8", "replace").decode()
    cleaned = "".join(character for character in plain if character.isprintable()).strip()[:LONGEST_NAME]
    if not cleaned:
        sentence = str(_("文面の名前を入力してください。"))
        raise Invalid(sentence, fields={"name": [sentence]})
    return cleaned


def _save_named(template: MessageTemplate) -> None:
    try:
        with transaction.atomic():
            template.save()
    except IntegrityError as exc:
        raise NameTaken(fields={"name": [str(NameTaken.user_message)]}) from exc


def _add_version(template: MessageTemplate, text: str, *, by: Actor, now: datetime) -> None:
    TemplateVersion.objects.create(
        template=template, number=template.current, text=text, created_by_id=by.user_id, created_at=now
    )


def _record(action: str, template: MessageTemplate, *, by: Actor, now: datetime) -> None:
    record(
        action=action,
        by=by,
        now=now,
        kind="template",
        object_id=str(template.public_id),
        department_id=template.department_id,
        details={"name": template.name, "version": template.current},
    )
