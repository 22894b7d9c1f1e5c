"""The demonstration: two offices, their people, texts and keys, and the carrier account (DESIGN.md §7).

Everything here is made once and kept; loading again changes only the carrier account, which follows ``DEMO_SMSC_URL``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from carriers.services import configure_account
from templates_sms.models import MessageTemplate, TemplateVersion
from tenants.account.factors import current_code, factors_of, set_app_secret
from tenants.context import tenant_scope
from tenants.models import ApiKey, Department, Membership, Tenant, User
from tenants.permissions import Role
from tenants.selectors import hash_secret
from tenants.services import create_member, create_tenant

ACCOUNT_NAME: Final = "demo-smsc"


@dataclass(frozen=True, slots=True)
class Person:
    """``key`` is the name in .data/demo.json."""

    key: str
    email: str
    name: str
    role: Role
    department: str | None

    @property
    def password(self) -> str:
        return f"todoke-demo-{self.key.replace('_', '-')}"

    @property
    def totp_secret(self) -> str:
        """The same at every load, like the keys: the demonstration's log-ins work without a phone."""
        return base64.b32encode(_derived(f"demo totp {self.email}")[:20]).decode()


@dataclass(frozen=True, slots=True)
class LogIn:
    """How to come in, for the demonstration's log-in page."""

    name: str
    role: str
    email: str
    password: str
    code: str


@dataclass(frozen=True, slots=True)
class Office:
    rules: dict[str, Any]
    departments: tuple[str, ...]
    people: tuple[Person, ...]
    templates: tuple[tuple[str, str], ...]


HEALTH_CENTRE: Final = Office(
    rules={
        "name": "みなと市保健所",
        "office_name": "みなと市保健所",
        "callback_number": "098-000-0100",
        "kind": "health_centre",
        "requires_approval": False,
        "requires_consent": True,
        "sms_age_limit": 60,
    },
    departments=("健康推進課", "感染症対策課"),
    people=(
        Person("staff", "staff@minato-health.example", "比嘉 さくら", Role.STAFF, "感染症対策課"),
        Person("approver", "approver@minato-health.example", "宮城 健", Role.APPROVER, None),
        Person("admin", "admin@minato-health.example", "金城 直美", Role.ADMIN, None),
        Person("auditor", "auditor@minato-health.example", "大城 監", Role.AUDITOR, None),
        Person("viewer", "viewer@minato-health.example", "新垣 望", Role.VIEWER, "健康推進課"),
    ),
    templates=(
        (
            "療養終了のお知らせ",
            "【みなと市保健所】{{氏名|様}}\n療養は{{療養終了日|和暦}}で終了です。お疲れさまでした。"
            "体調に不安があるときはお電話ください。\n電話 098-000-0100",
        ),
        (
            "療養中の健康観察のお願い",
            "【みなと市保健所】{{氏名|様}}\n療養中の体調を毎日お知らせください。"
            "息苦しさがあるときは、すぐにお電話ください。\n電話 098-000-0100",
        ),
    ),
)
WATER_OFFICE: Final = Office(
    rules={
        "name": "みなと市水道局",
        "office_name": "みなと市水道局",
        "callback_number": "098-000-0200",
        "kind": "water_office",
        "requires_approval": True,
        "requires_consent": False,
        "sms_age_limit": None,
    },
    departments=("料金課",),
    people=(
        Person("other_tenant_staff", "staff@minato-water.example", "島袋 学", Role.STAFF, "料金課"),
        Person("other_tenant_approver", "approver@minato-water.example", "玉城 由美", Role.APPROVER, None),
        Person("other_tenant_admin", "admin@minato-water.example", "上原 隆", Role.ADMIN, None),
    ),
    templates=(
        (
            "水道料金のお知らせ",
            "【みなと市水道局】{{氏名|様}}\n水道料金{{未納額|円}}の納期限は{{納期限|和暦}}でした。"
            "行き違いの場合はご容赦ください。\n電話 098-000-0200",
        ),
    ),
)
OPERATOR: Final = Person("operator", "operator@todoke.example", "運用 担当", Role.VIEWER, None)
ALL_DAY: Final[dict[str, Any]] = {"send_from": time(0, 0), "send_until": time(0, 0), "api_requests_per_s": 50}


