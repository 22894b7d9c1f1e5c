"""What routing knows of the carrier accounts."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from carriers.models import BindState, CarrierAccount, CarrierBind
from dispatch.routing import AccountFacts, Router

SEEN_WITHIN: Final = timedelta(seconds=60)


def account_facts() -> list[AccountFacts]:
    """Every account; healthy while one of its binds was seen bound within the last minute, by the database's clock."""
    bound = CarrierBind.objects.filter(account=OuterRef("pk"), state=BindState.BOUND, seen_at__gte=Now() - SEEN_WITHIN)
    return [
        AccountFacts(
            account_id=account.pk,
            is_enabled=account.is_enabled,
            is_healthy=account.is_bound,
            rank=account.rank,
            prefixes=tuple(account.prefixes),
            tenant_ids=frozenset(account.tenant_ids),
            texts_per_s=account.texts_per_s,
        )
        for account in CarrierAccount.objects.annotate(is_bound=Exists(bound))
    ]


def router_for(tenant_id: int) -> Router:
    return Router(account_facts(), tenant_id=tenant_id)
