"""Steps 1 and 2 of the main way: a roster is read in, and looked through (UI.md)."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from recipients import services
from recipients.forms import ExclusionsForm, MappingForm, MendedFileForm, UploadForm
from recipients.models import Recipient, Roster, RosterState, Route
from recipients.selectors import roster_page, rules_page
from recipients.selectors.rosters import rows_of, rules_when_read, visible_rosters
from recipients.sentences import failure_sentence, too_large_sentence
from tenants.errors import Invalid, Refused
from tenants.middleware import actor_for
from tenants.pages import BOTH, GET, POST, page
from tenants.pagination import cursor_page
from tenants.permissions import Permission
from tenants.selectors import departments_of
from tenants.uploads import is_too_large, packed
from tenants.viewing import record_listed

INVALID: Final = 422
LIST_SIZE: Final = 30
SHORTEST_DELAY_S: Final = 1
LONGEST_DELAY_S: Final = 10
SAMPLE: Final = (
    "管理番号,氏名,フリガナ,生年月日,電話番号,SMS同意,療養終了日\r\n"
    "A-0001,港　花子,ミナト ハナコ,1990/1/2,090-1234-5678,有,2022/8/20\r\n"
    "A-0002,港　太郎,ミナト タロウ,昭和35年12月6日,03-1234-5678,無,2022/8/21\r\n"
)
ROUTES: Final = {route.word: route for route in Route}


def roster_or_404(request: HttpRequest, public_id: UUID) -> Roster:
    return get_object_or_404(visible_rosters(actor_for(request)), public_id=public_id)


@page(Permission.READ_ROSTERS, methods=GET)
def roster_list(request: HttpRequest) -> HttpResponse:
    found = cursor_page(
        visible_rosters(actor_for(request)),
        order=["-created_at"],
        cursor=request.GET.get("cursor"),
        size=LIST_SIZE,
    )
    context = {
        "rosters": found.results,
        "next_cursor": found.next,
        "may_upload": actor_for(request).may(Permission.EDIT_ROSTERS),
        "may_read_registers": actor_for(request).may(Permission.READ_REGISTERS),
    }
    return render(request, "recipients/rosters.html", context)


@page(Permission.EDIT_ROSTERS, methods=BOTH, once=True)
def roster_new(request: HttpRequest) -> HttpResponse:
    actor = actor_for(request)
    given = (request.POST, request.FILES) if request.method == "POST" else ()
    form = UploadForm(
        *given,
        departments=departments_of(actor),
        everywhere=actor.department_ids is None,
    )
    if request.method == "POST" and is_too_large(request):
        form.errors.pop("file", None)  # "no file" would be the wrong sentence
        form.add_error("file", too_large_sentence(int(request.META["CONTENT_LENGTH"])))
    elif request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        roster = services.upload_roster(
            data=packed(file),
            file_name=file.name or "",
            name=form.cleaned_data["name"],
            department=form.chosen_department(),
            by=actor,
            now=timezone.now(),
        )
        return redirect("roster", public_id=roster.public_id)
    latest = visible_rosters(actor).exclude(state=RosterState.FAILED).first()
    context = {"form": form, "latest": latest}
    return render(request, "recipients/roster_new.html", context, status=INVALID if form.errors else 200)


@page(Permission.EDIT_ROSTERS, methods=GET)
def roster_sample(request: HttpRequest) -> HttpResponse:
    """A small roster to begin with, as Excel opens it."""
    response = HttpResponse(SAMPLE.encode("utf-8-sig"), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="roster-sample.csv"'
    return response


@page(Permission.READ_ROSTERS, methods=GET)
@never_cache
def roster(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """While it is read: how far. Then: who gets a text, who is phoned, what has to be mended."""
    found = roster_or_404(request, public_id)
    if found.state == RosterState.READING:
        return render(request, "recipients/roster_reading.html", _progress(found, delay_s=SHORTEST_DELAY_S))
    return render(request, "recipients/roster.html", _context(request, found))


@page(Permission.READ_ROSTERS, methods=GET)
@never_cache
def roster_progress(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The fragment that polls: slower and slower, at once to the finished page."""
    found = roster_or_404(request, public_id)
    if found.state != RosterState.READING:
        return HttpResponse(headers={"HX-Redirect": reverse("roster", args=[public_id])})
    before = request.GET.get("delay", "")
    delay = int(before) if before.isdecimal() and len(before) < 3 else SHORTEST_DELAY_S
    return render(request, "recipients/_reading.html", _progress(found, delay_s=min(delay + 1, LONGEST_DELAY_S)))


