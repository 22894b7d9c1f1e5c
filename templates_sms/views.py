"""Pages of templates."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import tablib
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from templates_sms import services
from templates_sms.forms import ImportForm, TemplateForm
from templates_sms.resources import NAME, TEXT, TemplateResource
from templates_sms.selectors import preview_text, visible_templates
from tenants.errors import Invalid, Refused
from tenants.middleware import actor_for
from tenants.models import Tenant
from tenants.pages import BOTH, GET, POST, page
from tenants.pagination import cursor_page
from tenants.permissions import Permission
from tenants.selectors import departments_of
from tenants.services import record
from tenants.spreadsheets import ENCODINGS, read_csv, write_csv

INVALID: Final = 422
LIST_SIZE: Final = 60
MOST_ROWS: Final = 1_000
# Offered beside the editor; any other header of a roster can be typed.
USUAL_PLACEHOLDERS: Final = ("氏名|様", "管理番号", "療養終了日|月日曜", "予約日|月日曜", "未納額|円", "納期限|和暦")


def tenant_of(request: HttpRequest) -> Tenant:
    tenant: Tenant = request.tenant  # type: ignore[attr-defined]  # set by ScopeMiddleware
    return tenant


@page(Permission.READ_TEMPLATES, methods=GET)
def templates(request: HttpRequest) -> HttpResponse:
    return _list(request, ImportForm())


def _list(request: HttpRequest, import_form: ImportForm) -> HttpResponse:
    actor = actor_for(request)
    cursor = request.GET.get("cursor")
    found = cursor_page(visible_templates(actor), order=["name"], cursor=cursor, size=LIST_SIZE)
    context = {
        "templates": found.results,
        "next_cursor": found.next,
        "may_edit": actor.may(Permission.EDIT_TEMPLATES),
        "import_form": import_form,
    }
    return render(request, "templates_sms/templates.html", context, status=INVALID if import_form.errors else 200)


@page(Permission.EDIT_TEMPLATES, methods=BOTH, once=True)
def template_new(request: HttpRequest) -> HttpResponse:
    actor = actor_for(request)
    form = TemplateForm(
        request.POST if request.method == "POST" else None,
        departments=departments_of(actor),
        everywhere=actor.department_ids is None,
    )
    if request.method == "POST" and "preview" not in request.POST and form.is_valid():
        values = {name: form.cleaned_data[name] for name in ("name", "kind", "text")}
        try:
            services.create_template(**values, department=form.chosen_department(), by=actor, now=timezone.now())
        except Refused as refused:
            _show_refusal(form, refused)
        else:
            messages.success(request, _("文面を保存しました。"))
            return redirect("templates")
    return _editor(request, form)


@page(Permission.READ_TEMPLATES, methods=BOTH)
def template(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The text with its preview; for those who may, with an editor."""
    actor = actor_for(request)
    found = get_object_or_404(visible_templates(actor), public_id=public_id)
    known = {"name": found.name, "kind": found.kind, "text": found.text}
    form = TemplateForm(request.POST if request.method == "POST" else None, initial=known)
    if request.method == "POST":
        actor.must(Permission.EDIT_TEMPLATES, department_id=found.department_id)
        if "preview" not in request.POST and form.is_valid():
            try:
                services.edit_template(template=found, **form.cleaned_data, by=actor, now=timezone.now())
            except Refused as refused:
                _show_refusal(form, refused)
            else:
                messages.success(request, _("文面を保存しました。"))
                return redirect("templates")
    return _editor(request, form, found)


def _show_refusal(form: TemplateForm, refused: Refused) -> None:
    field = next((name for name in refused.fields if name in form.fields), "text")
    form.add_error(field, str(refused.user_message))


def _editor(request: HttpRequest, form: TemplateForm, found: Any = None) -> HttpResponse:
    text = str(form["text"].value() or "").replace("\r\n", "\n")
    actor = actor_for(request)
    context = {
        "form": form,
        "template": found,
        "preview": preview_text(text, tenant=tenant_of(request)) if text else None,
        "placeholders": USUAL_PLACEHOLDERS,
        "may_edit": actor.may(Permission.EDIT_TEMPLATES, department_id=found.department_id if found else None),
    }
    is_refused = request.method == "POST" and "preview" not in request.POST
    return render(request, "templates_sms/template.html", context, status=INVALID if is_refused else 200)


@page(Permission.EDIT_TEMPLATES, methods=POST)
def template_preview(request: HttpRequest) -> HttpResponse:
    """The fragment beside the editor: the text for a sample person, with parts and cost."""
    text = request.POST.get("text", "").replace("\r\n", "\n")[: services.LONGEST_TEXT]
    preview = preview_text(text, tenant=tenant_of(request)) if text else None
    return render(request, "templates_sms/_preview.html", {"preview": preview})


@page(Permission.EDIT_TEMPLATES, methods=POST)
def template_archive(request: HttpRequest, public_id: UUID) -> HttpResponse:
    found = get_object_or_404(visible_templates(actor_for(request)), public_id=public_id)
    services.archive_template(template=found, by=actor_for(request), now=timezone.now())
    messages.success(request, _("「%(name)s」を片付けました。") % {"name": found.name})
    return redirect("templates")


@page(Permission.EDIT_TEMPLATES, methods=GET)
def templates_export(request: HttpRequest) -> HttpResponse:
    """The templates in use; ``?encoding=cp932`` for an old Excel."""
    actor = actor_for(request)
    encoding = request.GET.get("encoding", "utf-8")
    dataset = TemplateResource(department=None, by=actor, now=timezone.now()).export(visible_templates(actor))
    record(action="templates.exported", by=actor, now=timezone.now(), details={"rows": len(dataset)})
    content = write_csv([dataset.headers, *dataset], encoding=encoding if encoding in ENCODINGS else "utf-8")
    response = HttpResponse(content, content_type="text/csv")
    response["Content-Disposition"] = 'attachment; filename="templates.csv"'
    return response


@page(Permission.EDIT_TEMPLATES, methods=POST, once=True)
def templates_import(request: HttpRequest) -> HttpResponse:
    """Take every text of a file, or, where one is refused, none of them."""
    form = ImportForm(request.POST, request.FILES)
    if not form.is_valid():
        return _list(request, form)
    try:
        dataset = _dataset(form.cleaned_data["file"].read())
    except Refused as refused:
        form.add_error("file", str(refused.user_message))
        return _list(request, form)
    actor = actor_for(request)
    departments = departments_of(actor)
    department = departments[0] if actor.department_ids is not None and departments else None
    result = TemplateResource(department=department, by=actor, now=timezone.now()).import_data(
        dataset, use_transactions=True
    )
    if result.base_errors:
        raise result.base_errors[0].error
    if result.has_errors():
        for number, errors in result.row_errors()[:10]:
            reason = getattr(errors[0].error, "user_message", _("読み取れません。"))
            form.add_error(
                "file", _("%(row)s件目: %(reason)s 何も取り込んでいません。") % {"row": number, "reason": reason}
            )
        return _list(request, form)
    messages.success(request, _("%(count)s件の文面を取り込みました。") % {"count": result.totals["new"]})
    return redirect("templates")


def _dataset(data: bytes) -> tablib.Dataset:
    """Raises ``Invalid`` where a column is missing or there are too many rows."""
    header, *rows = read_csv(data)
    names = [name.strip() for name in header]
    if not {NAME, TEXT} <= set(names) or len(rows) > MOST_ROWS:
        raise Invalid(_("「名前」と「文面」の列が見つからないか、行が多すぎます。"))
    return tablib.Dataset(*[(row + [""] * len(names))[: len(names)] for row in rows], headers=names)
