"""Invitations: an admin names a person and a role, a link comes by mail, and its first use sets a password.

The link's secret is derived from the tenant's own key and the invitation's id, and is kept nowhere. It names the tenant
in clear, so that the scope is open before anything is looked up.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from smtplib import SMTPException
from typing import Any, Final
from uuid import UUID

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants import keys
from tenants.actors import Actor
from tenants.context import current_tenant_id, tenant_scope
from tenants.errors import Refused
from tenants.models import Department, Invitation, Tenant, User
from tenants.permissions import Role
from tenants.selectors import actor_of
from tenants.services import EmailTaken, create_member, must_cover, record

log = structlog.get_logger()
VALID_FOR: Final = timedelta(hours=72)
OPEN: Final[dict[str, Any]] = {"accepted_at": None, "revoked_at": None}


class InvitationOver(Refused):
    """Used, taken back, or older than 72 hours."""

    code = "invitation_over"
    status = 404
    user_message = gettext_lazy("この招待は使えません。")


@dataclass(frozen=True, slots=True)
class Invited:
    """An open invitation as its link finds it. ``tenant`` must be in scope to read more of it."""

    tenant: Tenant
    invitation: Invitation


def invite(*, email: str, name: str, role: Role, department: Department | None, by: Actor, now: datetime) -> Invitation:
    """Invite a person; the mail leaves after the commit. An earlier invitation of the same address ends.

    Raises ``NotAllowed``, and ``EmailTaken`` for somebody of this office: of another's people nothing is told here. Whoever
    has the address reads it on their own page (``accept``).
    """
    must_cover(by, department)
    address = email.strip().lower()
    Tenant.objects.select_for_update().get(pk=current_tenant_id())  # two admins at once stand in line
    if User.objects.filter(email__iexact=address, tenant_id=current_tenant_id()).exists():
        raise EmailTaken
    email_hash = keys.ring().hash("invitation", address)
    with transaction.atomic():
        Invitation.objects.filter(email_hash=email_hash, **OPEN).update(revoked_at=now)
        invitation = Invitation(
            role=role,
            department=department,
            email_hash=email_hash,
            invited_by_id=by.user_id,
            created_at=now,
            expires_at=now + VALID_FOR,
        )
        invitation.seal({"email": address, "name": name})
        invitation.save()
        _record("person.invited", invitation, by=by, now=now)
        transaction.on_commit(partial(mail_invitation, invitation.pk, tenant_id=current_tenant_id()))
    return invitation


def mail_invitation(invitation_id: int, *, tenant_id: int) -> None:
    """Send the link. A mail server that is away is noted by ``mailed_at`` staying empty; the page says so."""
    with tenant_scope(tenant_id):
        invitation = Invitation.objects.select_related("invited_by", "tenant").get(pk=invitation_id)
        link, personal = link_of(invitation), invitation.personal
        words = {
            "link": link,
            "name": personal["name"],
            "by": invitation.invited_by.name,
            "tenant": invitation.tenant.name,
        }
    try:
        send_mail(
            subject=_("%(tenant)s の「届け」への招待") % {"tenant": words["tenant"]},
            message=render_to_string("tenants/mail/invitation.txt", words),
            from_email=settings.DEFAULT_FROM_EMAIL,
            recipient_list=[personal["email"]],
        )
    except (OSError, SMTPException) as exc:
        log.warning("invitation.not_mailed", invitation_id=invitation_id, error=type(exc).__name__)
        return
    with tenant_scope(tenant_id):
        Invitation.objects.filter(pk=invitation_id).update(mailed_at=timezone.now())


def link_of(invitation: Invitation) -> str:
    """The address that lets in. Needs the tenant's scope."""
    token = f"{invitation.tenant.public_id.hex}-{invitation.public_id.hex}-{_secret(invitation)}"
    return f"{settings.BASE_URL}{reverse('invitation', kwargs={'token': token})}"


def _secret(invitation: Invitation) -> str:
    return keys.ring().hash("invitation link", invitation.public_id.bytes).hex()


def find_invitation(token: str, *, now: datetime) -> Invited | None:
    """The open invitation that a link names, or None: wrong, used, taken back, or too old."""
    tenant_hex, _dash, rest = token.partition("-")
    invitation_hex, _dash, secret = rest.partition("-")
    try:
        tenant_id, public_id = UUID(hex=tenant_hex), UUID(hex=invitation_hex)
    except ValueError:
        return None
    tenant = Tenant.objects.filter(public_id=tenant_id, is_active=True).first()
    if tenant is None:
        return None
    with tenant_scope(tenant.pk):
        found = (
            Invitation.objects.select_related("department", "invited_by")
            .filter(public_id=public_id, expires_at__gt=now, **OPEN)
            .first()
        )
        if found is None or not hmac.compare_digest(_secret(found).encode(), secret.encode()):
            return None
        found.personal  # noqa: B018 - opened while the scope is there
    return Invited(tenant=tenant, invitation=found)


def accept(*, invited: Invited, password: str, now: datetime) -> User:
    """The person joins. Of two uses at once one wins. Raises ``InvitationOver`` and ``EmailTaken``."""
    personal = invited.invitation.personal
    with tenant_scope(invited.tenant.pk):
        open_one = Invitation.objects.filter(pk=invited.invitation.pk, expires_at__gt=now, **OPEN)
        if not open_one.update(accepted_at=now):
            raise InvitationOver
        try:
            with transaction.atomic():
                user = create_member(
                    email=personal["email"],
                    name=personal["name"],
                    password=password,
                    role=Role(invited.invitation.role),
                    department=invited.invitation.department,
                )
        except IntegrityError as exc:
            raise EmailTaken from exc
        _record("invitation.accepted", invited.invitation, by=actor_of(user), now=now)
    return user


def revoke(*, invitation: Invitation, by: Actor, now: datetime) -> None:
    """The link stops working at once. Raises ``NotAllowed``."""
    must_cover(by, invitation.department)
    if Invitation.objects.filter(pk=invitation.pk, **OPEN).update(revoked_at=now):
        _record("invitation.revoked", invitation, by=by, now=now)


def open_invitations(*, now: datetime) -> list[Invitation]:
    """Those of the tenant in scope, newest first."""
    rows = Invitation.objects.select_related("department", "tenant").filter(expires_at__gt=now, **OPEN)
    return list(rows.order_by("-created_at"))


def _record(action: str, invitation: Invitation, *, by: Actor, now: datetime) -> None:
    record(
        action=action,
        by=by,
        now=now,
        kind="invitation",
        object_id=str(invitation.public_id),
        details={
            "name": invitation.personal["name"],
            "role": invitation.role,
            "department": invitation.department.name if invitation.department else None,
        },
    )
