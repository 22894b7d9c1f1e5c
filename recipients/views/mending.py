"""Rows to be mended go out as a file and come back."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from recipients import services
from recipients.forms import MendedFileForm
from recipients.models import Route
from recipients.selectors.roster_page import rows_url
from recipients.sentences import sentence_of_file
from recipients.services.mending_files import MendedFileRefused, error_table
from recipients.views.rosters import roster_or_404
from tenants.errors import Refused
from tenants.middleware import actor_for
from tenants.pages import GET, POST, page
from tenants.permissions import Permission
from tenants.services import record
from tenants.spreadsheets import write_csv
from tenants.uploads import packed


@page(Permission.EDIT_ROSTERS, methods=GET)
def errors_export(request: HttpRequest, public_id: UUID) -> HttpResponse:
    found = roster_or_404(request, public_id)
    if not found.is_ready:
        return redirect("roster", public_id=public_id)
    content = write_csv(error_table(found))
    record(
        action="roster.errors_exported",
        by=actor_for(request),
        now=timezone.now(),
        kind="roster",
        object_id=str(public_id),
        department_id=found.department_id,
        details={"rows": found.error},
    )
    response = HttpResponse(content, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="roster-errors.csv"'
    return response


@page(Permission.EDIT_ROSTERS, methods=POST, once=True)
def mended_file(request: HttpRequest, public_id: UUID) -> HttpResponse:
    found = roster_or_404(request, public_id)
    form = MendedFileForm(request.POST, request.FILES)
    if not form.is_valid():
        messages.error(request, _("直した行のファイルを選んでください。"))
        return redirect(rows_url(found, Route.ERROR))
    try:
        file = form.cleaned_data["file"]
        result = services.mend_from_file(roster=found, data=packed(file), by=actor_for(request), now=timezone.now())
    except MendedFileRefused as refused:
        messages.error(request, sentence_of_file(file.name, str(refused.user_message)))
        return redirect(rows_url(found, Route.ERROR))
    except Refused as refused:
        messages.error(request, str(refused.user_message))
        return redirect(rows_url(found, Route.ERROR))
    sentence = _("%(mended)s行を直しました。まだ直っていない行は%(wrong)s行、変わりのない行は%(unchanged)s行です。")
    counts = {"mended": result.mended, "wrong": result.wrong, "unchanged": result.unchanged}
    messages.success(request, sentence % counts)
    return redirect(
        rows_url(found, Route.ERROR) if result.wrong or result.unchanged else reverse("roster", args=[public_id])
    )
