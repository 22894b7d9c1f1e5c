"""The account pages: django-allauth's log-in, code, log-out and password, and ours. Nobody signs up by themselves."""

from __future__ import annotations

from typing import Any

from allauth.account import views
from allauth.mfa.base.views import AuthenticateView
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, re_path

from config.demo import log_ins
from tenants.account import views as own
from tenants.account.devices import remember_device
from tenants.account.factors import factors_of
from tenants.account.forms import key_question
from tenants.models import User
from tenants.pages import BOTH, GET, page
from tenants.permissions import Permission


@page(Permission.PUBLIC, methods=BOTH)
def closed(request: HttpRequest) -> HttpResponse:
    """allauth links to the sign-up from its log-in; here it leads nowhere."""
    raise Http404


class LoginView(views.LoginView):  # type: ignore[misc]  # allauth ships no types
    """The log-in; the demonstration's shows how to come in."""

    def get_context_data(self, **options: Any) -> dict[str, Any]:
        return {**super().get_context_data(**options), "demo_log_ins": log_ins() if settings.DEMO else []}


class CodeView(AuthenticateView):  # type: ignore[misc]
    """After the password: the code, or a security key."""

    def get_context_data(self, **options: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**options)
        user = self.stage.login.user
        context["key_options"] = key_question(user) if factors_of(user).security_keys else ""
        context["demo_log_ins"] = [one for one in log_ins() if one.email == user.email] if settings.DEMO else []
        return context

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        user = self.request.user
        if isinstance(user, User):
            remember_device(self.request, response, user_id=user.pk)
        return response

    def form_invalid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_invalid(form)
        response.status_code = 422
        return response


class ResetView(views.PasswordResetFromKeyView):  # type: ignore[misc]
    """The link of a forgotten password. Whoever reads the person's mail may try to log in from here, come what may."""

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        remember_device(self.request, response, user_id=self.reset_user.pk)
        return response


def public(view: Any, *, methods: tuple[str, ...] = BOTH) -> Any:
    """A page for people who are not logged in."""
    return page(Permission.PUBLIC, methods=methods)(view)


def signed_in(view: Any) -> Any:
    return page(Permission.SIGNED_IN, methods=BOTH)(view)


urlpatterns = [
    path("login", public(LoginView.as_view()), name="account_login"),
    path("code", public(CodeView.as_view()), name="mfa_authenticate"),
    path("factors/first", own.first_factor, name="factor_first"),
    path("factors", own.own_factors, name="factors"),
    path("factors/app", own.new_app, name="factor_app"),
    path("factors/keys", own.add_key, name="factor_keys"),
    path("factors/<int:pk>/remove", own.remove_factor, name="factor_remove"),
    path("factors/recovery-codes", own.new_recovery_codes, name="recovery_codes"),
    path("invitation/<str:token>", own.invitation, name="invitation"),
    path("sessions", own.own_sessions, name="own_sessions"),
    path("logout", public(views.logout), name="account_logout"),
    path("inactive", public(views.account_inactive, methods=GET), name="account_inactive"),
    path("signup", closed, name="account_signup"),
    path("password/change", signed_in(views.password_change), name="account_change_password"),
    path("password/reset", public(views.password_reset), name="account_reset_password"),
    path("password/reset/done", public(views.password_reset_done, methods=GET), name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)$",
        public(ResetView.as_view()),
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key-done",
        public(views.password_reset_from_key_done, methods=GET),
        name="account_reset_password_from_key_done",
    ),
]
