"""Registers out as CSV and in again, by django-import-export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import tablib
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from recipients.forms import ImportForm
from tenants.errors import Refused
from tenants.middleware import actor_for
from tenants.services import record
from tenants.spreadsheets import ENCODINGS, read_csv, write_csv

MOST_ROWS: Final = 20_000
MOST_ERRORS_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Taken:
    """Entries that a file added, and those that were there already."""

    added: int
    known: int


def exported(
    request: HttpRequest, resource: Any, entries: QuerySet[Any], *, action: str, file_name: str
) -> HttpResponse:
    """The entries as CSV, UTF-8 or (``?encoding=cp932``) for an old Excel; who took them out is written down."""
    encoding = request.GET.get("encoding", "utf-8")
    dataset = resource.export(entries)
    record(action=action, by=actor_for(request), now=timezone.now(), details={"rows": len(dataset)})
    content = write_csv([dataset.headers, *dataset], encoding=encoding if encoding in ENCODINGS else "utf-8")
    response = HttpResponse(content, content_type="text/csv")
    response["Content-Disposition"] = f'attachment; filename="{file_name}"'
    return response


def import_file(form: ImportForm, resource: Any, *, needs: Sequence[str]) -> Taken | None:
    """Take every line of the form's file, or none and say at the form which lines are wrong."""
    try:
        header, *rows = read_csv(form.cleaned_data["file"].read())
    except Refused as refused:
        form.add_error("file", str(refused.user_message))
        return None
    dataset = _dataset(header, rows, needs=needs)
    if dataset is None:
        form.add_error(
            "file", _("「%(column)s」の列が見つからないか、行が多すぎます。") % {"column": _("」「").join(needs)}
        )
        return None
    result = resource.import_data(dataset, use_transactions=True)
    if result.base_errors:
        raise result.base_errors[0].error
    if result.has_errors():
        for sentence in _sentences(result):
            form.add_error("file", sentence)
        return None
    return Taken(added=result.totals["new"], known=result.totals["skip"])


def _dataset(header: list[str], rows: list[list[str]], *, needs: Sequence[str]) -> tablib.Dataset | None:
    """None where a column that is needed is missing, or where there are too many rows."""
    names = [name.strip() for name in header]
    if not set(needs) <= set(names) or len(rows) > MOST_ROWS:
        return None
    width = len(names)
    return tablib.Dataset(*[(row + [""] * width)[:width] for row in rows], headers=names)


def _sentences(result: Any) -> list[str]:
    """Which rows could not be taken, and why."""
    sentences = []
    for number, errors in result.row_errors()[:MOST_ERRORS_SHOWN]:
        reason = getattr(errors[0].error, "user_message", _("読み取れません。"))
        sentences.append(_("%(row)s件目: %(reason)s 何も取り込んでいません。") % {"row": number, "reason": reason})
    return sentences
