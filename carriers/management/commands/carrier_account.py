"""``manage.py carrier_account``: make or change a carrier account from a JSON document on the standard input."""

from __future__ import annotations

import json
import sys
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from carriers.errors import Misconfigured
from carriers.services import configure_account, route_account

NEEDED: Final = frozenset({"name", "provider", "config"})
DIALECT: Final[dict[str, Any]] = {"secrets": None, "window": 10, "binds": 1, "texts_per_s": None}
ROUTING: Final = frozenset({"rank", "prefixes", "tenant_ids", "min_priority", "ladder", "is_enabled"})


class Command(BaseCommand):
    """What is left out takes its default, but for secrets, which stay; a secret that stands in ``config`` is refused."""

    help = "Make or change a carrier account from JSON on the standard input (docs/how-to/add-a-carrier.md)."

    def handle(self, **_options: Any) -> None:
        given = self._read()
        routing = {key: given.pop(key) for key in ROUTING & set(given)}
        try:
            with transaction.atomic(using="operator"):
                account = route_account(account=configure_account(**{**DIALECT, **given}), **routing)
        except Misconfigured as exc:
            raise CommandError(str(exc)) from None
        except (TypeError, ValueError) as exc:
            raise CommandError(f"a value is of the wrong kind ({type(exc).__name__})") from None
        print(f"{account.name}: {settings.BASE_URL}/webhooks/carriers/{account.public_id}")

    def _read(self) -> dict[str, Any]:
        try:
            given = json.load(sys.stdin)
        except ValueError:
            raise CommandError("the standard input holds no JSON") from None
        if not isinstance(given, dict) or not set(given) >= NEEDED:
            raise CommandError(f"wanted is an object with {', '.join(sorted(NEEDED))}")
        if unknown := set(given) - NEEDED - DIALECT.keys() - ROUTING:
            raise CommandError(f"unknown keys: {', '.join(sorted(unknown))}")
        return given
