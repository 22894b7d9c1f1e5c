"""What a month cost: texts, billed parts and yen, by department. Campaigns know their own sums, so no page counts texts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

from django.db import connection
from django.utils import timezone

from dispatch.selectors.campaigns import MILLICENTS_PER_YEN
from tenants.actors import Actor
from tenants.context import current_tenant_id
from tenants.models import Department, Tenant

# Texts of campaigns count in the month in which their campaign started, texts of other systems in that of their sending.
_CAMPAIGNS: Final = """
    SELECT department_id, sum(sms_rows), sum(parts), sum(cost_millicents) FROM dispatch_campaign
    WHERE tenant_id = %s AND started_at >= %s AND started_at < %s GROUP BY department_id
"""
_SINGLES: Final = """
    SELECT b.department_id, count(*), sum(m.parts), sum(m.parts) * %s FROM dispatch_message m
    JOIN dispatch_batch b ON b.tenant_id = m.tenant_id AND b.id = m.batch_id
    WHERE m.tenant_id = %s AND m.created_at >= %s AND m.created_at < %s AND m.campaign_id IS NULL
    GROUP BY b.department_id
"""


@dataclass(frozen=True, slots=True)
class Used:
    """``department`` is None for what belongs to the whole office."""

    department: Department | None
    texts: int
    parts: int
    cost_millicents: int

    @property
    def cost_yen(self) -> int:
        return self.cost_millicents // MILLICENTS_PER_YEN


@dataclass(frozen=True, slots=True)
class Usage:
    month: date
    departments: tuple[Used, ...]

    @property
    def total(self) -> Used:
        return _sum(None, self.departments)


def month_of(text: str) -> date | None:
    """The first day of "2022-08"; None where it is no month."""
    try:
        return date.fromisoformat(f"{text}-01") if len(text) == 7 else None
    except ValueError:
        return None


def usage_of(month: date, *, by: Actor) -> Usage:
    """Of the departments that this person sees, by name. ``month`` is its first day in Japan. Needs the tenant's scope."""
    tenant = Tenant.objects.get(pk=current_tenant_id())
    window = [_begin(month), _begin(date(month.year + month.month // 12, month.month % 12 + 1, 1))]
    with connection.cursor() as cursor:
        cursor.execute(_CAMPAIGNS, [tenant.pk, *window])
        rows = cursor.fetchall()
        cursor.execute(_SINGLES, [tenant.price_per_part_millicents, tenant.pk, *window])
        rows += cursor.fetchall()
    departments = {department.pk: department for department in Department.objects.all()}
    used: dict[int | None, list[Used]] = {}
    for department_id, texts, parts, cost in rows:
        if by.sees(department_id):
            one = Used(departments.get(department_id), int(texts), int(parts), int(cost))
            used.setdefault(department_id, []).append(one)
    sums = [_sum(each[0].department, each) for each in used.values()]
    return Usage(month, tuple(sorted(sums, key=lambda one: one.department.name if one.department else "")))


def _sum(department: Department | None, parts: Iterable[Used]) -> Used:
    found = list(parts)
    return Used(
        department,
        sum(one.texts for one in found),
        sum(one.parts for one in found),
        sum(one.cost_millicents for one in found),
    )


def _begin(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
