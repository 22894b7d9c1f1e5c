"""What routing knows of the carrier accounts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.db.models import Case, Exists, F, OuterRef, When
from django.db.models.functions import Now

from carriers.health import Ailment
from carriers.models import BindState, CarrierAccount, CarrierBind
from dispatch.routing import SWITCHED_OFF, AccountFacts, Router

SEEN_WITHIN: Final = timedelta(seconds=60)
JUDGED_WITHIN: Final = timedelta(minutes=2)


def account_facts() -> list[AccountFacts]:
    """Every account, healthy as it was judged lately; where nobody judged it, while one of its binds was seen bound within
    the last minute. By the database's clock."""
    bound = CarrierBind.objects.filter(account=OuterRef("pk"), state=BindState.BOUND, seen_at__gte=Now() - SEEN_WITHIN)
    judged = When(health__checked_at__gte=Now() - JUDGED_WITHIN, then=F("health__is_healthy"))
    return [
        AccountFacts(
            account_id=account.pk,
            name=account.name,
            ailment=_ailment(account),
            is_enabled=account.is_enabled,
            is_healthy=account.is_well,
            rank=account.rank,
            prefixes=tuple(account.prefixes),
            tenant_ids=frozenset(account.tenant_ids),
            min_priority=account.min_priority,
            texts_per_s=account.texts_per_s,
        )
        for account in CarrierAccount.objects.annotate(
            is_well=Case(judged, default=Exists(bound)), ailment=F("health__reason")
        )
    ]


def _ailment(account: Any) -> str:
    if not account.is_enabled:
        return SWITCHED_OFF
    return "" if account.is_well else (account.ailment or Ailment.UNBOUND.value)


def router_for(tenant_id: int) -> Router:
    return Router(account_facts(), tenant_id=tenant_id)
