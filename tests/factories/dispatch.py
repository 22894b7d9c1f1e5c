"""Rosters, accounts and campaigns for tests: the least that is valid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from carriers.models import CarrierAccount, CarrierBind
from carriers.services import configure_account
from dispatch.models import Campaign
from dispatch.services.campaigns import create_campaign
from recipients.models import Recipient, Roster, RosterState, Route
from tenants.context import current_tenant_id
from tenants.keys import ring
from tests.conftest import NOON, Cast

HEADER = ["氏名", "電話番号", "療養終了日"]
TEXT = "{{氏名|様}} 療養は{{療養終了日}}までです。みなと市保健所"


def make_account(name: str = "SMSC", *, texts_per_s: int | None = None, **changes: Any) -> CarrierAccount:
    """An account of the SMPP provider that nothing is bound to."""
    account = configure_account(
        name=name,
        provider="smpp",
        config={"host": "127.0.0.1", "port": 2775, "system_id": "todoke", "source_addr": "0312345678"},
        secrets={"password": "secret"},
        window=10,
        binds=1,
        texts_per_s=texts_per_s,
    )
    CarrierBind.objects.using("operator").filter(account=account).update(state="bound", seen_at=NOON)
    for field, value in changes.items():
        setattr(account, field, value)
    account.save(using="operator")
    return account


def person(row: int, *, route: Route = Route.SMS, reason: str = "", **fields: Any) -> dict[str, Any]:
    """A row of a roster; ``fields`` replaces what is sealed of it."""
    phone = fields.pop("phone", f"+81601{row:07d}")
    personal = {
        "name": f"患者{row}",
        "kana": "カンジャ",
        "phone": phone,
        "external_id": f"R4-{row:05d}",
        "birth_on": None,
        "cells": {"氏名": f"患者{row}", "電話番号": phone or "", "療養終了日": "8月17日"},
    }
    return {"row": row, "route": route, "reason": reason, "personal": {**personal, **fields}}


def make_roster(
    cast: Cast, people: Sequence[dict[str, Any]], *, as_of: date = date(2022, 8, 15), **fields: Any
) -> Roster:
    """A roster that was read, with these rows. Needs the cast's scope."""
    by_route = {route: sum(p["route"] == route for p in people) for route in Route}
    roster = Roster(
        department=cast.department,
        state=RosterState.READY,
        as_of=as_of,
        rows=len(people),
        sms=by_route[Route.SMS],
        call=by_route[Route.CALL],
        error=by_route[Route.ERROR],
        skip=by_route[Route.SKIP],
        created_by_id=cast.staff.user_id,
        **fields,
    )
    roster.seal({"name": "8月15日の名簿", "file_name": "roster.csv", "header": HEADER, "mapping": {}})
    roster.save()
    Recipient.objects.bulk_create([_recipient(roster, p) for p in people], batch_size=2_000)
    return roster


def _recipient(roster: Roster, p: dict[str, Any]) -> Recipient:
    phone = p["personal"]["phone"]
    recipient = Recipient(
        tenant_id=current_tenant_id(),
        roster=roster,
        row=p["row"],
        route=p["route"],
        reason=p["reason"],
        phone_hash=ring().hash("phone", phone) if phone else None,
    )
    recipient.seal(p["personal"])
    return recipient


def make_campaign(cast: Cast, roster: Roster, **changes: Any) -> Campaign:
    """A draft of the cast's staff."""
    fields: dict[str, Any] = {"name": "療養終了のお知らせ", "text": TEXT, "by": cast.staff, "now": NOON, **changes}
    return create_campaign(roster=roster, **fields)


def many(number: int, make: Callable[[int], dict[str, Any]] = person) -> list[dict[str, Any]]:
    return [make(row) for row in range(1, number + 1)]
