"""The register of numbers that want no texts."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

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
from recipients.views.register_files import exported, import_file
from tenants.errors import Refused
from tenants.middleware import actor_for
from tenants.pages import BOTH, GET, POST, page
from tenants.pagination import cursor_page
from tenants.permissions import Permission
from tenants.viewing import record_listed

INVALID: Final = 422


@page(Permission.READ_REGISTERS, methods=BOTH)
@never_cache
def opt_outs(request: HttpRequest) -> HttpResponse:
    """The open entries; a number is searched by POST, so that no address carries it."""
    search = SearchForm(request.POST or None)
    if request.method == "POST" and search.is_valid():
        found = find_opt_outs(search.cleaned_data["phone"])
        record_listed(request, what="opt_outs", count=len(found))
        return render(request, "recipients/opt_outs.html", _context(request, found, "", search=search, searched=True))
    entries = OptOut.objects.filter(ended_at=None).select_related("created_by", "ended_by")
    opened = cursor_page(entries, order=["-created_at"], cursor=request.GET.get("cursor"))
    record_listed(request, what="opt_outs", count=len(opened.results))
    context = _context(request, opened.results, opened.next or "", search=search)
    return render(request, "recipients/opt_outs.html", context, status=INVALID if search.errors else 200)


def _import_form(*given: Any) -> ImportForm:
    return ImportForm(*given, columns=_("「電話番号」と「メモ」"), auto_id="import_%s")


def _context(
    request: HttpRequest, entries: list[OptOut], next_cursor: str, *, search: SearchForm, **more: Any
) -> dict[str, Any]:
    return {
        "entries": [{"entry": entry, "phone": national_format(entry.personal["phone"])} for entry in entries],
        "next_cursor": next_cursor,
        "search": search,
        "form": OptOutForm(),
        "import_form": _import_form(),
        "may_edit": actor_for(request).may(Permission.EDIT_REGISTERS),
        **more,
    }


def _again(request: HttpRequest, **forms: Any) -> HttpResponse:
    """The page with a form that was refused."""
    entries = cursor_page(
        OptOut.objects.filter(ended_at=None).select_related("created_by", "ended_by"),
        order=["-created_at"],
        cursor=None,
    )
    context = _context(request, entries.results, entries.next or "", search=SearchForm()) | forms
    return render(request, "recipients/opt_outs.html", context, status=INVALID)


@page(Permission.EDIT_REGISTERS, methods=POST, once=True)
def opt_out_add(request: HttpRequest) -> HttpResponse:
    form = OptOutForm(request.POST)
    if form.is_valid():
        try:
            services.add_opt_out(**form.cleaned_data, by=actor_for(request), now=timezone.now())
        except Refused as refused:
            form.add_error("phone", str(refused.user_message))
        else:
            messages.success(request, _("停止の台帳に加えました。これから送る人は、電話になります。"))
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
    entries = OptOut.objects.filter(ended_at=None).order_by("created_at", "pk")
    resource = OptOutResource(by=actor_for(request), now=timezone.now())
    return exported(request, resource, entries, action="opt_outs.exported", file_name="opt-outs.csv")


@page(Permission.EDIT_REGISTERS, methods=POST, once=True)
def opt_outs_import(request: HttpRequest) -> HttpResponse:
    """Add every number of a file, or, where one cannot be read, none of them."""
    form = _import_form(request.POST, request.FILES)
    if form.is_valid():
        resource = OptOutResource(by=actor_for(request), now=timezone.now())
        taken = import_file(form, resource, needs=(PHONE,))
        if taken is not None:
            sentence = _("%(added)s件を加えました（すでに台帳にあった番号: %(known)s件）。")
            messages.success(request, sentence % {"added": taken.added, "known": taken.known})
            return redirect("opt_outs")
    return _again(request, import_form=form)
