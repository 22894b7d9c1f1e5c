"""Load the demonstration tenants; prints their log-ins and keys as one JSON object."""

from __future__ import annotations

from typing import Any

import orjson
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config import demo


class Command(BaseCommand):
    help = "Loads the demonstration tenants (only where DEMO is on). Harmless to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("DEMO is off: demonstration log-ins are never made outside a demonstration.")
        if not settings.DEMO_SMSC_URL:
            raise CommandError("DEMO_SMSC_URL is not set.")
        self.stdout.write(orjson.dumps(demo.load(now=timezone.now())).decode())
