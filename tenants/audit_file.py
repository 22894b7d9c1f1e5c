"""The audit trail as a file for a spreadsheet: what is found on the page, with a column for each question."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, Final

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants import keys
from tenants.actors import Actor
from tenants.audit_words import ACTIONS, about_of, details_of, kind_words, worded
from tenants.errors import Refused
from tenants.models import ApiKey, AuditEvent, AuditSubject, Department, User
from tenants.selectors import AuditSearch, audit_events
from tenants.services import record
from tenants.spreadsheets import write_csv

MOST_LINES: Final = 50_000
READ_AT_ONCE: Final = 2_000
WHOSE: Final = ("name", "phone", "external_id")
WHY: Final = ("view_reason", "reason", "override_reason")
TABLE: Final = AuditEvent._meta.db_table
COLUMNS: Final = ("at", "user_id", "api_key_id", "department_id", "action", "object_kind", "object_id", "sealed")


class TooManyLines(Refused):
    code = "too_many_lines"
    status = 422
    user_message = gettext_lazy("記録が多すぎて、一つのファイルにできません。期間を分けて書き出してください。")


def audit_trail_file(*, search: AuditSearch, by: Actor, now: datetime, encoding: str) -> bytes:
    """A CSV, oldest line first; that it was made is written down. Raises ``TooManyLines``."""
    events = audit_events(by=by, search=search)
    count = events.count()
    if count > MOST_LINES:
        raise TooManyLines
    content = write_csv(_rows(events.order_by("at", "id")), encoding=encoding)
    asked = {name: value for name, value in dataclasses.asdict(search).items() if value}
    record(action="audit.exported", by=by, now=now, kind="audit", details={"rows": count, **asked})
    return content


def _rows(events: QuerySet[AuditEvent]) -> Iterator[list[str]]:
    yield [
        _("日時"),
        _("利用者"),
        _("メールアドレス"),
        _("APIキー"),
        _("部署"),
        _("操作"),
        _("操作の符号"),
        _("対象の種類"),
        _("対象の番号"),
        _("だれの"),
        _("理由"),
        _("内容"),
    ]
    people = {pk: (name, email) for pk, name, email in User.objects.values_list("pk", "name", "email")}
    names = _Names(
        people=people,
        keys=dict(ApiKey.objects.values_list("pk", "name")),
        departments=dict(Department.objects.values_list("pk", "name")),
    )
    ring, lines = keys.ring(), events.values_list("pk", *COLUMNS).iterator(chunk_size=READ_AT_ONCE)
    while chunk := list(islice(lines, READ_AT_ONCE)):
        about = _subjects_of([pk for pk, *_ in chunk])
        for pk, *line in chunk:
            details = ring.open_fields(TABLE, line[-1]) if line[-1] else {}
            yield _row(tuple(line), details | about_of(about.get(pk, ())), names)


def _subjects_of(events: list[int]) -> dict[int, list[AuditSubject]]:
    found: dict[int, list[AuditSubject]] = defaultdict(list)
    for subject in AuditSubject.objects.filter(event_id__in=events).order_by("pk"):
        found[subject.event_id].append(subject)
    return found


@dataclasses.dataclass(frozen=True, slots=True)
class _Names:
    people: Mapping[int, tuple[str, str]]
    keys: Mapping[int, str]
    departments: Mapping[int, str]


def _row(line: tuple[Any, ...], details: Mapping[str, Any], names: _Names) -> list[str]:
    at, user_id, key_id, department_id, action, kind, object_id, _sealed = line
    name, email = names.people.get(user_id, (_("システム") if user_id is None else "", ""))
    return [
        timezone.localtime(at).strftime("%Y-%m-%d %H:%M:%S"),
        name,
        email,
        names.keys.get(key_id, ""),
        names.departments.get(department_id, ""),
        str(ACTIONS.get(action, action)),
        action,
        kind_words(kind),
        object_id,
        " / ".join(worded(name, details[name]) for name in WHOSE if details.get(name)),
        " / ".join(worded(name, details[name]) for name in WHY if details.get(name)),
        "\n".join(f"{word}: {value}" for word, value in details_of(details)),
    ]
