"""Let a tenant in from everywhere again: for an office whose addresses changed, so that no admin of it can come in."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from tenants.context import tenant_scope
from tenants.models import Tenant
from tenants.services import open_networks


class Command(BaseCommand):
    help = "Forgets the networks that a tenant allows. Make sure first who asks; its trail says that it was done."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(pk=options["tenant"]).first()
        if tenant is None:
            raise CommandError(f"There is no tenant {options['tenant']}.")
        with tenant_scope(tenant.pk):
            open_networks(now=timezone.now())
        self.stdout.write(f"Done: {tenant.name} is open from everywhere until an admin sets its networks again.")
