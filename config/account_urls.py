"""The account pages of django-allauth that we serve: log-in, log-out, password. Nobody signs up by themselves."""

from __future__ import annotations

from typing import Any

from allauth.account import views
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, re_path

from tenants.pages import BOTH, GET, page
from tenants.permissions import Permission


@page(Permission.PUBLIC, methods=BOTH)
def closed(request: HttpRequest) -> HttpResponse:
    """allauth links to the sign-up from its log-in; here it leads nowhere."""
    raise Http404


def public(view: Any, *, methods: tuple[str, ...] = BOTH) -> Any:
    """A page for people who are not logged in."""
    return page(Permission.PUBLIC, methods=methods)(view)


def signed_in(view: Any) -> Any:
    return page(Permission.SIGNED_IN, methods=BOTH)(view)


urlpatterns = [
    path("login", public(views.login), name="account_login"),
    path("logout", public(views.logout), name="account_logout"),
    path("inactive", public(views.account_inactive, methods=GET), name="account_inactive"),
    path("signup", closed, name="account_signup"),
    path("password/change", signed_in(views.password_change), name="account_change_password"),
    path("password/reset", public(views.password_reset), name="account_reset_password"),
    path("password/reset/done", public(views.password_reset_done, methods=GET), name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)$",
        public(views.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key-done",
        public(views.password_reset_from_key_done, methods=GET),
        name="account_reset_password_from_key_done",
    ),
]
