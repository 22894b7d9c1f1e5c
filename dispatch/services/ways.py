"""By which account a text goes, and into how many submissions that account cuts it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import structlog
from django.db import connection

from carriers.errors import Misconfigured
from carriers.models import CarrierAccount
from carriers.registry import provider_named
from dispatch.models import EventKind
from dispatch.routing import RouteChoice, Router
from dispatch.services.wording import is_surely_one_part

log = structlog.get_logger()

_TELL: Final = """
    INSERT INTO dispatch_messageevent (tenant_id, message_id, at, kind, detail)
    SELECT m.tenant_id, m.id, m.created_at, %s, u.detail
    FROM unnest(%s::bigint[], %s::text[]) AS u (batch_id, detail) JOIN dispatch_message m ON m.batch_id = u.batch_id
"""


class Ways:
    """``Router.choose`` with the number of parts. An account whose provider can't be made is passed over like a sick one:
    what is wrong with it is its operator's to mend, and no reason to hold up or to spoil a text."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._counters: dict[int, Callable[[str], int]] = {}

    def choose(self, to: str, text: str, *, priority: int) -> tuple[RouteChoice, int]:
        """Raises ``NoRoute``."""
        while True:
            choice = self._router.choose(to, priority=priority)
            if is_surely_one_part(text):
                return choice, 1
            account_id = choice.account.account_id
            try:
                count = self._counters.get(account_id) or self._counter(account_id)
            except Misconfigured as exc:
                log.error("account.unusable", account_id=account_id, error=str(exc))
                self._router = self._router.without(account_id)
                continue
            return choice, count(text)

    def _counter(self, account_id: int) -> Callable[[str], int]:
        counter = self._counters[account_id] = _part_counter(account_id)
        return counter


def tell_detours(*, batch_ids: Sequence[int], detours: Sequence[str]) -> None:
    """The time line of each text in a batch that took a detour says so. Needs the tenant's scope."""
    told = [(batch_id, detour) for batch_id, detour in zip(batch_ids, detours, strict=True) if detour]
    if told:
        with connection.cursor() as cursor:
            cursor.execute(_TELL, [EventKind.REROUTED, *(list(column) for column in zip(*told, strict=True))])


def _part_counter(account_id: int) -> Callable[[str], int]:
    """How an account's link cuts a text. Raises ``Misconfigured``."""
    account = CarrierAccount.objects.get(pk=account_id)
    try:
        return provider_named(account.provider).link(account.full_config, window=account.window).count_parts
    except Misconfigured:
        raise
    except Exception as exc:  # a provider that fails costs its own account only
        raise Misconfigured(f"provider failed: {type(exc).__name__}") from exc
