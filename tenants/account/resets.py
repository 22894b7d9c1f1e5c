"""Somebody lost phone, keys and recovery codes: an admin who knows the person lets them set up a factor anew."""

from __future__ import annotations

from datetime import datetime

from allauth.mfa.models import Authenticator
from django.db import transaction

from tenants.account.sessions import end_sessions
from tenants.actors import Actor
from tenants.models import RecoveryCode, User
from tenants.services import must_be_another, must_cover, record


def reset_factors(*, user: User, by: Actor | None, now: datetime) -> None:
    """Forget all factors of a person and end their sessions; after the next password they set up another one.

    ``by`` is None for the operators' command. Raises ``NotAllowed`` unless ``by`` is an admin of the whole tenant, and
    ``CannotChangeOneself``: one's own factors change on one's own page, with the factor.
    """
    if by is not None:
        must_cover(by, None)
        must_be_another(user, by)
    with transaction.atomic():
        Authenticator.objects.filter(user_id=user.pk).delete()
        RecoveryCode.objects.filter(user=user).delete()
        end_sessions(user.pk)
        if user.tenant_id is not None:
            record(
                action="factor.reset",
                by=by,
                now=now,
                kind="user",
                object_id=str(user.pk),
                details={"name": user.name},
            )
