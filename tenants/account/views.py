"""One's own account: the second factor, recovery codes, security keys, and where one is signed in."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import Any, Final
from urllib.parse import quote, urlencode

import qrcode
from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.account.utils import get_next_redirect_url
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from qrcode.image.svg import SvgPathImage

from tenants.account import factors, invitations, sessions
from tenants.account.devices import device_words, remember_device
from tenants.account.forms import AppForm, FirstPasswordForm, NewKeyForm, key_invitation
from tenants.account.trail import write
from tenants.errors import EmailTaken, Refused
from tenants.models import User
from tenants.pages import BOTH, GET, POST, page
from tenants.permissions import Permission

INVALID: Final = 422
PENDING_SECRET: Final = "pending_app_secret"  # noqa: S105 - the name of a session's entry
SETUP: Final = "tenants/account/setup.html"


def person_of(request: HttpRequest) -> User:
    user = request.user
    assert isinstance(user, User)  # noqa: S101 - the page is for people who are logged in
    return user


@page(Permission.PUBLIC, methods=BOTH)
@never_cache
def first_factor(request: HttpRequest) -> HttpResponse:
    """After the password, before anything else: who has no factor sets one up here."""
    if not isinstance(request.user, User):
        return redirect_to_login(request.get_full_path())
    if factors.factors_of(request.user).has_any:
        return _to_the_code(request)
    return _set_up(request, is_first=True)


def _to_the_code(request: HttpRequest) -> HttpResponse:
    """Whoever has a factor does not set up another one by knowing the password."""
    if factors.proved_at(request) is not None:
        return redirect("factors")
    logout(request)
    return redirect("account_login")


@page(Permission.SIGNED_IN, methods=BOTH, fresh_factor=True)
@never_cache
def new_app(request: HttpRequest) -> HttpResponse:
    """Another app or phone in place of the one before."""
    return _set_up(request, is_first=False)


def _set_up(request: HttpRequest, *, is_first: bool) -> HttpResponse:
    user, now = person_of(request), timezone.now()
    secret = _pending_secret(request)
    is_key = request.method == "POST" and "credential" in request.POST
    app_form = AppForm(request.POST if request.method == "POST" and not is_key else None, secret=secret)
    key_form = NewKeyForm(request.POST if is_key else None)
    if app_form.is_bound and app_form.is_valid():
        app = factors.set_app_secret(user=user, secret=secret, now=now)
        factors.use_app_code(user=user, code=app_form.cleaned_data["code"], now=now)
        return _changed(request, added=app, is_first=is_first)
    if key_form.is_bound and key_form.is_valid():
        key = factors.add_security_key(user=user, **_named(user, key_form), now=now)
        return _changed(request, added=key, is_first=is_first)
    return _set_up_page(request, app_form, key_form, is_first=is_first)


def _named(user: User, form: NewKeyForm) -> dict[str, Any]:
    count = len(factors.factors_of(user).security_keys)
    name = form.cleaned_data["name"] or _("セキュリティキー%(number)s") % {"number": count + 1}
    return {"name": name, "credential": form.cleaned_data["credential"]}


def _set_up_page(request: HttpRequest, app_form: AppForm, key_form: NewKeyForm, *, is_first: bool) -> HttpResponse:
    user = person_of(request)
    context = {
        "form": app_form,
        "key_form": key_form,
        "is_first": is_first,
        "secret": " ".join(app_form.secret[at : at + 4] for at in range(0, len(app_form.secret), 4)),
        "qr_code": _qr_code(_app_address(user, app_form.secret)),
        "key_options": key_invitation(user),
        "next": get_next_redirect_url(request) or "",
        "email": user.email,
    }
    status = INVALID if app_form.errors or key_form.errors else 200
    return render(request, SETUP, context, status=status)


def _pending_secret(request: HttpRequest) -> str:
    """The secret that the page shows, kept sealed in the session until its first code proves that the app has it."""
    sealed = request.session.get(PENDING_SECRET)
    if request.method == "POST" and sealed:
        return str(get_adapter().decrypt(sealed))
    secret = factors.new_secret()
    request.session[PENDING_SECRET] = get_adapter().encrypt(secret)
    return secret


def _app_address(user: User, secret: str) -> str:
    """What the QR code says to the app (Key URI Format)."""
    issuer = str(get_adapter().get_totp_issuer())
    label = quote(f"{issuer}:{user.email}")
    return f"otpauth://totp/{label}?{urlencode({'secret': secret, 'issuer': issuer}, quote_via=quote)}"


def _qr_code(address: str) -> str:
    drawn = BytesIO()
    qrcode.make(address, image_factory=SvgPathImage, border=2).save(drawn)
    return "data:image/svg+xml;base64," + base64.b64encode(drawn.getvalue()).decode()


def _changed(request: HttpRequest, *, added: Authenticator, is_first: bool) -> HttpResponse:
    """A factor came. The first one is proved by its setting up; any later one ends every session."""
    user = person_of(request)
    request.session.pop(PENDING_SECRET, None)
    write("factor.added", user=user, request=request, factor=words_of(added))
    if not is_first:
        return _end_everywhere(request)
    sessions.end_sessions(user.pk, but=sessions.at_rest(request.session.session_key))
    request.session.cycle_key()
    factors.remember_proof(request, user)
    return _recovery_codes_page(request)


def _end_everywhere(request: HttpRequest) -> HttpResponse:
    """Whoever had a session by the factors of before has none any more."""
    sessions.end_sessions(person_of(request).pk)
    logout(request)
    messages.success(
        request, _("ログインの確認方法を変えました。すべての端末でログアウトしたので、もう一度ログインしてください。")
    )
    return redirect("account_login")


def _recovery_codes_page(request: HttpRequest, *, is_ended: bool = False) -> HttpResponse:
    """The only page that ever shows them."""
    user = person_of(request)
    codes = factors.make_recovery_codes(user=user, now=timezone.now())
    write("recovery_codes.made", user=user, request=request)
    next_url = get_next_redirect_url(request) or "/"
    if is_ended:
        sessions.end_sessions(user.pk)
        logout(request)
    context = {"codes": codes, "next": next_url, "is_ended": is_ended}
    response = render(request, "tenants/account/recovery_codes.html", context)
    remember_device(request, response, user_id=user.pk)
    return response


def words_of(authenticator: Authenticator) -> str:
    if authenticator.type == Authenticator.Type.TOTP:
        return _("認証アプリ")
    return _("セキュリティキー「%(name)s」") % {"name": authenticator.data.get("name", "")}


@page(Permission.SIGNED_IN, methods=GET)
@never_cache
def own_factors(request: HttpRequest) -> HttpResponse:
    """What one proves oneself by."""
    user = person_of(request)
    mine = factors.factors_of(user)
    context = {
        "mine": mine,
        "keys": [
            {"row": key, "name": key.data.get("name", ""), "may_go": mine.may_lose(key)} for key in mine.security_keys
        ],
        "app_may_go": mine.app is not None and mine.may_lose(mine.app),
        "key_options": key_invitation(user),
        "key_form": NewKeyForm(),
    }
    return render(request, "tenants/account/factors.html", context)


@page(Permission.SIGNED_IN, methods=POST, fresh_factor=True)
def add_key(request: HttpRequest) -> HttpResponse:
    user, form = person_of(request), NewKeyForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("セキュリティキーを登録できませんでした。もう一度お試しください。"))
        return redirect("factors")
    key = factors.add_security_key(user=user, **_named(user, form), now=timezone.now())
    return _changed(request, added=key, is_first=False)


@page(Permission.SIGNED_IN, methods=POST, fresh_factor=True)
def remove_factor(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an app or a key away; the last one stays."""
    user = person_of(request)
    factor = get_object_or_404(Authenticator.objects.filter(user_id=user.pk), pk=pk)
    if not factors.factors_of(user).may_lose(factor):
        messages.error(request, _("最後の確認方法は外せません。先に別の方法を加えてください。"))
        return redirect("factors")
    words = words_of(factor)
    factor.delete()
    write("factor.removed", user=user, request=request, factor=words)
    return _end_everywhere(request)