def load(*, now: datetime) -> dict[str, Any]:
    """Make what is missing; answers the ``users`` and ``api_keys`` of .data/demo.json."""
    with transaction.atomic():
        health = load_office(HEALTH_CENTRE, now=now)
        water = load_office(WATER_OFFICE, now=now)
        load_operator()
    load_account()
    load_factors(now=now)
    return {
        "users": {
            person.key: {"email": person.email, "password": person.password, "totp_secret": person.totp_secret}
            for person in everybody()
        },
        "api_keys": {
            "tenant": load_api_key(health, "admin", now=now),
            "second_person": load_api_key(health, "approver", now=now),
            "other_tenant": load_api_key(water, "other_tenant_admin", now=now),
        },
    }


def load_office(office: Office, *, now: datetime) -> Tenant:
    tenant = Tenant.objects.filter(name=office.rules["name"]).first()
    if tenant is not None:
        return tenant
    tenant = create_tenant(now=now, **office.rules, **ALL_DAY)
    with tenant_scope(tenant.pk):
        departments = {name: Department.objects.create(name=name) for name in office.departments}
        for person in office.people:
            create_member(
                email=person.email,
                name=person.name,
                password=person.password,
                role=person.role,
                department=departments[person.department] if person.department else None,
            )
        author = Membership.objects.order_by("id").values_list("user_id", flat=True)[0]
        for name, text in office.templates:
            template = MessageTemplate.objects.create(name=name, current=1, created_at=now)
            TemplateVersion.objects.create(template=template, number=1, text=text, created_by_id=author, created_at=now)
    return tenant


def load_operator() -> None:
    if not User.objects.filter(email=OPERATOR.email).exists():
        User.objects.create_user(email=OPERATOR.email, password=OPERATOR.password, name=OPERATOR.name, is_operator=True)


def load_factors(*, now: datetime) -> None:
    """Everybody has an app, whose secret .data/demo.json tells; whoever set up another one keeps that."""
    for person in everybody():
        user = User.objects.get(email=person.email)
        if not factors_of(user).has_any:
            set_app_secret(user=user, secret=person.totp_secret, now=now)


def everybody() -> tuple[Person, ...]:
    return (*HEALTH_CENTRE.people, *WATER_OFFICE.people, OPERATOR)


def log_ins() -> list[LogIn]:
    """Passwords and the codes of this half minute: only ever for the demonstration."""
    return [
        LogIn(
            name=person.name,
            role=str(_("運用") if person is OPERATOR else person.role.label),
            email=person.email,
            password=person.password,
            code=current_code(person.totp_secret),
        )
        for person in everybody()
    ]


def _derived(purpose: str) -> bytes:
    return hmac.digest(settings.SECRET_KEY.encode(), purpose.encode(), hashlib.sha256)


def load_api_key(tenant: Tenant, person_key: str, *, now: datetime) -> str:
    """The same token at every load: its secret is derived from SECRET_KEY, which the demonstration keeps."""
    person = next(p for p in (*HEALTH_CENTRE.people, *WATER_OFFICE.people) if p.key == person_key)
    secret = _derived(f"demo key {person.email}").hex()
    name = f"demo {person_key}"
    with tenant_scope(tenant.pk):
        key = ApiKey.objects.filter(name=name).first()
        if key is None:
            owner = User.objects.get(email=person.email)
            key = ApiKey.objects.create(
                user=owner, name=name, role=person.role, secret_hash=hash_secret(secret), created_at=now
            )
    return f"{ApiKey.PREFIX}_{tenant.public_id.hex}_{key.public_id.hex}_{secret}"


def load_account() -> None:
    """The only account of all tenants: the SMSC that ``DEMO_SMSC_URL`` names."""
    url = urlsplit(settings.DEMO_SMSC_URL)
    options = {name: values[-1] for name, values in parse_qs(url.query).items()}
    configure_account(
        name=ACCOUNT_NAME,
        provider="smpp",
        config={
            "host": url.hostname or "127.0.0.1",
            "port": url.port or 2775,
            "system_id": unquote(url.username or ""),
            "mode": "transceiver",
            "long_text": "udh",
            "source_addr": options.get("source_addr", "Todoke"),
        },
        secrets={"password": unquote(url.password or "")},
        window=int(options.get("window", "10")),
        binds=int(options.get("binds", "1")),
        texts_per_s=int(options["texts_per_s"]) if "texts_per_s" in options else None,
    )
