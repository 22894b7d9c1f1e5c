"""The operators' look over all tenants and carrier accounts, as the operator's role: aggregates, no person's data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import redis
from django.conf import settings
from django.db import connections

from carriers.models import AccountHealth, BindState, CarrierAccount, CarrierBind
from dispatch.models import BatchState
from dispatch.states import NOT_REACHED, Status
from reports.carrier_words import bind_words, code_words, stuck_words
from reports.models import Incident
from reports.sentences import ailment_words, incident_words
from tenants.models import Tenant, User

OPERATOR: Final = "operator"
SEEN_WITHIN: Final = timedelta(seconds=30)
MINUTES: Final = 60
BROKER_TIMEOUT_S: Final = 1
SLOW_RECEIPT_S: Final = 60
LONG_WAIT_S: Final = 60
QUEUES: Final = ("default", "carrier")
PAST_INCIDENTS: Final = 20
OPEN_INCIDENTS: Final = 100

_WAITING: Final = """
    SELECT account_id, sum(size), min(due_at) FROM dispatch_batch
    WHERE state IN (%s, %s) AND due_at <= clock_timestamp() GROUP BY account_id
"""
_MINUTES: Final = """
    SELECT account_id, minute, kind, code, sum(n), sum(delay_ms) FROM carriers_carriertally
    WHERE minute > %s GROUP BY account_id, minute, kind, code
"""
_STUCK: Final = """
    SELECT b.id, t.name, a.name, b.size, b.error, b.created_at
    FROM dispatch_batch b JOIN tenants_tenant t ON t.id = b.tenant_id
    LEFT JOIN carriers_carrieraccount a ON a.id = b.account_id
    WHERE b.state = %s ORDER BY b.id LIMIT 50
"""
_OWNERLESS: Final = """
    SELECT count(*) FROM carriers_inboundtext WHERE tenant_id IS NULL AND looked_at IS NOT NULL AND received_at > %s
"""
_BY_TENANT: Final = """
    SELECT tenant_id, state, sum(n) FROM dispatch_tally
    WHERE minute > %s GROUP BY tenant_id, state
"""


@dataclass(frozen=True, slots=True)
class CodeCount:
    """How often a carrier answered with a code in the last hour."""

    code: str
    count: int

    @property
    def words(self) -> str:
        return code_words(self.code)


@dataclass(frozen=True, slots=True)
class BindLine:
    """One connection of an account."""

    bind: CarrierBind

    @property
    def words(self) -> str:
        return bind_words(self.bind.error)


@dataclass(frozen=True, slots=True)
class AccountLine:
    """A carrier account as its operator sees it. ``waiting`` is texts of due batches that are not finished."""

    account: CarrierAccount
    binds: tuple[BindLine, ...]
    state: str
    texts_per_s: float
    by_minute: tuple[float, ...]
    waiting: int
    oldest_wait_s: int
    errors: tuple[CodeCount, ...]
    receipt_delay_s: float | None
    health: AccountHealth | None = None

    @property
    def ailment(self) -> str:
        """Why new texts go another way, in words; "" while they do not."""
        if self.health is None or self.health.is_healthy or not self.account.is_enabled:
            return ""
        return ailment_words(self.health.reason)

    @property
    def is_waiting_long(self) -> bool:
        return self.oldest_wait_s > LONG_WAIT_S

    @property
    def has_slow_receipts(self) -> bool:
        return self.receipt_delay_s is not None and self.receipt_delay_s > SLOW_RECEIPT_S


@dataclass(frozen=True, slots=True)
class StuckBatch:
    """A batch that three workers gave up on."""

    id: int
    tenant: str
    account: str
    size: int
    error: str
    created_at: datetime

    @property
    def why(self) -> str:
        return stuck_words(self.error)


@dataclass(frozen=True, slots=True)
class TenantLine:
    """A tenant's last 24 hours."""

    name: str
    texts: int
    delivered: int
    not_reached: int
    unknown: int

    @property
    def failure_percent(self) -> float | None:
        ended = self.delivered + self.not_reached
        return 100 * self.not_reached / ended if ended else None


@dataclass(frozen=True, slots=True)
class Worker:
    """A carrier worker, by the bind it holds."""

    holder: str
    account: str
    bind: int
    seen_at: datetime | None
    is_alive: bool


@dataclass(frozen=True, slots=True)
class IncidentLine:
    """An incident, and who saw it first."""

    incident: Incident
    seen_by: str

    @property
    def detail(self) -> str:
        return incident_words(self.incident.kind, self.incident.detail)


@dataclass(frozen=True, slots=True)
class Service:
    accounts: tuple[AccountLine, ...]
    stuck: tuple[StuckBatch, ...]
    tenants: tuple[TenantLine, ...]
    workers: tuple[Worker, ...]
    incidents: tuple[IncidentLine, ...]  # those that are open first, then the latest
    queues: Mapping[str, int] | None  # None: the broker does not answer
    ownerless_texts: int  # residents' texts of a month of which nobody can tell whom they answer

    @property
    def is_well(self) -> bool:
        has_trouble = any(line.state not in {"bound", "disabled"} or line.is_waiting_long for line in self.accounts)
        return not self.stuck and not has_trouble and self.queues is not None and not self.open_incidents

    @property
    def open_incidents(self) -> int:
        return sum(line.incident.ended_at is None for line in self.incidents)


