"""The register of numbers that want no texts."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import tablib
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from recipients import services
from recipients.forms import ImportForm, OptOutForm, SearchForm
from recipients.models import OptOut
from recipients.phone_numbers import national_format
from recipients.resources import PHONE, OptOutResource
from recipients.selectors.registers import find_opt_outs
from tenants.errors import Refused
from tenants.middleware import actor_for
from tenants.pages import BOTH, GET, POST, page
from tenants.pagination import cursor_page
from tenants.permissions import Permission
from tenants.services import record
from tenants.spreadsheets import ENCODINGS, read_csv, write_csv
from tenants.viewing import record_listed

INVALID: Final = 422
MOST_ROWS: Final = 20_000
MOST_ERRORS_SHOWN: Final = 10


@page(Permission.READ_REGISTERS, methods=BOTH)
@never_cache
def opt_outs(request: HttpRequest) -> HttpResponse:
    """The open entries; a number is searched by POST, so that no address carries it."""
    search = SearchForm(request.POST or None)
    if request.method == "POST" and search.is_valid():
        found = find_opt_outs(search.cleaned_data["phone"])
        record_listed(request, what="opt_outs", count=len(found))
        return render(request, "recipients/opt_outs.html", _context(request, found, "", search=search, searched=True))
    entries = OptOut.objects.filter(ended_at=None).select_related("created_by")
    opened = cursor_page(entries, order=["-created_at"], cursor=request.GET.get("cursor"))
    record_listed(request, what="opt_outs", count=len(opened.results))
    context = _context(request, opened.results, opened.next or "", search=search)
    return render(request, "recipients/opt_outs.html", context, status=INVALID if search.errors else 200)


def _context(
    request: HttpRequest, entries: list[OptOut], next_cursor: str, *, search: SearchForm, **more: Any
) -> dict[str, Any]:
    return {
        "entries": [{"entry": entry, "phone": national_format(entry.personal["phone"])} for entry in entries],
        "next_cursor": next_cursor,
        "search": search,
        "form": OptOutForm(),
        "import_form": ImportForm(auto_id="import_%s"),
        "may_edit": actor_for(request).may(Permission.EDIT_REGISTERS),
        **more,
    }


def _again(request: HttpRequest, **forms: Any) -> HttpResponse:
    """The page with a form that was refused."""
    entries = cursor_page(OptOut.objects.filter(ended_at=None), order=["-created_at"], cursor=None)
    context = _context(request, entries.results, entries.next or "", search=SearchForm()) | forms
    return render(request, "recipients/opt_outs.html", context, status=INVALID)


@page(Permission.EDIT_REGISTERS, methods=POST)
def opt_out_add(request: HttpRequest) -> HttpResponse:
    form = OptOutForm(request.POST)
    if form.is_valid():
        try:
            services.add_opt_out(**form.cleaned_data, by=actor_for(request), now=timezone.now())
        except Refused as refused:
            form.add_error("phone", str(refused.user_message))
        else:
            messages.success(request, _("停止の台帳に加えました。次に読み込む名簿から、電話になります。"))
            return redirect("opt_outs")
    return _again(request, form=form)


@page(Permission.EDIT_REGISTERS, methods=POST)
def opt_out_end(request: HttpRequest, public_id: UUID) -> HttpResponse:
    entry = get_object_or_404(OptOut.objects, public_id=public_id)
    services.end_opt_out(entry=entry, by=actor_for(request), now=timezone.now())
    messages.success(request, _("停止を終わりにしました。次に読み込む名簿から、SMSを送れます。"))
    return redirect("opt_outs")


@page(Permission.EDIT_REGISTERS, methods=GET)
def opt_outs_export(request: HttpRequest) -> HttpResponse:
    """All open entries; ``?encoding=cp932`` for an old Excel."""
    encoding = request.GET.get("encoding", "utf-8")
    entries = OptOut.objects.filter(ended_at=None).order_by("created_at", "pk")
    dataset = OptOutResource(by=actor_for(request), now=timezone.now()).export(entries)
    record(action="opt_outs.exported", by=actor_for(request), now=timezone.now(), details={"rows": len(dataset)})
    content = write_csv([dataset.headers, *dataset], encoding=encoding if encoding in ENCODINGS else "utf-8")
    response = HttpResponse(content, content_type="text/csv")
    response["Content-Disposition"] = 'attachment; filename="opt-outs.csv"'
    return response


@page(Permission.EDIT_REGISTERS, methods=POST)
def opt_outs_import(request: HttpRequest) -> HttpResponse:
    """Add every number of a file, or, where one cannot be read, none of them."""
    form = ImportForm(request.POST, request.FILES, auto_id="import_%s")
    if not form.is_valid():
        return _again(request, import_form=form)
    try:
        header, *rows = read_csv(form.cleaned_data["file"].read())
        dataset = _dataset(header, rows)
    except Refused as refused:
        form.add_error("file", str(refused.user_message))
        return _again(request, import_form=form)
    if dataset is None:
        form.add_error("file", _("「%(column)s」の列が見つからないか、行が多すぎます。") % {"column": PHONE})
        return _again(request, import_form=form)
    resource = OptOutResource(by=actor_for(request), now=timezone.now())
    result = resource.import_data(dataset, use_transactions=True)
    if result.base_errors:
        raise result.base_errors[0].error
    if result.has_errors():
        for sentence in _sentences(result):
            form.add_error("file", sentence)
        return _again(request, import_form=form)
    added = result.totals["new"]
    messages.success(
        request,
        _("%(added)s件を加えました（すでに台帳にあった番号: %(known)s件）。")
        % {"added": added, "known": result.totals["skip"]},
    )
    return redirect("opt_outs")


def _dataset(header: list[str], rows: list[list[str]]) -> tablib.Dataset | None:
    """None where the column of numbers is missing, or where there are too many rows."""
    names = [name.strip() for name in header]
    if PHONE not in names or len(rows) > MOST_ROWS:
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
