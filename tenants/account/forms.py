"""What is typed at the door: codes, credentials of security keys, a first password."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from allauth.core import context
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth as webauthn
from django import forms
from django.contrib.auth.password_validation import password_validators_help_texts, validate_password
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants.account import attempts, factors
from tenants.account.attempts import Bucket
from tenants.account.devices import known_device
from tenants.account.trail import write
from tenants.models import User

CODE_LENGTH: Final = 6
WRONG: Final = gettext_lazy("コードが違います。アプリに今表示されている6桁の数字を入力してください。")
USED: Final = gettext_lazy("このコードはもう使われました。アプリに次のコードが出てから、入力してください。")
TOO_MANY: Final = gettext_lazy(
    "続けて何度も間違えたため、しばらく受け付けません。数分待つか、予備コードを使ってください。"
)
WRONG_KEY: Final = gettext_lazy("セキュリティキーを確かめられませんでした。もう一度お試しください。")


def code_field(name: str = "code") -> forms.CharField:
    return forms.CharField(
        label=gettext_lazy("確認コード"),
        max_length=40,
        help_text=gettext_lazy("認証アプリに表示されている6桁の数字です。"),
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True, "class": "code-input"}
        ),
    )


class CodeForm(forms.Form):
    """A code of the app, or a recovery code. django-allauth builds it at the log-in (``MFA_FORMS``)."""

    code = code_field()

    def __init__(self, *args: Any, user: User, **options: Any) -> None:
        self.user = user
        super().__init__(*args, **options)

    def clean_code(self) -> str:
        check_code(self.user, self.cleaned_data["code"])
        return str(self.cleaned_data["code"])

    def save(self) -> None:
        """allauth: the factor was proved."""
        factors.remember_proof(context.request, self.user)


def check_code(user: User, typed: str) -> None:
    """Raises ``ValidationError``. Only wrong codes count; a recovery code is tried however many app codes were wrong."""
    code, now, request = factors.plain_code(typed), timezone.now(), context.request
    if len(code) == factors.RECOVERY_LETTERS:
        _check_recovery_code(user, code)
        return
    device = known_device(request, user.pk)
    limit = attempts.CODE_PER_DEVICE if device else attempts.CODE_PER_ACCOUNT
    buckets = [Bucket(limit, f"{device or ''} {user.pk}")]
    if not attempts.take(buckets):
        raise ValidationError(TOO_MANY, code="too_many")
    try:
        app = factors.use_app_code(user=user, code=code, now=now)
    except factors.UsedCode as exc:
        raise ValidationError(USED, code="used_code") from exc
    if app is None:
        write("log_in.code_failed", user=user, request=request, is_proven=False)
        raise ValidationError(WRONG, code="incorrect_code")
    attempts.give_back(buckets)


def _check_recovery_code(user: User, code: str) -> None:
    buckets = [Bucket(attempts.RECOVERY_PER_ACCOUNT, str(user.pk))]
    if not attempts.take(buckets):
        raise ValidationError(TOO_MANY, code="too_many")
    if not factors.use_recovery_code(user=user, code=code, now=timezone.now()):
        write("log_in.code_failed", user=user, request=context.request, is_proven=False)
        raise ValidationError(_("予備コードが違うか、もう使われています。"), code="incorrect_code")
    attempts.give_back(buckets)
    write("recovery_code.used", user=user, request=context.request)


class CredentialField(forms.JSONField):
    """What the browser says about a security key, written by js/security_key.js."""

    widget = forms.HiddenInput

    def to_python(self, value: Any) -> Any:
        try:
            read = super().to_python(value)
        except (RecursionError, json.JSONDecodeError) as exc:
            raise ValidationError(WRONG_KEY, code="invalid") from exc
        if read is not None and not isinstance(read, dict):
            raise ValidationError(WRONG_KEY, code="invalid")
        return read


class KeyForm(forms.Form):
    """A security key answers. django-allauth builds it at the log-in (``MFA_FORMS``)."""

    credential = CredentialField()

    def __init__(self, *args: Any, user: User, **options: Any) -> None:
        self.user = user
        super().__init__(*args, **options)

    def clean_credential(self) -> Authenticator:
        return check_key(self.user, self.cleaned_data["credential"])

    def save(self) -> None:
        factors.remember_proof(context.request, self.user)


def check_key(user: User, credential: dict[str, Any]) -> Authenticator:
    """The key of ``user`` that signed the challenge of this session. Raises ``ValidationError``."""
    try:
        webauthn.parse_authentication_response(credential)
        key: Authenticator = webauthn.complete_authentication(user, credential)
    except (ValidationError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise ValidationError(WRONG_KEY, code="incorrect_code") from exc
    key.record_usage()
    return key


def key_question(user: User) -> str:
    """The challenge that a key of ``user`` shall sign, as JSON for js/security_key.js; this session remembers it."""
    return _as_json(webauthn.begin_authentication(user))


def key_invitation(user: User) -> str:
    """What a new key of ``user`` shall be made for, as JSON for js/security_key.js."""
    return _as_json(webauthn.begin_registration(user, False))


def _as_json(options: Mapping[str, Any]) -> str:
    return json.dumps(options, default=dict)


class AppForm(forms.Form):
    """The first code of an app that was just given its secret."""

    code = code_field()

    def __init__(self, *args: Any, secret: str, **options: Any) -> None:
        self.secret = secret
        super().__init__(*args, **options)

    def clean_code(self) -> str:
        code = factors.plain_code(self.cleaned_data["code"])
        if factors.step_of(self.secret, code, at=timezone.now().timestamp()) is None:
            raise ValidationError(WRONG, code="incorrect_code")
        return code


class NewKeyForm(forms.Form):
    """A security key that the browser has just registered."""

    name = forms.CharField(
        label=gettext_lazy("キーの名前"),
        max_length=60,
        required=False,
        help_text=gettext_lazy("「机のパソコン」「青いキー」など、後で見分けられる名前です。"),
    )
    credential = CredentialField()

    def clean_credential(self) -> dict[str, Any]:
        credential: dict[str, Any] = self.cleaned_data["credential"]
        try:
            webauthn.parse_registration_response(credential)
            webauthn.complete_registration(credential)
        except (ValidationError, ValueError, KeyError, TypeError, AttributeError) as exc:
            raise ValidationError(WRONG_KEY, code="invalid") from exc
        return credential


class FirstPasswordForm(forms.Form):
    """An invited person chooses a password."""

    password = forms.CharField(
        label=gettext_lazy("新しいパスワード"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=gettext_lazy("新しいパスワード（確認のためもう一度）"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, user: User, **options: Any) -> None:
        self.user = user
        super().__init__(*args, **options)
        self.fields["password"].help_text = " ".join(password_validators_help_texts())

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password, self.user)
        return password

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if "password" in given and "again" in given and given["password"] != given["again"]:
            self.add_error("again", _("二つのパスワードが一致しません。"))
        return given
