"""Canaries: one of everything that a tenant owns, with a word of its own in every text field and a number of its own.

The fields are not listed by hand: what a model has is walked, with its privacy table. A table that nothing plants in
fails tests/security/test_matrix.py.
"""

from __future__ import annotations

import html
import json
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models, transaction
from django.utils import timezone

from dispatch.models import Call, Campaign, Message
from dispatch.services.messages import Draft, send_message
from recipients.models import Recipient, Roster, Route
from reports.person_addresses import BY_PHONE, PersonKey, hash_of_name
from templates_sms.models import MessageTemplate, TemplateVersion
from tenants.context import current_tenant_id
from tenants.keys import ring
from tenants.models import ApiKey, Department, Membership, Privacy, Sealed, TenantKey, TenantOwned, User
from tenants.permissions import Role
from tests.app.reports.sending import sent_campaign
from tests.conftest import Cast
from tests.factories.dispatch import person

# Words of the service itself: a canary in them would only break what reads them.
WORDS_OF_OURS: Final = {"reason", "code", "holder", "action", "kind", "carrier_id", "purpose", "email", "password"}
NUMBERS: Final = ("phone", "to", "phone_raw", "call_number")
SEALED_TEXTS: Final = (
    "name",
    "kana",
    "phone",
    "note",
    "external_id",
    "email",
    "text",
    "mapping",
    "purpose",
    "file_name",
)
# What is only understood by its code.
SPECIAL: Final[dict[str, dict[str, Any]]] = {
    "RosterProblem": {"code": "family_numbers", "details": {"people": 2, "numbers": 1}},
}
THE_TENANTS: Final = {"OptOut", "Consent", "Erasure", "Invitation"}  # of no department: registers, rights
NOT_PLANTED: Final = {TenantKey, Department, Membership, ApiKey}  # the cast has them; another key would unlock nothing


@dataclass(frozen=True, slots=True)
class Planted:
    """One of everything of a department. ``word`` stands in every text, ``number`` in every number."""

    word: str
    number: str  # national, eleven digits
    common: str = ""  # stands in what is the whole tenant's: the registers
    ids: dict[str, UUID] = field(default_factory=dict)
    person: str = ""

    @property
    def traces(self) -> tuple[str, ...]:
        return (self.word, self.number, "+81" + self.number[1:], f"{self.number[:3]}-{self.number[3:7]}")

    def traces_in(self, response: Any, *, in_tenant: bool = False) -> list[str]:
        """What of it stands in an answer, however it is written there; ``in_tenant`` leaves out what all share."""
        texts = list(_writings(response))
        wanted = self.traces if in_tenant else (*self.traces, self.common)
        return [trace for trace in wanted if any(trace in text for text in texts)]


def _writings(response: Any) -> Iterator[str]:
    body = b"".join(response) if response.streaming else response.content
    for encoding in ("utf-8", "cp932"):
        text = body.decode(encoding, "replace")
        yield text
        yield html.unescape(text)
    if body[:1] in (b"{", b"["):
        yield json.dumps(json.loads(body), ensure_ascii=False)
    for name, value in response.items():
        yield urllib.parse.unquote(f"{name}: {value}")
    yield response.cookies.output()


def plant(cast: Cast, *, department: Department | None, word: str, number: str) -> Planted:
    """Rows of every table that a tenant owns, in ``department``. Needs real commits and a carrier account."""
    planted = Planted(word=word, number=number, common=f"{word[0]}の台帳")
    with cast.scope():
        before = {model: set(model._default_manager.values_list("pk", flat=True)) for model in tenant_models()}
    e164 = "+81" + number[1:]
    people = [
        person(1, phone=e164, name=word, kana=word, number_kind="mobile", phone_raw=number, **_rest(word)),
        person(2, phone=e164, name=word, route=Route.CALL, reason="age", number_kind="mobile", **_rest(word)),
        person(3, phone=None, name=word, route=Route.ERROR, reason="missing", phone_raw=number, **_rest(word)),
    ]
    campaign = sent_campaign(cast, people, name=word)
    with cast.scope():
        Roster.objects.filter(pk=campaign.roster_id).update(department=department)
        Campaign.objects.filter(pk=campaign.pk).update(
            department=department, name=word, started_at=timezone.now() - timedelta(hours=1)
        )
        template = MessageTemplate.objects.create(name=word, current=1, department=department)
        TemplateVersion.objects.create(template=template, number=1, text=word, created_by=cast.users[Role.ADMIN])
        single = send_message(draft=Draft(to=number, text=word, reference=word), by=cast.admin, now=timezone.now())
        message = Message.objects.get(public_id=single)
        message.batch.department = department
        message.batch.save()
        _plant_the_rest(planted, department, before)
        _write_everywhere(planted, before)
        roster = campaign.roster
        recipient = Recipient.objects.get(roster=roster, row=1)
        key = PersonKey(
            kind=BY_PHONE, value=bytes(recipient.phone_hash), name_hash=hash_of_name(recipient.personal["name"])
        )
        ids = {
            "roster": roster.public_id,
            "campaign": campaign.public_id,
            "call": Call.objects.filter(campaign=campaign).order_by("row")[0].public_id,
            "message": Message.objects.get(campaign=campaign).public_id,
            "single": single,
            "template": template.public_id,
        }
        return replace(planted, ids=ids, person=key.address)


