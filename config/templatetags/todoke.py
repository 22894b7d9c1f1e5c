"""Tags and filters for every page: icons, state badges, banners, dates, and the charts of ``reports.charts``.

Load with ``{% load todoke %}``. What each draws, and what the partials want, stands in docs/reference/components.md.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, tzinfo
from typing import Any, Final

from django import template
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext, ngettext
from django.utils.translation import gettext_lazy as _

from config.icons import ICONS
from reports import charts
from reports.state_words import LOOKS

register = template.Library()

WEEKDAYS_JA: Final = "月火水木金土日"
WEEKDAYS_EN: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS_EN: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
BANNER_LOOKS: Final[Mapping[str, tuple[str, str | Promise]]] = {
    "notice": ("info", _("お知らせ")),
    "confirm": ("question", _("確認が必要です")),
    "release": ("person", _("別の担当者の確認が必要です")),
    "error": ("warning", _("エラー")),
    "success": ("check", _("完了")),
}
STEPS: Final = (_("読み込み"), _("確認"), _("文面"), _("送信前の確認"), _("状況"))
MESSAGE_LEVEL_BANNERS: Final[Mapping[str, str]] = {"error": "error", "warning": "confirm", "success": "success"}


@register.simple_tag
def icon(name: str) -> SafeString:
    """The icon ``name`` in the text's colour and size; hidden from screen readers, so a word must stand beside it."""
    return format_html(
        '<svg class="icon" viewBox="0 0 20 20" width="20" height="20" fill="none" stroke="currentColor" '
        'stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">'
        "{}</svg>",
        mark_safe(ICONS[name]),  # noqa: S308 - our own constant
    )


@register.simple_tag
def state_badge(kind: str, state: str) -> SafeString:
    """The badge of ``state`` (a key of the API's contract) of a message, campaign, roster, route, call or carrier."""
    look = LOOKS[kind][str(state)]
    return format_html('<span class="badge badge--{}">{}<span>{}</span></span>', look.tone, icon(look.shape), look.word)


@register.simple_tag
def state_word(kind: str, state: str) -> str:
    """The word of ``state`` alone, for sentences and options."""
    return str(LOOKS[kind][str(state)].word)


@register.simple_tag
def state_icon(kind: str, state: str) -> SafeString:
    """The shape of ``state`` alone, where its word stands beside it."""
    return icon(LOOKS[kind][str(state)].shape)


@register.inclusion_tag("components/step_bar.html")
def step_bar(current: int, *urls: str) -> dict[str, object]:
    """The five steps of the main way, ``current`` from 1; ``urls`` in their order link the steps already done."""
    links = [*urls, *[""] * len(STEPS)]
    steps = [
        {
            "number": number,
            "word": word,
            "progress": "done" if number < current else "current" if number == current else "coming",
            "url": links[number - 1] if number < current else "",
        }
        for number, word in enumerate(STEPS, start=1)
    ]
    return {"steps": steps}


@register.simple_block_tag
def banner(content: SafeString, kind: str, title: str = "", heading_id: str = "") -> SafeString:
    """A banner around its content: notice, confirm, release, error or success; an error is announced at once."""
    shape, kind_word = BANNER_LOOKS[kind]
    heading_attribute = format_html(' id="{}"', heading_id) if heading_id else ""
    heading = format_html('<p class="banner__title"{}>{}</p>', heading_attribute, title) if title else ""
    return format_html(
        '<div class="banner banner--{}" role="{}">{}<div class="banner__body"><span class="visually-hidden">{}</span>'
        '{}<div class="banner__content">{}</div></div></div>',
        kind,
        "alert" if kind == "error" else "status",
        icon(shape),
        f"{kind_word}: ",
        heading,
        content,
    )


@register.filter
def banner_kind(level_tag: str) -> str:
    """The banner that shows a flash message of Django's ``level_tag``."""
    return MESSAGE_LEVEL_BANNERS.get(level_tag, "notice")


@register.inclusion_tag("components/chart.html")
def chart(drawn: charts.Chart, heading_level: int = 3) -> dict[str, object]:
    """A chart with its title and the table of its data under it."""
    return {
        "drawn": drawn,
        "svg": mark_safe(drawn.svg),  # noqa: S308 - reports.charts escapes every label
        "heading_level": heading_level,
    }


@register.inclusion_tag("components/state_bar.html")
def state_bar(counts: Mapping[str, int], chart_id: str, kind: str = "message") -> dict[str, object]:
    """The whole of a campaign or roster as one bar, ``counts`` by state key; legend in words with figures under it."""
    looks = LOOKS[kind]
    parts = [
        charts.Part(key=key, label=str(look.word), value=counts.get(key, 0))
        for key, look in looks.items()
        if counts.get(key, 0)
    ]
    drawn = charts.stacked_bar(chart_id=chart_id, title=gettext("内訳"), unit=gettext("人"), parts=parts)
    legend = [
        {
            "swatch": mark_safe(charts.swatch(chart_id=chart_id, key=part.key)),  # noqa: S308 - drawn from constants
            "kind": kind,
            "part": part,
        }
        for part in parts
    ]
    return {"svg": mark_safe(drawn.svg), "legend": legend}  # noqa: S308 - reports.charts escapes every label


@register.simple_tag
def sparkline(
    values: Sequence[float], chart_id: str, title: str, unit: str, threshold: float | None = None
) -> SafeString:
    """A small line for a table cell; its title says first, highest and last value."""
    drawn = charts.sparkline(chart_id=chart_id, title=title, unit=unit, values=values, threshold=threshold)
    return mark_safe(drawn.svg)  # noqa: S308 - reports.charts escapes every label


def _is_english() -> bool:
    return (get_language() or "ja").startswith("en")


def _local(value: datetime, zone: tzinfo | None = None) -> datetime:
    return timezone.localtime(value, zone) if timezone.is_aware(value) else value


@register.filter
def on_day(value: date | datetime | None) -> str:
    """``12月6日(火)``, with the year where it is not this year: ``2022年12月6日(火)``. English: ``Tue 6 Dec``."""
    if value is None:
        return ""
    day = _local(value) if isinstance(value, datetime) else value
    is_this_year = day.year == timezone.localdate().year
    if _is_english():
        words = f"{WEEKDAYS_EN[day.weekday()]} {day.day} {MONTHS_EN[day.month - 1]}"
        return words if is_this_year else f"{words} {day.year}"
    words = f"{day.month}月{day.day}日({WEEKDAYS_JA[day.weekday()]})"
    return words if is_this_year else f"{day.year}年{words}"


@register.filter
def at_minute(value: datetime | None) -> str:
    """``12月6日(火) 10:32``, never ambiguous."""
    return f"{on_day(value)} {_local(value):%H:%M}" if value is not None else ""


@register.filter
def at_second(value: datetime | None) -> str:
    """``12月6日(火) 10:32:05``, for evidence."""
    return f"{on_day(value)} {_local(value):%H:%M:%S}" if value is not None else ""


@register.filter
def figure(value: Any) -> str:
    """A count with separators: ``12,340``."""
    return f"{value:,}" if isinstance(value, int) else str(value)


@register.filter
def people(value: int) -> str:
    """How many people, with separators: ``12,340人``."""
    return ngettext("%(count)s人", "%(count)s人", value) % {"count": figure(value)}
