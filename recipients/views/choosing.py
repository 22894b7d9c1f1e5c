"""What people decide about a roster: who is not concerned, and one text for a family or one each."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from recipients import services
from recipients.forms import ExclusionsForm
from recipients.views.rosters import roster_or_404
from tenants.errors import Refused
from tenants.middleware import actor_for
from tenants.pages import POST, page
from tenants.permissions import Permission
from tenants.uploads import packed


@page(Permission.EDIT_ROSTERS, methods=POST, once=True)
def roster_exclusions(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Take a list of people who are not concerned, or with ``drop`` do without one again."""
    found, actor, now = roster_or_404(request, public_id), actor_for(request), timezone.now()
    form = ExclusionsForm(request.POST, request.FILES)
    try:
        if "drop" in request.POST:
            services.drop_exclusions(roster=found, by=actor, now=now)
        elif form.is_valid():
            file = form.cleaned_data["file"]
            given = services.ExclusionFile(data=packed(file), file_name=file.name or "")
            services.exclude_from_file(roster=found, file=given, by=actor, now=now)
        else:
            messages.error(request, _("除外する人の一覧のファイルを選んでください。"))
    except Refused as refused:
        messages.error(request, str(refused.user_message))
    return redirect("roster", public_id=public_id)


@page(Permission.EDIT_ROSTERS, methods=POST)
def roster_families(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """``one_text`` = 1: people who share a number get one text between them."""
    found = roster_or_404(request, public_id)
    try:
        services.choose_family_texts(
            roster=found, one_text=request.POST.get("one_text") == "1", by=actor_for(request), now=timezone.now()
        )
    except Refused as refused:
        messages.error(request, str(refused.user_message))
    return redirect("roster", public_id=public_id)
