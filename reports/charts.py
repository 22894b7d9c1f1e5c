"""Charts as SVG text: pure functions from figures to a drawing and the table that belongs under it.

Every drawing has a title and a description for screen readers, its unit, its legend in words at the mark it means,
and a pattern beside each colour. Nothing here uses a ``style`` attribute (the content security policy forbids it):
presentation attributes and classes only. Horizontal places are percentages and vertical ones pixels, so that a chart
fills its column while text and patterns keep their size on a handset. All words come from the caller, translated, and
are escaped here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from html import escape
from math import ceil, floor, log10

from reports.chart_patterns import definitions, fill, swatch_svg

INK = "#333333"
SOFT = "#666666"
GRID = "#e6e6e6"
AXIS = "#767676"
PRIMARY = "#0017c1"
THRESHOLD = "#ce0000"

PLOT_LEFT = 12.0
PLOT_TOP = 12
PLOT_HEIGHT = 200
AXIS_HEIGHT = 28
LABEL_LINE = 19


@dataclass(frozen=True, slots=True)
class Part:
    """One share of a whole; ``key`` picks colour and pattern (``reports.chart_patterns``)."""

    key: str
    label: str
    value: int


@dataclass(frozen=True, slots=True)
class Series:
    """One line of figures over the same instants as its neighbours."""

    key: str
    label: str
    values: Sequence[int]


@dataclass(frozen=True, slots=True)
class Bin:
    """One class of a histogram, ``label`` such as ``10~20秒``."""

    label: str
    value: int


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing, and its data as a table (the first column heads the rows)."""

    title: str
    unit: str
    svg: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float, ...], ...]


def _document(
    *, chart_id: str, title: str, description: str, height: int, body: Iterable[str], keys: Sequence[str] = ()
) -> str:
    name = escape(chart_id)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart__svg" role="img" width="100%" height="{height}" '
        f'aria-labelledby="{name}-title {name}-desc" focusable="false">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>'
        f"{definitions(chart_id=chart_id, keys=keys)}{''.join(body)}</svg>"
    )


def _text(x: float, y: float, words: str, *, anchor: str = "start", css: str = "", shift: int = 0) -> str:
    """Words at ``x`` percent and ``y`` pixels, moved sideways by ``shift`` pixels."""
    css_attribute = f' class="{css}"' if css else ""
    shift_attribute = f' dx="{shift}"' if shift else ""
    return (
        f'<text x="{x:.2f}%" y="{y:.1f}"{shift_attribute} font-size="14" fill="{INK}" text-anchor="{anchor}"'
        f"{css_attribute}>{escape(words)}</text>"
    )


def _rect(x: float, y: float, width: float, height: float, paint: str) -> str:
    return (
        f'<rect x="{x:.3f}%" y="{y:.1f}" width="{width:.3f}%" height="{height:.1f}" fill="{paint}" stroke="#ffffff"/>'
    )


def _share(value: float, whole: float) -> float:
    return 100 * value / whole if whole else 0.0


def _percent(value: float, whole: float) -> str:
    return f"{_share(value, whole):.1f}%"


def _counted(value: float, unit: str) -> str:
    return f"{value:,}{unit}"


def _describe(pairs: Iterable[tuple[str, float]], unit: str) -> str:
    return "、".join(f"{label} {_counted(value, unit)}" for label, value in pairs)


def round_top(highest: float) -> int:
    """The round figure (1, 2, 4, 5, 8 times a power of ten, at least 4) at or above ``highest``: the top of a scale."""
    if highest <= 4:
        return 4
    power: int = 10 ** floor(log10(highest))
    return next(step * power for step in (1, 2, 4, 5, 8, 10) if step * power >= highest)


def swatch(*, chart_id: str, key: str) -> str:
    """The small square of a legend, in the colour and pattern that ``key`` has in the chart ``chart_id``."""
    return swatch_svg(chart_id=chart_id, key=key)


def stacked_bar(*, chart_id: str, title: str, unit: str, parts: Sequence[Part], height: int = 32) -> Chart:
    """One bar for a whole; shares of less than 0.4 % are still drawn 0.4 % wide, so that a single failure is seen."""
    shown = [part for part in parts if part.value > 0]
    whole = sum(part.value for part in shown)
    widths = [max(_share(part.value, whole), 0.4) for part in shown]
    scale = 100 / sum(widths) if widths else 0.0
    body, x = [f'<rect x="0" y="0" width="100%" height="{height}" fill="#f2f2f2"/>'], 0.0
    for part, width in zip(shown, widths, strict=True):
        body.append(_rect(x, 0, width * scale, height, fill(chart_id=chart_id, key=part.key)))
        x += width * scale
    body.append(f'<rect x="0" y="0" width="100%" height="{height}" fill="none" stroke="{AXIS}"/>')
    return Chart(
        title=title,
        unit=unit,
        svg=_document(
            chart_id=chart_id,
            title=title,
            description=_describe(((part.label, part.value) for part in shown), unit),
            height=height,
            body=body,
            keys=[part.key for part in shown],
        ),
        columns=("", unit, "%"),
        rows=tuple((part.label, part.value, _percent(part.value, whole)) for part in parts),
    )


