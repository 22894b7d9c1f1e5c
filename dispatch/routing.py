"""Which carrier account carries a text. Pure: facts in, an account and the reason out."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

UNUSABLE: Final = "unusable"
SWITCHED_OFF: Final = "switched_off"


class RouteReason(enum.StrEnum):
    """Why this account was taken."""

    PREFERRED = "preferred"
    FAILOVER = "failover"  # the preferred one is sick, or of no use
    ALL_SICK = "all_sick"  # the text waits at the preferred one until it is well


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What routing needs to know of an account. Empty prefixes and tenant ids mean: all of them.

    ``min_priority`` keeps an account for texts of that priority and above, which then go there first. ``ailment`` is why
    it is not healthy, or ``SWITCHED_OFF``; one that is not ``is_usable`` (its provider can't be made) gets nothing, not even
    to wait there.
    """

    account_id: int
    name: str = ""
    ailment: str = ""
    is_usable: bool = True
    is_enabled: bool = True
    is_healthy: bool = True
    rank: int = 100  # lower is preferred
    prefixes: tuple[str, ...] = ()  # heads of E.164 numbers
    tenant_ids: frozenset[int] = frozenset()
    min_priority: int = 0
    texts_per_s: int | None = None  # counted in parts; None: no limit


@dataclass(frozen=True, slots=True)
class RouteChoice:
    """``detour`` tells, where the preferred account was passed over, which it was and why."""

    account: AccountFacts
    reason: RouteReason
    detour: str = ""


class NoRoute(Exception):
    """No enabled account takes this tenant's texts to this number."""


def detour(passed_over: AccountFacts, taken: AccountFacts) -> str:
    """For the time line: from where to where, and why."""
    return f"{passed_over.name} → {taken.name}: {passed_over.ailment}"


class Router:
    """``choose`` for one tenant, with everything that stays the same for its texts worked out once."""

    __slots__ = ("_accounts", "_by_heads", "_heads", "_tenant_id")

    def __init__(self, accounts: Iterable[AccountFacts], *, tenant_id: int) -> None:
        self._tenant_id = tenant_id
        mine = [a for a in accounts if a.is_enabled and (not a.tenant_ids or tenant_id in a.tenant_ids)]
        self._accounts = sorted(mine, key=lambda a: (not a.tenant_ids, -a.min_priority, a.rank, a.account_id))
        self._heads = tuple(head for account in self._accounts for head in account.prefixes)
        self._by_heads: dict[tuple[int, tuple[str, ...]], RouteChoice] = {}

    def without(self, account_id: int) -> Router:
        """The same for whoever has found out that this account is of no use."""
        spoilt = (
            replace(a, is_usable=False, is_healthy=False, ailment=UNUSABLE) if a.account_id == account_id else a
            for a in self._accounts
        )
        return Router(spoilt, tenant_id=self._tenant_id)

    @property
    def is_possible(self) -> bool:
        """Whether any number at all could be reached."""
        return bool(self._accounts)

    def choose(self, number: str, *, priority: int = 0) -> RouteChoice:
        """The account for an E.164 ``number``. Raises ``NoRoute``.

        A longer matching head goes before a shorter one, an account kept for some tenants before one for all, one kept for
        high priorities before one for all, then the rank decides. A sick account is passed over while another one is well.
        """
        heads = tuple(head for head in self._heads if number.startswith(head)) if self._heads else ()
        choice = self._by_heads.get((priority, heads))
        if choice is None:
            choice = self._by_heads[priority, heads] = self._choose(number, priority)
        return choice

    def _choose(self, number: str, priority: int) -> RouteChoice:
        matching = [
            a
            for a in self._accounts
            if a.min_priority <= priority and (not a.prefixes or number.startswith(a.prefixes))
        ]
        if not matching:
            raise NoRoute
        matching.sort(key=lambda a: -_longest_head(a, number))  # stable: tenant and rank decide among equals
        first = matching[0]
        if first.is_healthy:
            return RouteChoice(first, RouteReason.PREFERRED)
        well = next((a for a in matching if a.is_healthy), None)
        if well is not None:
            return RouteChoice(well, RouteReason.FAILOVER, detour(first, well))
        usable = next((a for a in matching if a.is_usable), None)
        if usable is None:
            raise NoRoute
        return RouteChoice(usable, RouteReason.ALL_SICK, "" if usable is first else detour(first, usable))


def _longest_head(account: AccountFacts, number: str) -> int:
    return max((len(head) for head in account.prefixes if number.startswith(head)), default=0)
