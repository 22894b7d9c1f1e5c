"""Make an operator, who watches the service and sees no tenant's rows."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from tenants.management.commands.add_tenant import first_password_words, must_be_free
from tenants.models import User


class Command(BaseCommand):
    help = "Makes an operator, who chooses a password by the link of a forgotten one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("name")

    def handle(self, *args: Any, **options: Any) -> None:
        must_be_free(options["email"])
        User.objects.create_user(email=options["email"], password=None, name=options["name"], is_operator=True)
        self.stdout.write(f"The operator was made.\n{first_password_words()}")
