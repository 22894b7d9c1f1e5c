"""Let somebody set up a second factor anew: for an admin whom no other admin can help, and for operators."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from tenants.account.resets import reset_factors
from tenants.context import tenant_scope
from tenants.models import User


class Command(BaseCommand):
    help = "Forgets the factors and recovery codes of a person and ends their sessions. Make sure first who asks."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email__iexact=options["email"]).first()
        if user is None:
            raise CommandError("Nobody has this address.")
        with tenant_scope(user.tenant_id) if user.tenant_id is not None else nullcontext():
            reset_factors(user=user, by=None, now=timezone.now())
        self.stdout.write("Done: they set up a factor after their next password.")
