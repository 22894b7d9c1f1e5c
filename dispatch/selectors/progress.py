"""How far a campaign has come, from counts kept beside the messages: no page ever counts messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from dispatch.models import Campaign
from dispatch.states import NOT_REACHED, Status

COUNTED: Final = (
    Status.QUEUED,
    Status.SENDING,
    Status.ACCEPTED,
    Status.DELIVERED,
    Status.UNDELIVERED,
    Status.EXPIRED,
    Status.REJECTED,
    Status.FAILED,
    Status.UNKNOWN,
    Status.CANCELLED,
)
"""The API's order and, with zeros, exactly its keys."""

RECEIPT_EDGES_S: Final = (2, 5, 10, 30, 60, 300, 1_200, 3_600, 21_600, 86_400)
SAMPLE: Final = 5_000

_TALLIES: Final = """
    SELECT state, reason, sum(n) FROM dispatch_tally WHERE tenant_id = %s AND campaign_id = %s GROUP BY state, reason
"""
_IN_FLIGHT: Final = """
    SELECT count(*) FROM (
        SELECT DISTINCT b.id, f.slot / 256 FROM dispatch_batch b, unnest(b.in_flight) AS f (slot)
        WHERE b.tenant_id = %s AND b.campaign_id = %s AND b.state = 1
    ) AS texts
"""
_CALLS: Final = """
    SELECT state, reason, count(*) FROM dispatch_call WHERE tenant_id = %s AND campaign_id = %s GROUP BY state, reason
"""
_BY_MINUTE: Final = """
    SELECT minute, state, sum(n) FROM dispatch_tally WHERE tenant_id = %s AND campaign_id = %s
    GROUP BY minute, state ORDER BY minute
"""
_DELAYS: Final = """
    SELECT width_bucket(extract(epoch FROM final_at - accepted_at), %s::numeric[]), count(*)
    FROM (
        SELECT final_at, accepted_at FROM dispatch_message
        WHERE tenant_id = %s AND campaign_id = %s AND state = %s AND accepted_at IS NOT NULL AND final_at IS NOT NULL
        LIMIT %s
    ) AS sample GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Progress:
    """``counts`` has the API's ten keys; ``reasons`` says why people were not reached; calls are people."""

    counts: Mapping[str, int]
    reasons: Mapping[str, int]
    calls_open: int
    calls_done: int
    open_calls_by_reason: Mapping[str, int]

    @property
    def messages(self) -> int:
        return sum(self.counts.values())

    @property
    def waiting(self) -> int:
        """Messages of which more is to come by itself."""
        return self.counts["queued"] + self.counts["sending"] + self.counts["accepted"]

    @property
    def failed(self) -> int:
        """Texts that did not arrive."""
        return sum(self.counts[status.word] for status in NOT_REACHED)

    @property
    def not_reached(self) -> int:
        """People who wait for a call."""
        return self.calls_open


def progress_of(campaign: Campaign) -> Progress:
    """Cheap at any size: reads tallies, batches under way and calls."""
    key = [campaign.tenant_id, campaign.pk]
    counts = dict.fromkeys((status.word for status in COUNTED), 0)
    reasons: dict[str, int] = {}
    for state, reason, number in _rows(_TALLIES, key):
        counts[Status(state).word] += int(number)
        if Status(state) in NOT_REACHED and number:
            reasons[reason] = reasons.get(reason, 0) + int(number)
    ((in_flight,),) = _rows(_IN_FLIGHT, key)
    counts["sending"] = min(in_flight, counts["queued"])
    counts["queued"] -= counts["sending"]
    calls = _rows(_CALLS, key)
    waiting = {reason: number for state, reason, number in calls if state == "open"}
    return Progress(
        counts=counts,
        reasons=dict(sorted(reasons.items(), key=lambda item: -item[1])),
        calls_open=sum(waiting.values()),
        calls_done=sum(number for state, _reason, number in calls if state == "done"),
        open_calls_by_reason=dict(sorted(waiting.items(), key=lambda item: -item[1])),
    )


@dataclass(frozen=True, slots=True)
class MinuteCounts:
    """How many messages stood in each state at the end of a minute."""

    minute: datetime
    counts: Mapping[str, int]


def minutes_of(campaign: Campaign) -> list[MinuteCounts]:
    """The states over time, for a chart; minutes in which nothing moved are left out."""
    standing = dict.fromkeys((status.word for status in COUNTED if status is not Status.SENDING), 0)
    series: list[MinuteCounts] = []
    for minute, state, number in _rows(_BY_MINUTE, [campaign.tenant_id, campaign.pk]):
        standing[Status(state).word] += int(number)
        if series and series[-1].minute == minute:
            series.pop()
        series.append(MinuteCounts(minute=minute, counts=dict(standing)))
    return series


@dataclass(frozen=True, slots=True)
class DelayBucket:
    """``count`` receipts came at least ``from_s`` and less than ``below_s`` seconds (None: no limit) after acceptance."""

    from_s: int
    below_s: int | None
    count: int


def receipt_delays_of(campaign: Campaign) -> list[DelayBucket]:
    """Time to receipt of at most ``SAMPLE`` delivered messages."""
    found = dict(_rows(_DELAYS, [list(RECEIPT_EDGES_S), campaign.tenant_id, campaign.pk, Status.DELIVERED, SAMPLE]))
    edges: list[int | None] = [*RECEIPT_EDGES_S, None]
    starts = [0, *RECEIPT_EDGES_S]
    return [
        DelayBucket(from_s=start, below_s=edge, count=found.get(place, 0))
        for place, (start, edge) in enumerate(zip(starts, edges, strict=True))
    ]


def _rows(statement: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
