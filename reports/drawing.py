"""From counts to the charts that pages show, with our words for the states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from django.utils import timezone
from django.utils.translation import gettext as _

from dispatch.selectors.progress import DelayBucket
from reports import charts
from reports.state_words import MESSAGE

STATES: Final = (
    "delivered",
    "accepted",
    "sending",
    "queued",
    "unknown",
    "expired",
    "undelivered",
    "rejected",
    "failed",
    "cancelled",
)
MOST_COLUMNS: Final = 96


def draw_states(moments: Sequence[tuple[datetime, Mapping[str, int]]], *, chart_id: str, title: str) -> charts.Chart:
    """States over time; of many moments every n-th and the last."""
    thinned = _thinned(moments)
    series = [
        charts.Series(
            key=state,
            label=str(MESSAGE[state].word),
            values=[max(counts.get(state, 0), 0) for _at, counts in thinned],
        )
        for state in STATES
    ]
    return charts.states_over_time(
        chart_id=chart_id,
        title=title,
        unit=_("通"),
        time_label=_("時刻"),
        instants=[at for at, _counts in thinned],
        zone=timezone.get_current_timezone(),
        series=series,
    )


def _thinned(
    moments: Sequence[tuple[datetime, Mapping[str, int]]],
) -> list[tuple[datetime, Mapping[str, int]]]:
    every = -(-len(moments) // MOST_COLUMNS) or 1
    kept = list(moments[::every])
    if moments and kept[-1] is not moments[-1]:
        kept.append(moments[-1])
    return kept


def draw_delays(buckets: Sequence[DelayBucket], *, chart_id: str, title: str) -> charts.Chart:
    """Time to receipt; empty classes at the end are left out."""
    last = max((place for place, bucket in enumerate(buckets) if bucket.count), default=0)
    bins = [charts.Bin(label=_delay_label(bucket), value=bucket.count) for bucket in buckets[: last + 1]]
    return charts.histogram(chart_id=chart_id, title=title, unit=_("通"), class_label=_("送信から受信まで"), bins=bins)


def _delay_label(bucket: DelayBucket) -> str:
    if bucket.below_s is None:
        return _("%(time)s以上") % {"time": _span(bucket.from_s)}
    return _("%(time)s未満") % {"time": _span(bucket.below_s)}


def _span(seconds: int) -> str:
    if seconds < 60:
        return _("%(n)s秒") % {"n": seconds}
    if seconds < 3600:
        return _("%(n)s分") % {"n": seconds // 60}
    return _("%(n)s時間") % {"n": seconds // 3600}


def draw_funnel(counts: Mapping[str, int], *, rows: int, chart_id: str, title: str) -> charts.Chart:
    """Of the people on the roster: texts made, taken by the carrier, received by the handset."""
    made = sum(counts.values()) - counts.get("cancelled", 0)
    ends = ("delivered", "undelivered", "expired", "rejected")
    taken = counts.get("accepted", 0) + sum(counts.get(state, 0) for state in ends)
    steps = [
        charts.Part(key="skip", label=_("名簿の人数"), value=rows),
        charts.Part(key="sms", label=_("SMSの対象"), value=made),
        charts.Part(key="accepted", label=_("通信会社が受け付けた"), value=taken),
        charts.Part(key="delivered", label=_("端末が受信した"), value=counts.get("delivered", 0)),
    ]
    return charts.funnel(chart_id=chart_id, title=title, unit=_("人"), steps=steps)
