"""記録をさがす: people, one person, one message. Every view is written down."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from dispatch import evidence
from dispatch.models import Message
from dispatch.services.viewing import record_message_viewed
from recipients.phone_numbers import national_format
from reports.forms import PeopleAndReasonForm, PeopleForm
from reports.person_addresses import NoSuchPerson, person_at
from reports.selectors.people import MOST_PEOPLE, Person, dossier_of, find_people, looks_at
from reports.sentences import reason_words, sentence_of_left_out, sentences_of, sentences_of_call
from reports.services import record_person_viewed, record_search
from tenants.audit_words import described
from tenants.middleware import actor_for
from tenants.pages import BOTH, GET, page
from tenants.pagination import cursor_page
from tenants.permissions import Permission
from tenants.viewing import FIELD, asks_reason, demand_reason, reason_of, remember_reason


@sensitive_post_parameters()
@page(Permission.READ_EVIDENCE, methods=BOTH)
@never_cache
def people(request: HttpRequest) -> HttpResponse:
    """Search by number, name, kana or id in any writing. What was typed stands in no address; one person is shown at once."""
    form = (PeopleAndReasonForm if asks_reason(request) else PeopleForm)(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return render(request, "reports/people.html", {"form": form}, status=422 if form.errors else 200)
    actor, reason = actor_for(request), form.cleaned_data.get(FIELD, "")
    if reason:
        remember_reason(request, reason)
    found = find_people(form.cleaned_data["query"], by=actor)
    record_search(by=actor, found=len(found), now=timezone.now(), reason=reason)
    if len(found) == 1:
        return redirect("person", found[0].key.address)
    context = {"form": form, "people": [_row(person) for person in found], "is_cut": len(found) >= MOST_PEOPLE}
    return render(request, "reports/people.html", context)


def _row(person: Person) -> dict[str, object]:
    return {
        "person": person,
        "name": person.name or _("（氏名の記録なし）"),
        "phones": [national_format(phone) for phone in person.phones],
    }


@page(Permission.READ_EVIDENCE, methods=BOTH)
@never_cache
def person(request: HttpRequest, address: str) -> HttpResponse:
    """Everything about one person, as a time line to be read aloud. A POST says why, where the office asks."""
    actor = actor_for(request)
    if (asked := demand_reason(request)) is not None:
        return asked
    try:
        dossier = dossier_of(person_at(address), by=actor)
    except NoSuchPerson as exc:
        raise Http404 from exc
    record_person_viewed(person=dossier.person, by=actor, now=timezone.now(), reason=reason_of(request))
    context = {
        "view_reason": reason_of(request),
        "may_audit": actor.may(Permission.READ_AUDIT),
        "who": _row(dossier.person),
        "address": address,
        "may_erase": actor.may(Permission.SETTINGS) and actor.department_ids is None,
        "sent": [{"one": sent.shown, "sentences": sentences_of(sent.events)} for sent in dossier.sent],
        "phoned": [{"call": phoned.call, "sentences": sentences_of_call(phoned)} for phoned in dossier.phoned],
        "left_out": [{"one": one, "sentences": [sentence_of_left_out(one)]} for one in dossier.left_out],
    }
    return render(request, "reports/person.html", context)


@page(Permission.READ_AUDIT, methods=GET)
@never_cache
def person_viewers(request: HttpRequest, address: str) -> HttpResponse:
    """Who opened this person's records, newest first: for whoever asks who has looked at them."""
    actor = actor_for(request)
    try:
        dossier = dossier_of(person_at(address), by=actor)
    except NoSuchPerson as exc:
        raise Http404 from exc
    looks = cursor_page(looks_at(dossier, by=actor), order=["-at"], cursor=request.GET.get("cursor"))
    context = {
        "who": _row(dossier.person),
        "address": address,
        "lines": [described(event) for event in looks.results],
        "next_cursor": looks.next,
    }
    return render(request, "reports/person_viewers.html", context)


@page(Permission.READ_EVIDENCE, methods=BOTH)
@never_cache
def message(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One message: text, time line, and the certificate that is printed. A POST says why, where the office asks."""
    actor = actor_for(request)
    if (asked := demand_reason(request)) is not None:
        return asked
    row = get_object_or_404(
        evidence.messages(by=actor).select_related(
            "campaign", "campaign__created_by", "campaign__approved_by", "campaign__sent_by"
        ),
        public_id=public_id,
    )
    record_message_viewed(message=row, by=actor, now=timezone.now(), reason=reason_of(request))
    (one,) = evidence.shown([row])
    events = evidence.timeline_of(row)
    context = {
        "one": one,
        "to": national_format(one.to) if one.to else "",
        "name": _name_of(row),
        "sentences": sentences_of(events),
        "raw_receipts": [event for event in events if event.raw],
        "reason": reason_words(row.reason) if row.reason else "",
        "issued_at": timezone.now(),
    }
    return render(request, "reports/message.html", context)


def _name_of(row: Message) -> str:
    return str(row.personal.get("name") or _("（氏名の記録なし）"))