def _scale(top: int, right: float) -> list[str]:
    """The horizontal lines of a plot with their figures, from 0 to ``top`` in quarters."""
    marks = []
    for quarter in range(5):
        y = PLOT_TOP + PLOT_HEIGHT * (1 - quarter / 4)
        colour = AXIS if quarter == 0 else GRID
        marks.append(
            f'<line x1="{PLOT_LEFT}%" x2="{right}%" y1="{y:.1f}" y2="{y:.1f}" stroke="{colour}"/>'
            + _text(PLOT_LEFT, y + 5, f"{top * quarter / 4:,.0f}", anchor="end", css="chart__soft", shift=-8)
        )
    return marks


def spread_labels(wanted: Sequence[float], *, top: float, bottom: float, gap: float = LABEL_LINE) -> list[float]:
    """Places for labels near those ``wanted``, in the same order, ``gap`` apart, between top and bottom."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    placed = [0.0] * len(wanted)
    lowest = top
    for index in order:
        placed[index] = max(wanted[index], lowest)
        lowest = placed[index] + gap
    highest = bottom
    for index in reversed(order):
        placed[index] = min(placed[index], highest)
        highest = placed[index] - gap
    return placed


def _time_marks(instants: Sequence[datetime], zone: tzinfo, right: float) -> list[str]:
    """First, middle and last instant under the plot; days too where they differ."""
    is_one_day = instants[0].astimezone(zone).date() == instants[-1].astimezone(zone).date()
    width = (right - PLOT_LEFT) / len(instants)
    places = sorted({0, len(instants) // 2, len(instants) - 1})
    marks = []
    for place in places:
        local = instants[place].astimezone(zone)
        words = f"{local:%H:%M}" if is_one_day else f"{local.month}/{local.day} {local:%H:%M}"
        anchor = "start" if place == 0 else "end" if place == places[-1] else "middle"
        x = PLOT_LEFT + width * (place + {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor])
        marks.append(_text(x, PLOT_TOP + PLOT_HEIGHT + 22, words, anchor=anchor, css="chart__soft"))
    return marks


def states_over_time(
    *,
    chart_id: str,
    title: str,
    unit: str,
    time_label: str,
    instants: Sequence[datetime],
    zone: tzinfo,
    series: Sequence[Series],
) -> Chart:
    """How many stood in each state at each instant, stacked; each state named at the right end of its band.

    Every series has one figure for each instant. Columns stand side by side, which keeps the patterns whole.
    """
    shown = [line for line in series if any(line.values)]
    totals = [sum(values) for values in zip(*(line.values for line in shown), strict=True)] or [0]
    top, right = round_top(max(totals)), 66.0
    body = _scale(top, right)
    width = (right - PLOT_LEFT) / max(len(instants), 1)
    for column in range(len(instants)):
        y = float(PLOT_TOP + PLOT_HEIGHT)
        for line in shown:
            height = PLOT_HEIGHT * line.values[column] / top
            y -= height
            if height:
                body.append(
                    _column(PLOT_LEFT + width * column, y, width, height, fill(chart_id=chart_id, key=line.key))
                )
    body += _band_labels(shown, top=top, right=right)
    if instants:
        body += _time_marks(instants, zone, right)
    last = [(line.label, line.values[-1]) for line in shown]
    return Chart(
        title=title,
        unit=unit,
        svg=_document(
            chart_id=chart_id,
            title=title,
            description=_describe(last, unit),
            height=PLOT_TOP + PLOT_HEIGHT + AXIS_HEIGHT,
            body=body,
            keys=[line.key for line in shown],
        ),
        columns=(time_label, *(line.label for line in shown)),
        rows=tuple(
            (f"{instant.astimezone(zone):%m/%d %H:%M}", *(line.values[place] for line in shown))
            for place, instant in enumerate(instants)
        ),
    )


def _column(x: float, y: float, width: float, height: float, paint: str) -> str:
    """A piece of a band: a hair wider than its place, so that no white seam shows between neighbours."""
    place = f'x="{x:.3f}%" y="{y:.1f}" width="{width + 0.08:.3f}%" height="{height:.1f}"'
    return f'<rect {place} fill="{paint}" shape-rendering="crispEdges"/>'


def _band_labels(shown: Sequence[Series], *, top: int, right: float) -> list[str]:
    """The words beside the last column, each at the middle of its band and joined to it by a line."""
    middles, y = [], float(PLOT_TOP + PLOT_HEIGHT)
    for line in shown:
        height = PLOT_HEIGHT * line.values[-1] / top
        middles.append(y - height / 2)
        y -= height
    places = spread_labels(middles, top=PLOT_TOP + 4, bottom=PLOT_TOP + PLOT_HEIGHT)
    labels = []
    for line, middle, place in zip(shown, middles, places, strict=True):
        labels.append(
            f'<line x1="{right}%" x2="{right + 1.8}%" y1="{middle:.1f}" y2="{place:.1f}" stroke="{SOFT}"/>'
            + _text(right + 2.2, place + 5, f"{line.label} {line.values[-1]:,}")
        )
    return labels


def histogram(*, chart_id: str, title: str, unit: str, class_label: str, bins: Sequence[Bin]) -> Chart:
    """How many fell into each class (time to receipt), the figure above each column, the class below it."""
    top, right = round_top(max((each.value for each in bins), default=0)), 100.0
    body = _scale(top, right)
    width = (right - PLOT_LEFT) / max(len(bins), 1)
    every = ceil(len(bins) / 6) or 1
    for place, each in enumerate(bins):
        x, height = PLOT_LEFT + width * place, PLOT_HEIGHT * each.value / top
        y = PLOT_TOP + PLOT_HEIGHT - height
        middle = x + width / 2
        if each.value:
            body.append(_rect(x + width * 0.08, y, width * 0.84, height, fill(chart_id=chart_id, key="delivered")))
            body.append(_text(middle, y - 4, f"{each.value:,}", anchor="middle", css="chart__strong"))
        if place % every == 0:
            body.append(_text(middle, PLOT_TOP + PLOT_HEIGHT + 22, each.label, anchor="middle", css="chart__soft"))
    whole = sum(each.value for each in bins)
    return Chart(
        title=title,
        unit=unit,
        svg=_document(
            chart_id=chart_id,
            title=title,
            description=_describe(((each.label, each.value) for each in bins), unit),
            height=PLOT_TOP + PLOT_HEIGHT + AXIS_HEIGHT,
            body=body,
            keys=["delivered"],
        ),
        columns=(class_label, unit, "%"),
        rows=tuple((each.label, each.value, _percent(each.value, whole)) for each in bins),
    )


def funnel(*, chart_id: str, title: str, unit: str, steps: Sequence[Part]) -> Chart:
    """How many are left after each step: bars under one another, above each its word, figure and share of the first."""
    whole = steps[0].value if steps else 0
    bar, row = 24, 58
    body = []
    for place, step in enumerate(steps):
        y = place * row
        words = f"{_counted(step.value, unit)}（{_percent(step.value, whole)}）"
        body.append(_text(0, y + 16, step.label, css="chart__strong") + _text(100, y + 16, words, anchor="end"))
        body.append(f'<rect x="0" y="{y + 24}" width="100%" height="{bar}" fill="#f2f2f2"/>')
        if step.value:
            body.append(_rect(0, y + 24, _share(step.value, whole), bar, fill(chart_id=chart_id, key=step.key)))
    return Chart(
        title=title,
        unit=unit,
        svg=_document(
            chart_id=chart_id,
            title=title,
            description=_describe(((step.label, step.value) for step in steps), unit),
            height=max(row * len(steps), 1),
            body=body,
            keys=[step.key for step in steps],
        ),
        columns=("", unit, "%"),
        rows=tuple((step.label, step.value, _percent(step.value, whole)) for step in steps),
    )


def sparkline(
    *, chart_id: str, title: str, unit: str, values: Sequence[float], threshold: float | None = None
) -> Chart:
    """A line for a table cell (112 × 32 px), the threshold dashed. First, last and highest value are its words."""
    highest = max([*values, threshold or 0, 1])
    width, height = 112, 32
    step = (width - 6) / max(len(values) - 1, 1)
    points = [(3 + step * place, height - 3 - (height - 6) * value / highest) for place, value in enumerate(values)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    body = f'<polyline points="{line}" fill="none" stroke="{PRIMARY}" stroke-width="2" stroke-linejoin="round"/>'
    if points:
        body += f'<circle cx="{points[-1][0]:.1f}" cy="{points[-1][1]:.1f}" r="2.5" fill="{PRIMARY}"/>'
    if threshold is not None:
        y = height - 3 - (height - 6) * threshold / highest
        body += f'<line x1="0" x2="{width}" y1="{y:.1f}" y2="{y:.1f}" stroke="{THRESHOLD}" stroke-dasharray="4 3"/>'
    words = (
        f"{title}: {_counted(values[0], unit)} → {_counted(values[-1], unit)}（≤ {_counted(max(values), unit)}）"
        if values
        else title
    )
    name = escape(chart_id)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="sparkline" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" aria-labelledby="{name}-title" focusable="false">'
        f'<title id="{name}-title">{escape(words)}</title>{body}</svg>'
    )
    return Chart(
        title=title,
        unit=unit,
        svg=svg,
        columns=("", unit),
        rows=tuple((str(place), value) for place, value in enumerate(values, start=1)),
    )
