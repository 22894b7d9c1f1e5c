"""Write the pages of docs/reference/ that are made from the code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from config.reference import write_pages


class Command(BaseCommand):
    help = "Writes docs/reference/{states,settings,rights,api}.md from the code (make docs)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--into", type=Path, default=settings.BASE_DIR / "docs" / "reference")

    def handle(self, *args: Any, **options: Any) -> None:
        for path in write_pages(options["into"]):
            self.stdout.write(f"{path.name} was written")
