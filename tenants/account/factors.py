"""The second factor: app codes (TOTP), security keys (WebAuthn), recovery codes; and what a session proves.

Keys and app secrets stand in django-allauth's table, secrets sealed (tenants.adapters). Codes are checked here: each
time step opens the door once, kept in the row itself, so that no cache that is flushed lets a code be used again.
"""

from __future__ import annotations

import base64
import hmac
import secrets
import time
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha1
from typing import Any, Final

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from tenants.models import RecoveryCode, User
from tenants.selectors import hash_secret

STEP_S: Final = 30
TOLERATED_STEPS: Final = (-1, 0, 1)
"""A phone's clock may be off by half a minute either way (RFC 6238 §5.2)."""
STEPS_KEPT: Final = 6
SECRET_BYTES: Final = 20  # RFC 4226 §4 R6
RECOVERY_CODES: Final = 10
RECOVERY_BYTES: Final = 10  # 16 letters of base 32
RECOVERY_LETTERS: Final = 16
PROOF: Final = "factor"


class UsedCode(Exception):
    """The code was right, and has opened the door before."""


@dataclass(frozen=True, slots=True)
class Factors:
    """What a person can prove themselves by."""

    app: Authenticator | None
    security_keys: tuple[Authenticator, ...]
    recovery_codes: int

    @property
    def has_any(self) -> bool:
        return self.app is not None or bool(self.security_keys)

    def may_lose(self, authenticator: Authenticator) -> bool:
        """The last one stays."""
        return len(self.security_keys) + (self.app is not None) > 1


def factors_of(user: User) -> Factors:
    found = list(Authenticator.objects.filter(user_id=user.pk).order_by("created_at", "pk"))
    return Factors(
        app=next((one for one in found if one.type == Authenticator.Type.TOTP), None),
        security_keys=tuple(one for one in found if one.type == Authenticator.Type.WEBAUTHN),
        recovery_codes=RecoveryCode.objects.filter(user=user, used_at=None).count(),
    )


def new_secret() -> str:
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def code_at(secret: str, step: int) -> str:
    """The six digits of a time step (RFC 4226 §5.3)."""
    digest = hmac.digest(base64.b32decode(secret, casefold=True), step.to_bytes(8, "big"), sha1)
    offset = digest[-1] & 0x0F
    value = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{value % 1_000_000:06d}"


def current_code(secret: str) -> str:
    return code_at(secret, int(time.time()) // STEP_S)


def step_of(secret: str, code: str, *, at: float) -> int | None:
    """The time step that ``code`` belongs to, where that is about now."""
    now = int(at) // STEP_S
    return next((now + off for off in TOLERATED_STEPS if hmac.compare_digest(code_at(secret, now + off), code)), None)


def plain_code(typed: str) -> str:
    """As a person means it: full-width digits, spaces and hyphens are forgiven."""
    text = unicodedata.normalize("NFKC", typed).upper()
    return "".join(letter for letter in text if letter.isascii() and letter.isalnum())


def set_app_secret(*, user: User, secret: str, now: datetime) -> Authenticator:
    """The app that holds ``secret`` is this person's from now on; the one before is forgotten."""
    Authenticator.objects.filter(user_id=user.pk, type=Authenticator.Type.TOTP).delete()
    return Authenticator.objects.create(
        user=user,
        type=Authenticator.Type.TOTP,
        data={"secret": get_adapter().encrypt(secret), "used": []},
        created_at=now,
    )


def use_app_code(*, user: User, code: str, now: datetime) -> Authenticator | None:
    """The app whose code this is, or None. Raises ``UsedCode``. The row's lock lets one of two at once pass."""
    with transaction.atomic():
        app = Authenticator.objects.select_for_update().filter(user_id=user.pk, type=Authenticator.Type.TOTP).first()
        if app is None:
            return None
        step = step_of(get_adapter().decrypt(app.data["secret"]), code, at=now.timestamp())
        if step is None:
            return None
        used: list[int] = app.data.get("used", [])
        if step in used:
            raise UsedCode
        app.data = {**app.data, "used": [*used, step][-STEPS_KEPT:]}
        app.last_used_at = now
        app.save(update_fields=["data", "last_used_at"])
        return app


def make_recovery_codes(*, user: User, now: datetime) -> list[str]:
    """Fresh ones instead of all that were; shown once, for only hashes are kept."""
    codes = [base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode() for _ in range(RECOVERY_CODES)]
    with transaction.atomic():
        RecoveryCode.objects.filter(user=user).delete()
        RecoveryCode.objects.bulk_create(
            RecoveryCode(user=user, code_hash=hash_secret(code), created_at=now) for code in codes
        )
    return ["-".join(code[at : at + 4] for at in range(0, RECOVERY_LETTERS, 4)) for code in codes]


def use_recovery_code(*, user: User, code: str, now: datetime) -> bool:
    """Whether it is one of theirs and unused; then it is used."""
    unused = RecoveryCode.objects.filter(user=user, code_hash=hash_secret(code), used_at=None)
    return unused.update(used_at=now) == 1


def add_security_key(*, user: User, name: str, credential: Mapping[str, Any], now: datetime) -> Authenticator:
    """``credential`` is a registration that was verified."""
    return Authenticator.objects.create(
        user=user,
        type=Authenticator.Type.WEBAUTHN,
        data={"name": name, "credential": dict(credential)},
        created_at=now,
    )


def remember_proof(request: HttpRequest, user: User) -> None:
    """This session proved a factor of ``user`` just now."""
    request.session[PROOF] = {"user": user.pk, "at": time.time()}


def proved_at(request: HttpRequest) -> float | None:
    """When this session last proved a factor of its user, in seconds since 1970; None when it never did."""
    proof = request.session.get(PROOF)
    if not isinstance(proof, dict) or proof.get("user") != request.user.pk:
        return None
    return float(proof["at"])


def is_proof_fresh(request: HttpRequest) -> bool:
    at = proved_at(request)
    return at is not None and time.time() - at < settings.FRESH_FACTOR_S


def names_of_keys(keys: Iterable[Authenticator]) -> list[str]:
    return [str(key.data.get("name", "")) for key in keys]
