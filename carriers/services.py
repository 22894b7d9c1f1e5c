"""Accounts and binds: configuring them, and who holds which bind."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db import transaction

from carriers.errors import Misconfigured
from carriers.models import CarrierAccount, CarrierBind
from carriers.registry import provider_named

PREFIX: Final = re.compile(r"\+[1-9]\d{0,14}")


def configure_account(
    *,
    name: str,
    provider: str,
    config: Mapping[str, Any],
    secrets: Mapping[str, str] | None,
    window: int,
    binds: int,
    texts_per_s: int | None,
    using: str = "operator",
) -> CarrierAccount:
    """Make or change an account and the places for its binds; those who hold one bind anew within seconds.

    Without ``secrets`` those that are sealed stay. Raises ``Misconfigured`` when the provider refuses it.
    """
    kind = provider_named(provider)
    if in_clear := sorted(kind.secret_names & set(config)):
        raise Misconfigured(f"{', '.join(in_clear)} must be sealed")
    with transaction.atomic(using=using):
        accounts = CarrierAccount.objects.using(using)
        account = accounts.select_for_update().filter(name=name).first() or CarrierAccount(name=name)
        secrets = account.secrets if secrets is None else dict(secrets)
        kind.link({**config, **secrets}, window=window)
        account.provider, account.config = provider, dict(config)
        account.window, account.binds, account.texts_per_s = window, binds, texts_per_s
        account.seal_secrets(secrets)
        account.save(using=using)
        for number in range(1, binds + 1):
            CarrierBind.objects.using(using).get_or_create(account=account, number=number)
        CarrierBind.objects.using(using).filter(account=account, number__gt=binds).delete()
        resting = CarrierBind.objects.using(using).filter(account=account, holder="")
        resting.update(lease_until=None, failures=0)  # what was refused before may be right now
    return account


def route_account(
    *,
    account: CarrierAccount,
    rank: int = 100,
    prefixes: Sequence[str] = (),
    tenant_ids: Sequence[int] = (),
    min_priority: int = 0,
    ladder: str = "all",
    is_enabled: bool = True,
    using: str = "operator",
) -> CarrierAccount:
    """Which texts go there (``dispatch.routing``). Raises ``Misconfigured`` for a prefix that is no head of an E.164 number."""
    if not all(PREFIX.fullmatch(prefix) for prefix in prefixes):
        raise Misconfigured("prefixes must be heads of E.164 numbers, as in +8190")
    account.rank, account.prefixes, account.tenant_ids = rank, list(prefixes), list(tenant_ids)
    account.min_priority, account.ladder, account.is_enabled = min_priority, ladder, is_enabled
    fields = ["rank", "prefixes", "tenant_ids", "min_priority", "ladder", "is_enabled"]
    account.save(using=using, update_fields=fields)
    return account