@page(Permission.SIGNED_IN, methods=POST, fresh_factor=True)
@never_cache
def new_recovery_codes(request: HttpRequest) -> HttpResponse:
    """Ten fresh ones; those of before open nothing any more."""
    return _recovery_codes_page(request, is_ended=True)


@page(Permission.SIGNED_IN, methods=BOTH)
@never_cache
def own_sessions(request: HttpRequest) -> HttpResponse:
    """Where one is signed in, and the end of any of it."""
    user = person_of(request)
    if request.method == "POST":
        return _end_some(request, user)
    context = {
        "sessions": [
            {
                "key": session.session_key,
                "device": device_words(session.device),
                "address": session.address or "",
                "started_at": session.started_at,
                "seen_at": session.seen_at,
                "is_current": sessions.is_current(request, session),
            }
            for session in sessions.sessions_of(user)
        ]
    }
    return render(request, "tenants/account/sessions.html", context)


def _end_some(request: HttpRequest, user: User) -> HttpResponse:
    current = sessions.at_rest(request.session.session_key)
    chosen = request.POST.get("session", "")
    if chosen == current:
        logout(request)
        return redirect("account_login")
    count = sessions.end_sessions(user.pk, only=chosen) if chosen else sessions.end_sessions(user.pk, but=current)
    if count:
        write("session.ended", user=user, request=request, count=count)
        messages.success(request, _("%(count)s件のログインを終わらせました。") % {"count": count})
    else:
        messages.info(request, _("終わらせるログインはありませんでした。"))
    return redirect("own_sessions")


@page(Permission.PUBLIC, methods=BOTH)
@never_cache
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """The link of an invitation: its person chooses a password, is in, and sets up a factor next."""
    invited = invitations.find_invitation(token, now=timezone.now())
    if invited is None:
        return render(request, "tenants/account/invitation_over.html", status=404)
    personal = invited.invitation.personal
    form = FirstPasswordForm(request.POST or None, user=User(email=personal["email"], name=personal["name"]))
    if request.method == "POST" and form.is_valid():
        return _join(request, invited, form)
    department = invited.invitation.department
    context = {
        "form": form,
        "name": personal["name"],
        "email": personal["email"],
        "by": invited.invitation.invited_by.name,
        "tenant_name": invited.tenant.name,
        "role": invited.invitation.get_role_display(),
        "department": department.name if department else "",
    }
    return render(request, "tenants/account/invitation.html", context, status=INVALID if form.errors else 200)


def _join(request: HttpRequest, invited: invitations.Invited, form: FirstPasswordForm) -> HttpResponse:
    try:
        user = invitations.accept(invited=invited, password=form.cleaned_data["password"], now=timezone.now())
    except Refused as refused:
        context = {"is_taken": isinstance(refused, EmailTaken)}
        return render(request, "tenants/account/invitation_over.html", context, status=404)
    logout(request)
    get_account_adapter(request).login(request, user)
    return redirect("/")
