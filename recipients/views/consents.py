"""The register of people's consents: who, when, how and for what, with its history."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from recipients import services
from recipients.forms import ConsentForm, ConsentSearchForm, ImportForm
from recipients.models import Consent
from recipients.phone_numbers import national_format
from recipients.resources import GIVEN, PHONE, ConsentResource
from recipients.selectors.registers import find_consents, visible_consents
from recipients.views.register_files import exported, import_file
from tenants.errors import Invalid
from tenants.middleware import actor_for
from tenants.pages import BOTH, GET, POST, page
from tenants.pagination import cursor_page
from tenants.permissions import Permission
from tenants.selectors import departments_of
from tenants.viewing import record_listed

INVALID: Final = 422
MOST_FOUND: Final = 200


@page(Permission.READ_REGISTERS, methods=BOTH)
@never_cache
def consents(request: HttpRequest) -> HttpResponse:
    """Every entry, newest first; a person is searched by POST, so that no address carries a number."""
    search = ConsentSearchForm(request.POST or None)
    if request.method == "POST" and search.is_valid():
        found = list(find_consents(search.cleaned_data["person"], by=actor_for(request))[:MOST_FOUND])
        record_listed(request, what="consents", count=len(found))
        return render(request, "recipients/consents.html", _context(request, found, "", search=search, searched=True))
    entries, next_cursor = _newest(request, request.GET.get("cursor"))
    record_listed(request, what="consents", count=len(entries))
    context = _context(request, entries, next_cursor, search=search)
    return render(request, "recipients/consents.html", context, status=INVALID if search.errors else 200)


def _newest(request: HttpRequest, cursor: str | None = None) -> tuple[list[Consent], str]:
    opened = cursor_page(visible_consents(actor_for(request)), order=["-created_at"], cursor=cursor)
    return opened.results, opened.next or ""


def _context(
    request: HttpRequest, entries: Iterable[Consent], next_cursor: str, *, search: ConsentSearchForm, **more: Any
) -> dict[str, Any]:
    return {
        "entries": [{"entry": entry, "phone": national_format(entry.personal["phone"])} for entry in entries],
        "next_cursor": next_cursor,
        "search": search,
        "form": _form(request),
        "import_form": _import_form(),
        "may_edit": actor_for(request).may(Permission.EDIT_REGISTERS),
        **more,
    }


def _form(request: HttpRequest, *given: Any) -> ConsentForm:
    return ConsentForm(*given, departments=departments_of(actor_for(request)))


def _import_form(*given: Any) -> ImportForm:
    columns = _(
        "「電話番号」「同意」と、あれば「管理番号」「氏名」「同意・取り消しの日」「方法」「目的」「部署」「メモ」"
    )
    return ImportForm(*given, columns=columns, auto_id="import_%s")


def _again(request: HttpRequest, **forms: Any) -> HttpResponse:
    """The page with a form that was refused."""
    context = _context(request, *_newest(request), search=ConsentSearchForm()) | forms
    return render(request, "recipients/consents.html", context, status=INVALID)


@page(Permission.EDIT_REGISTERS, methods=POST, once=True)
def consent_add(request: HttpRequest) -> HttpResponse:
    form = _form(request, request.POST)
    if form.is_valid():
        try:
            services.record_consent(**form.cleaned_data, by=actor_for(request), now=timezone.now())
        except Invalid as refused:
            for field in refused.fields:
                form.add_error(field if field in form.fields else None, str(refused.user_message))
        else:
            messages.success(request, _("同意の台帳に加えました。これから読み込む名簿に効きます。"))
            return redirect("consents")
    return _again(request, form=form)


@page(Permission.EDIT_REGISTERS, methods=GET)
def consents_export(request: HttpRequest) -> HttpResponse:
    """The whole history; ``?encoding=cp932`` for an old Excel."""
    entries = visible_consents(actor_for(request)).order_by("created_at", "pk")
    resource = ConsentResource(by=actor_for(request), now=timezone.now())
    return exported(request, resource, entries, action="consents.exported", file_name="consents.csv")


@page(Permission.EDIT_REGISTERS, methods=POST, once=True)
def consents_import(request: HttpRequest) -> HttpResponse:
    """Add every line of a file, or, where one cannot be read, none of them."""
    form = _import_form(request.POST, request.FILES)
    if form.is_valid():
        resource = ConsentResource(by=actor_for(request), now=timezone.now())
        taken = import_file(form, resource, needs=(PHONE, GIVEN))
        if taken is not None:
            sentence = _("%(added)s件を加えました（台帳と同じだった行: %(known)s件）。")
            messages.success(request, sentence % {"added": taken.added, "known": taken.known})
            return redirect("consents")
    return _again(request, import_form=form)
