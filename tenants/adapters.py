"""What we decide for django-allauth."""

from __future__ import annotations

import base64
from typing import Any, ClassVar, Final

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants import keys
from tenants.account import attempts, devices, factors, sessions
from tenants.account.attempts import Bucket
from tenants.account.trail import write
from tenants.models import User
from tenants.network import address_block, client_address

SECRETS: Final = "mfa_authenticator"
MISMATCH: Final = gettext_lazy("メールアドレスまたはパスワードが違います。")
TOO_MANY: Final = gettext_lazy(
    "続けて何度も間違えたため、しばらく受け付けません。数分待ってから、もう一度お試しください。"
)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """People are invited; nobody signs up by themselves."""

    error_messages: ClassVar = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": MISMATCH,
        "too_many_login_attempts": TOO_MANY,
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def populate_username(self, request: HttpRequest, user: Any) -> None:
        """People have no user names here."""

    def get_client_ip(self, request: HttpRequest) -> str:
        address = client_address(request)
        if address is None:
            raise PermissionDenied
        return address

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """The person whose password this is. Only wrong attempts count (tenants.account.attempts)."""
        email = str(credentials.get("email", "")).strip().lower()
        claimed = User.objects.filter(email__iexact=email).first()
        buckets = _password_buckets(request, email, claimed)
        if not attempts.take(buckets):
            raise self.validation_error("too_many_login_attempts")
        user: User | None = super().authenticate(request, **credentials)
        if user is not None:
            attempts.give_back(buckets)
        elif claimed is not None:
            write("log_in.failed", user=claimed, request=request, is_proven=False)
        return user

    def login(self, request: HttpRequest, user: Any) -> None:
        """Every way in ends here: by log-in, and by the first visit of an invited person."""
        super().login(request, user)
        sessions.begin(request, address=client_address(request))
        write("log_in.succeeded", user=user, request=request)

    def logout(self, request: HttpRequest) -> None:
        user, is_proven = request.user, factors.proved_at(request) is not None
        super().logout(request)
        if isinstance(user, User):
            write("log_out.done", user=user, request=request, is_proven=is_proven)

    def set_password(self, user: Any, password: str) -> None:
        """Whoever changes a password, by whatever way, ends every session that the old one opened."""
        super().set_password(user, password)
        sessions.end_sessions(user.pk)
        write("password.changed", user=user, request=context.request)


def _password_buckets(request: HttpRequest, email: str, claimed: User | None) -> list[Bucket]:
    """The allowances that an attempt takes from. A browser that is known to the account has one of its own."""
    device = devices.known_device(request, claimed.pk) if claimed else None
    if device is not None:
        return [Bucket(attempts.PASSWORD_PER_DEVICE, f"{device} {email}")]
    block = address_block(client_address(request))
    buckets = [
        Bucket(attempts.PASSWORD_PER_PLACE, f"{email} {block}"),
        Bucket(attempts.PASSWORD_PER_ACCOUNT, email),
        Bucket(attempts.PASSWORD_PER_ADDRESS, block),
    ]
    if claimed is not None and claimed.tenant_id is not None:
        buckets.append(Bucket(attempts.PASSWORD_PER_TENANT, str(claimed.tenant_id)))
    return buckets


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets are sealed with the service's key: an operator has a second factor too, and no tenant."""

    def encrypt(self, text: str) -> str:
        return base64.b64encode(keys.service().seal(SECRETS, text.encode())).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Raises ``SealBroken``."""
        return keys.service().open(SECRETS, base64.b64decode(encrypted_text)).decode()

    def get_totp_issuer(self) -> str:
        return _("届け")

    def _get_site_name(self) -> str:
        return _("届け")
