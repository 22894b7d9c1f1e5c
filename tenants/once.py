"""A form that is sent twice is acted on once: the second press leads to where the first one led.

A double click, a worn mouse or a browser that asks again over a broken connection brings the very same form. Each page
that is rendered masks its CSRF token anew, so token and content together are that form's number: whoever wants a second
draft opens the page again, or writes something else. The number's row is inserted first, in the transaction that does
the work: a second request waits at the unique index until the first has committed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, Final

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from tenants import keys
from tenants.context import has_scope
from tenants.models import SentForm
from tenants.repeats import claim, content_of

TABLE: Final = "tenants_sentform"
TOKEN = "csrfmiddlewaretoken"  # noqa: S105 - a field's name
View = Callable[..., HttpResponse]


def once(view: View) -> View:
    """Let a POST happen once for each form: whatever was answered by a redirect, or by 201, is not done again."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **ids: Any) -> HttpResponse:
        if request.method != "POST" or not request.POST.get(TOKEN) or not has_scope():
            return view(request, *args, **ids)
        number = _number_of(request)
        with transaction.atomic():  # whatever is raised takes the claim back with it
            row_id = _claim(request, number)
            if row_id is None:
                return _where_it_led(request, number)
            response = view(request, *args, **ids)
            _keep(row_id, response)
        return response

    return guarded


def _claim(request: HttpRequest, number: bytes) -> int | None:
    """The id of the new row, or None where the form was sent before. Waits for one that is under way."""
    return claim(TABLE, user_id=request.user.pk, number=number, location="")


def _where_it_led(request: HttpRequest, number: bytes) -> HttpResponse:
    """The first one's address; where it was answered by a page that is shown once (201), the form's own, and why."""
    location = SentForm.objects.values_list("location", flat=True).get(user_id=request.user.pk, number=number)
    if not location:
        messages.warning(request, _("同じ内容を続けて2回受け取りました。行ったのは1回だけです。"))
    return redirect(location or request.get_full_path())


def _keep(row_id: int, response: HttpResponse) -> None:
    """Where it led. A form that made nothing, refused or looked at only, may be sent again as it is."""
    row = SentForm.objects.filter(pk=row_id)
    if isinstance(response, HttpResponseRedirect):
        row.update(location=response.url)
    elif response.status_code != HTTPStatus.CREATED:
        row.delete()


def _number_of(request: HttpRequest) -> bytes:
    """Of the address, the page's token and everything that was typed or chosen."""
    content = content_of(request.POST, request.FILES)
    return keys.ring().hash("sent form", json.dumps([request.get_full_path(), content], sort_keys=True))