def _rest(word: str) -> dict[str, Any]:
    return {
        "age": None,
        "rule": "",
        "detail": word,
        "mended": [],
        "cells": {"氏名": word, "電話番号": word, "療養終了日": word},
    }


def tenant_models() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if issubclass(model, TenantOwned)]


def _plant_the_rest(
    planted: Planted, department: Department | None, before: dict[type[models.Model], set[int]]
) -> None:
    """A row of each table that the story above left out, with whatever its fields take."""
    for _round in range(3):  # until what they link to is there
        for model in tenant_models():
            if not model._default_manager.exclude(pk__in=before[model]).exists() and model not in NOT_PLANTED:
                _plant_one(model, planted, department)


def _plant_one(model: type[models.Model], planted: Planted, department: Department | None) -> None:
    special = SPECIAL.get(model.__name__, {})
    row = model(tenant_id=current_tenant_id(), **special)
    for each in model._meta.concrete_fields:
        is_given = each.primary_key or each.name in {"tenant", *special} or each.has_default()
        if is_given or (each.null and not each.is_relation):
            continue
        if each.is_relation:
            related = _some(each.related_model, department)
            if related is None and not each.null:
                return
            setattr(row, each.attname, related)
        else:
            setattr(row, each.name, _value_for(each, model, planted))
    with transaction.atomic():
        row.save()


def _some(related: Any, department: Department | None) -> Any:
    if related is Department:
        return department.pk if department else None
    if related is User:
        return User.objects.filter(tenant_id=current_tenant_id()).order_by("pk").values_list("pk", flat=True).first()
    return related._default_manager.order_by("-pk").values_list("pk", flat=True).first()


def _value_for(each: models.Field[Any, Any], model: type[models.Model], planted: Planted) -> Any:
    if each.choices:
        return each.choices[0][0]
    if isinstance(each, models.BinaryField):
        return (
            ring().seal_fields(model._meta.db_table, dict.fromkeys(SEALED_TEXTS, planted.word))
            if each.name == "sealed"
            else uuid4().bytes
        )
    if isinstance(each, models.CharField | models.TextField):
        return planted.word[: each.max_length or 200] if _takes_a_word(model, each) else "x"
    if isinstance(each, ArrayField):
        return []
    if isinstance(each, models.JSONField):
        return {}
    if isinstance(each, models.DateField):  # and an instant
        return timezone.now()
    if isinstance(each, models.UUIDField):
        return uuid4()
    return 1


def _write_everywhere(planted: Planted, before: dict[type[models.Model], set[int]]) -> None:
    """The canary in every text field of the rows just made, and in every text that is sealed."""
    for model in tenant_models():
        if model is Department or not _may_update(model):  # departments' names are known in the whole tenant
            continue
        texts = [each for each in model._meta.concrete_fields if _takes_a_word(model, each)]
        for row in model._default_manager.exclude(pk__in=before[model]):
            own = _as_common(planted) if model.__name__ in THE_TENANTS else planted
            changes: dict[str, Any] = {each.name: own.word[: each.max_length or 200] for each in texts}
            if isinstance(row, Sealed):
                changes["sealed"] = ring().seal_fields(model._meta.db_table, _with_word(row.personal, own))
            if changes:
                model._default_manager.filter(pk=row.pk).update(**changes)


def _as_common(planted: Planted) -> Planted:
    return replace(planted, word=planted.common, number="06099990009")


def _may_update(model: type[models.Model]) -> bool:
    """What is append-only keeps what the services wrote."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_table_privilege(%s, 'UPDATE')", [model._meta.db_table])
        return bool(cursor.fetchone()[0])


def _takes_a_word(model: Any, each: models.Field[Any, Any]) -> bool:
    is_text = isinstance(each, models.CharField | models.TextField) and not isinstance(each, models.UUIDField)
    listed = model.privacy.get(each.name, model.privacy.get("*"))
    is_ours = each.name in WORDS_OF_OURS or each.name.endswith(("_code", "_kind", "_id"))
    return is_text and not each.choices and not is_ours and not each.unique and listed is not Privacy.SECRET


def _with_word(value: Any, planted: Planted, key: str = "") -> Any:
    if isinstance(value, dict):
        known = {"phone": planted.word, "name": planted.word}  # columns by what they mean
        return known if key == "mapping" else {name: _with_word(inner, planted, name) for name, inner in value.items()}
    if not isinstance(value, str) or key in {"number_kind", "rule", "birth_on", "role", "code", "mapping_source"}:
        return value
    if key in NUMBERS:
        return value and "+81" + planted.number[1:]
    return planted.word


def contents() -> str:
    """A hash of every row of the tenant in scope but the trail's: equal while nothing has changed."""
    with connection.cursor() as cursor:
        found = []
        for model in sorted(tenant_models(), key=lambda each: each._meta.db_table):
            table = model._meta.db_table
            if table == "tenants_auditevent":
                continue
            cursor.execute(f"SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t.id), '')) FROM {table} AS t")  # noqa: S608
            found.append(f"{table}:{cursor.fetchone()[0]}")
    return "\n".join(found)
