"""Make a tenant with its first admin, who invites everybody else (docs/how-to/run-in-production.md)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from tenants.context import tenant_scope
from tenants.models import Tenant, TenantKind, User
from tenants.permissions import Role
from tenants.services import create_member, create_tenant, record


class Command(BaseCommand):
    help = "Makes a tenant and its first admin, who chooses a password by the link of a forgotten one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="of the tenant, as its people see it")
        parser.add_argument("--office-name", required=True, help="as it stands in the texts")
        parser.add_argument("--kind", choices=TenantKind.values, default=TenantKind.OTHER)
        parser.add_argument("--admin-email", required=True)
        parser.add_argument("--admin-name", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        email = options["admin_email"].strip().lower()
        must_be_free(email)
        if Tenant.objects.filter(name=options["name"]).exists():
            raise CommandError("There is a tenant of this name already.")
        now = timezone.now()
        with transaction.atomic():
            tenant = create_tenant(
                name=options["name"], office_name=options["office_name"], kind=options["kind"], now=now
            )
            with tenant_scope(tenant.pk):
                admin = create_member(
                    email=email, name=options["admin_name"], password=None, role=Role.ADMIN, department=None
                )
                details = {"name": admin.name, "role": Role.ADMIN.value}
                record(action="person.added", by=None, now=now, kind="user", object_id=str(admin.pk), details=details)
        self.stdout.write(f"Tenant {tenant.pk} was made.\n{first_password_words()}")


def must_be_free(email: str) -> None:
    """Raises ``CommandError`` for what is no address of mail, and for somebody's."""
    try:
        validate_email(email)
    except ValidationError as exc:
        raise CommandError("This is no address of mail.") from exc
    if User.objects.filter(email__iexact=email).exists():
        raise CommandError("Somebody has this address already.")


def first_password_words() -> str:
    return (
        f"They ask for a password at {settings.BASE_URL}{reverse('account_reset_password')} and set up a second factor."
    )