def _progress(found: Roster, *, delay_s: int) -> dict[str, Any]:
    passed_s = (timezone.now() - found.begun_at).total_seconds() if found.begun_at else 0
    return {
        "roster": found,
        "delay_s": delay_s,
        "delay_text": str(delay_s),
        "is_waiting": roster_page.is_waiting(found),
        "is_finishing": 0 < found.rows <= found.rows_read,
        "rows_per_s": int(found.rows_read / passed_s) if found.rows_read and passed_s > 0 else 0,
    }


def _context(request: HttpRequest, found: Roster, *, mapping_form: MappingForm | None = None) -> dict[str, Any]:
    actor = actor_for(request)
    header, failure = found.personal.get("header", []), found.personal.get("failure")
    may_edit = actor.may(Permission.EDIT_ROSTERS, department_id=found.department_id)
    problems = roster_page.problems_of(found, actor)
    if header and may_edit and mapping_form is None and not found.frozen_at:
        mapping_form = MappingForm(
            header=header, mapping=found.mapping, first_rows=found.personal.get("first_rows", ())
        )
    return {
        "roster": found,
        "file_name": found.personal.get("file_name", ""),
        "failure": failure_sentence(failure["code"], failure["params"]) if failure else "",
        "tiles": roster_page.tiles_of(found),
        "asked": [problem for problem in problems if problem.is_open],
        "told": [problem for problem in problems if not problem.is_open],
        "notices": roster_page.notices_of(found),
        "hazards": roster_page.hazards_of(found),
        "disease_columns": found.personal.get("disease_columns", {}),
        "rules": rules_page.rule_lines(found),
        "has_own_rules": getattr(rules_when_read(found), "has_own_rules", False),
        "exclusions": found.exclusions.select_related("created_by").first(),
        "exclusions_form": ExclusionsForm() if may_edit and found.is_editable else None,
        "may_choose": may_edit and found.is_editable,
        "may_set_rules": actor.may(Permission.SETTINGS),
        "columns": roster_page.columns_of(found),
        "columns_source": found.personal.get("mapping_source", ""),
        "first_rows": found.personal.get("first_rows", []),
        "mapping_form": mapping_form,
        "may_edit": may_edit,
        "is_open": any(problem.is_open for problem in problems),
        "may_send": actor.may(Permission.EDIT_CAMPAIGNS, department_id=found.department_id),
    }


