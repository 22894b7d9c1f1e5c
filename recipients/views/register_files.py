"""Registers out as CSV and in again, by django-import-export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import tablib
from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from recipients.forms import ImportForm
from recipients.reading import FileProblem, Limits, open_table
from recipients.sentences import failure_sentence, sentence_of_file
from tenants.errors import Invalid
from tenants.middleware import actor_for
from tenants.packing import Packed
from tenants.services import record
from tenants.spreadsheets import ENCODINGS, plain_cell, write_csv
from tenants.uploads import packed

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
    """Take every line of the form's file, or none and say at the form which cells are wrong."""
    file = form.cleaned_data["file"]
    try:
        dataset = _dataset(packed(file), needs=needs)
    except FileProblem as problem:
        form.add_error("file", sentence_of_file(file.name, failure_sentence(problem.code, problem.params)))
        return None
    except Invalid as refused:
        form.add_error("file", sentence_of_file(file.name, str(refused.user_message)))
        return None
    result = resource.import_data(dataset, use_transactions=True)
    if result.base_errors:
        raise result.base_errors[0].error
    if result.has_errors():
        form.add_error("file", sentence_of_file(file.name, _("何も取り込んでいません。次の欄を直してください。")))
        for sentence in _sentences(result, resource):
            form.add_error("file", sentence)
        return None
    return Taken(added=result.totals["new"], known=result.totals["skip"])


def _dataset(data: Packed, *, needs: Sequence[str]) -> tablib.Dataset:
    """Raises ``FileProblem``, and ``Invalid`` where a column that is needed is missing."""
    table = open_table(data, limits=Limits(max_bytes=settings.ROSTER_MAX_BYTES, max_rows=MOST_ROWS))
    missing = [name for name in needs if name not in table.header]
    if missing:
        sentence = _("%(line)s行目の見出しに「%(column)s」の列が見つかりません。列を加えるか、見出しを直してください。")
        raise Invalid(sentence % {"line": table.header_line, "column": _("」「").join(missing)})
    width = len(table.header)
    rows = ([plain_cell(cell) for cell in cells[:width]] for _row, cells in table.rows())
    return tablib.Dataset(*rows, headers=list(table.header))


def _sentences(result: Any, resource: Any) -> list[str]:
    """Which cells could not be taken, and why."""
    sentences = []
    for number, errors in result.row_errors()[:MOST_ERRORS_SHOWN]:
        error = errors[0].error
        reason = getattr(error, "user_message", _("読み取れません。書き方を確かめてください。"))
        column = next((resource.columns[name] for name in getattr(error, "fields", {}) if name in resource.columns), "")
        place = (
            _("%(row)s件目の「%(column)s」の欄") % {"row": number, "column": column}
            if column
            else _("%(row)s件目") % {"row": number}
        )
        sentences.append(_("%(place)s: %(reason)s") % {"place": place, "reason": reason})
    return sentences