def service_now(*, now: datetime) -> Service:
    """Is everything well, in one look; a fixed number of queries and one short question to the broker."""
    accounts = list(CarrierAccount.objects.using(OPERATOR).select_related("health").order_by("rank", "name"))
    binds: dict[int, list[CarrierBind]] = defaultdict(list)
    for bind in CarrierBind.objects.using(OPERATOR).order_by("account_id", "number"):
        binds[bind.account_id].append(bind)
    traffic, waiting = _traffic(now), _waiting()
    lines = [_line(account, binds[account.pk], traffic, waiting, now=now) for account in accounts]
    return Service(
        accounts=tuple(lines),
        stuck=tuple(StuckBatch(*row) for row in _rows(_STUCK, [BatchState.STUCK])),
        tenants=tuple(_tenants(now)),
        workers=tuple(
            Worker(
                holder=bind.holder,
                account=account.name,
                bind=bind.number,
                seen_at=bind.seen_at,
                is_alive=_is_seen(bind, now=now),
            )
            for account in accounts
            for bind in binds[account.pk]
        ),
        incidents=tuple(_incidents()),
        queues=_queues(),
        ownerless_texts=_rows(_OWNERLESS, [now - timedelta(days=30)])[0][0],
    )


@dataclass(slots=True)
class _Traffic:
    """An account's hour."""

    submitted: dict[datetime, int]
    errors: dict[str, int]
    receipts: int = 0
    delay_ms: int = 0


def _traffic(now: datetime) -> dict[int, _Traffic]:
    found: dict[int, _Traffic] = defaultdict(lambda: _Traffic(submitted=defaultdict(int), errors=defaultdict(int)))
    for account_id, minute, kind, code, number, delay_ms in _rows(_MINUTES, [now - timedelta(minutes=MINUTES)]):
        line = found[account_id]
        if kind == "submitted":
            line.submitted[minute] += int(number)
        elif kind == "error":
            line.errors[code] += int(number)
        elif kind == "receipt":
            line.receipts += int(number)
            line.delay_ms += int(delay_ms)
    return found


def _waiting() -> dict[int, tuple[int, datetime]]:
    rows = _rows(_WAITING, [BatchState.READY, BatchState.CLAIMED])
    return {account_id: (int(size), oldest) for account_id, size, oldest in rows}


def _line(
    account: CarrierAccount,
    binds: list[CarrierBind],
    traffic: dict[int, _Traffic],
    waiting: dict[int, tuple[int, datetime]],
    *,
    now: datetime,
) -> AccountLine:
    hour = traffic[account.pk]
    texts, oldest = waiting.get(account.pk, (0, now))
    this_minute = now.replace(second=0, microsecond=0)
    minutes = [this_minute - timedelta(minutes=back) for back in range(MINUTES - 1, -1, -1)]
    recent = sum(hour.submitted.get(minute, 0) for minute in minutes[-2:])
    return AccountLine(
        account=account,
        binds=tuple(BindLine(bind) for bind in binds),
        state=_state_of(account, binds, now=now),
        texts_per_s=recent / (60 + now.second),
        by_minute=tuple(hour.submitted.get(minute, 0) / 60 for minute in minutes),
        waiting=texts,
        oldest_wait_s=max(0, int((now - oldest).total_seconds())),
        errors=tuple(CodeCount(*pair) for pair in sorted(hour.errors.items(), key=lambda pair: -pair[1])[:5]),
        receipt_delay_s=hour.delay_ms / hour.receipts / 1000 if hour.receipts else None,
        health=getattr(account, "health", None),
    )


def _state_of(account: CarrierAccount, binds: list[CarrierBind], *, now: datetime) -> str:
    """The best state of its binds; one that nobody reported lately is down."""
    if not account.is_enabled:
        return "disabled"
    states = {bind.state for bind in binds if _is_seen(bind, now=now)}
    for state in (BindState.BOUND, BindState.CONNECTING, BindState.REFUSED):
        if state in states:
            return str(state.value)
    return str(BindState.DOWN.value)


def _is_seen(bind: CarrierBind, *, now: datetime) -> bool:
    return bind.seen_at is not None and bind.seen_at > now - SEEN_WITHIN


def _tenants(now: datetime) -> list[TenantLine]:
    names = dict(Tenant.objects.using(OPERATOR).values_list("pk", "name"))
    sums: dict[int, dict[Status, int]] = defaultdict(dict)
    for tenant_id, state, net in _rows(_BY_TENANT, [now - timedelta(days=1)]):
        sums[tenant_id][Status(state)] = int(net)
    lines = [
        TenantLine(
            name=names.get(tenant_id, ""),
            texts=max(0, sum(states.values())),  # a move takes from one state what it gives another: new texts remain
            delivered=states.get(Status.DELIVERED, 0),
            not_reached=sum(states.get(status, 0) for status in NOT_REACHED),
            unknown=max(0, states.get(Status.UNKNOWN, 0)),
        )
        for tenant_id, states in sums.items()
    ]
    return sorted(lines, key=lambda line: -line.texts)


def _incidents() -> list[IncidentLine]:
    rows = Incident.objects.using(OPERATOR)
    found = [
        *rows.filter(ended_at=None).order_by("-began_at")[:OPEN_INCIDENTS],
        *rows.exclude(ended_at=None).order_by("-began_at")[:PAST_INCIDENTS],
    ]
    people = {row.seen_by_id for row in found if row.seen_by_id is not None}
    names = dict(User.objects.using(OPERATOR).filter(pk__in=people).values_list("pk", "name"))
    return [IncidentLine(row, names.get(row.seen_by_id or 0, "")) for row in found]


def _queues() -> dict[str, int] | None:
    """How many tasks wait in each queue; None where the broker does not answer at once."""
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=BROKER_TIMEOUT_S, socket_connect_timeout=BROKER_TIMEOUT_S, retry=None
        ) as broker:
            return {name: int(broker.llen(name)) for name in QUEUES}
    except redis.RedisError:
        return None


def _rows(statement: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    with connections[OPERATOR].cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