@page(Permission.EDIT_ROSTERS, methods=POST)
def roster_mapping(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Read the file again with the columns that were chosen."""
    found = roster_or_404(request, public_id)
    form = MappingForm(
        request.POST,
        header=found.personal.get("header", []),
        mapping=found.mapping,
        first_rows=found.personal.get("first_rows", ()),
    )
    if form.is_valid():
        try:
            services.change_mapping(roster=found, mapping=form.chosen(), by=actor_for(request), now=timezone.now())
        except Invalid as refused:
            form.add_error("phone", str(refused.user_message))
        except Refused as refused:
            messages.error(request, str(refused.user_message))
            return redirect("roster", public_id=public_id)
        else:
            return redirect("roster", public_id=public_id)
    return render(request, "recipients/roster.html", _context(request, found, mapping_form=form), status=INVALID)


@page(Permission.EDIT_ROSTERS, methods=POST)
def roster_confirm(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Answer one problem or several (``codes``)."""
    found = roster_or_404(request, public_id)
    try:
        services.confirm_problems(
            roster=found, codes=request.POST.getlist("codes"), by=actor_for(request), now=timezone.now()
        )
    except Refused as refused:
        messages.error(request, str(refused.user_message))
    else:
        messages.success(request, _("確認を記録しました。"))
    return redirect("roster", public_id=public_id)


@page(Permission.READ_ROSTERS, methods=GET)
@never_cache
def roster_rows(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The rows of a route, or of one reason; those to be mended with the broken cell as an input."""
    found = roster_or_404(request, public_id)
    if not found.is_ready:
        return redirect("roster", public_id=public_id)
    route = ROUTES.get(request.GET.get("route", ""))
    reason = request.GET.get("reason", "")
    rows = cursor_page(rows_of(found, route=route, reason=reason), order=["row"], cursor=request.GET.get("cursor"))
    record_listed(
        request,
        what="roster",
        count=len(rows.results),
        object_id=str(found.public_id),
        department_id=found.department_id,
    )
    context = {
        "roster": found,
        **_counts(found, route=route, reason=reason),
        "route": route.word if route else "",
        "rows": [roster_page.shown_row(found, row) for row in rows.results],
        "next_cursor": rows.next,
        "may_mend": _may_mend(request, found),
        "file_form": MendedFileForm() if route == Route.ERROR and _may_mend(request, found) else None,
    }
    return render(request, "recipients/roster_rows.html", context)


def _counts(found: Roster, *, route: Route | None, reason: str) -> dict[str, Any]:
    """The equation and the reasons of its current term, for the page and for what a mended row changes of it."""
    tiles = roster_page.tiles_of(found, route=route, reason=reason)
    return {
        "tiles": tiles,
        "reasons": next((tile.reasons for tile in tiles if tile.is_current), ()),
        "all_url": roster_page.rows_url(found, route) if route else "",
        "reason": reason,
    }


def _may_mend(request: HttpRequest, found: Roster) -> bool:
    return found.is_editable and actor_for(request).may(Permission.EDIT_ROSTERS, department_id=found.department_id)


def _shown_reason(request: HttpRequest) -> str:
    """The reason by which the page that asks has its rows filtered."""
    address = request.htmx.current_url or ""  # type: ignore[attr-defined]  # django_htmx's middleware
    return QueryDict(urlsplit(address).query).get("reason", "")


@page(Permission.EDIT_ROSTERS, methods=POST)
def roster_row(request: HttpRequest, public_id: UUID, row: int) -> HttpResponse:
    """Mend one cell or several; the answer is the row as it stands then."""
    found = roster_or_404(request, public_id)
    fields = dict(zip(request.POST.getlist("column"), request.POST.getlist("value"), strict=False))
    if not fields or "" in fields or row > 2**31 - 1:
        raise Http404
    refusal = ""
    try:
        services.mend_row(roster=found, row=row, fields=fields, by=actor_for(request), now=timezone.now())
    except Recipient.DoesNotExist as exc:
        raise Http404 from exc
    except Refused as refused:
        refusal = str(refused.user_message)
    found = roster_or_404(request, public_id)
    recipient = get_object_or_404(Recipient.objects, roster=found, row=row)
    if request.htmx:  # type: ignore[attr-defined]  # django_htmx's middleware
        context = {
            "roster": found,
            "row": roster_page.shown_row(found, recipient),
            **_counts(found, route=Route.ERROR, reason=_shown_reason(request)),
            "refusal": refusal,
            "may_mend": _may_mend(request, found),
            "was_mended": not refusal and recipient.route != Route.ERROR,
        }
        return render(request, "recipients/_mended.html", context)
    number = found.sheet_rows.of(row)
    if refusal:
        messages.error(request, refusal)
    elif recipient.route == Route.ERROR:
        messages.warning(request, _("%(row)s行目は、まだ直っていません。") % {"row": number})
    else:
        messages.success(request, _("%(row)s行目を直しました。") % {"row": number})
    return redirect(roster_page.rows_url(found, Route.ERROR))
