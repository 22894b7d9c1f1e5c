"""An office with a roster and a campaign, made by the application's own services."""

from __future__ import annotations

import io
from typing import Any


def prepare(messages: int, *, name: str) -> tuple[Any, Any, Any]:
    """A tenant with a roster of that many people: a campaign that may be sent, who may send it, and now."""
    from django.utils import timezone

    from dispatch.services.campaigns.drafts import create_campaign
    from recipients.models import Roster
    from recipients.services.reading import read_roster
    from recipients.services.uploading import upload_roster
    from tenants.context import tenant_scope
    from tenants.models import Department
    from tenants.permissions import Role
    from tenants.selectors import actor_of
    from tenants.services import create_member, create_tenant

    now = timezone.now()
    tenant = create_tenant(
        name=name,
        office_name="みなと市保健所",
        requires_approval=False,
        requires_consent=False,
        sms_age_limit=None,
        send_from="00:00",
        send_until="00:00",
        now=now,
    )
    with tenant_scope(tenant.pk):
        department = Department.objects.create(name="健康課")
        user = create_member(email=f"b@{name}.example", name=name, password=None, role=Role.ADMIN, department=None)
        actor = actor_of(user)
        roster = upload_roster(
            data=roster_file(messages),
            file_name="bench.csv",
            name=name,
            department=department,
            mapping=None,
            by=actor,
            now=now,
        )
    read_roster(tenant_id=tenant.pk, roster_id=roster.pk, now=now)
    with tenant_scope(tenant.pk):
        roster = Roster.objects.get(pk=roster.pk)
        campaign = create_campaign(
            name=name,
            roster=roster,
            template_version=None,
            text="【みなと市保健所】{{氏名|様}}\n療養は{{療養終了日|和暦}}で終了です。電話 098-000-0100",
            department=department,
            by=actor,
            now=now,
        )
    return campaign, actor, now


def roster_file(messages: int) -> bytes:
    text = io.StringIO()
    text.write("管理番号,氏名,電話番号,療養終了日\r\n")
    for n in range(messages):
        text.write(f"R4-{n:07d},見本 {n},090{10_000_000 + n:08d},2022/08/17\r\n")
    return text.getvalue().encode("cp932")
