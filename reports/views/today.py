"""今日: what went out, what is under way, what waits for me, who is not reached yet. And 予定."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from dispatch.selectors.progress import minutes_of, progress_of, receipt_delays_of
from reports.drawing import draw_delays, draw_funnel, draw_states
from reports.selectors.calendar import days_ahead
from reports.selectors.today import Today, routes_of, states_over_day, today_for, visible_campaigns
from tenants.middleware import actor_for
from tenants.pages import GET, page
from tenants.permissions import Permission

POLL_S = 5
POLL_SLOWLY_S = 60


@page(Permission.SIGNED_IN, methods=GET)
def home(request: HttpRequest) -> HttpResponse:
    """The first page: operators see the service, everybody else their day."""
    actor = actor_for(request)
    if actor.may(Permission.OPERATE):
        return redirect("ops")
    today = today_for(by=actor, now=timezone.now())
    context = {
        "today": today,
        "delay_s": _delay(today),
        "can_send": actor.may(Permission.SEND),
        "can_upload": actor.may(Permission.EDIT_ROSTERS),
        **_charts(today),
    }
    template = "reports/_cards.html" if request.headers.get("HX-Request") else "reports/today.html"
    return render(request, template, context)


def _delay(today: Today) -> int:
    """Quick while something moves."""
    is_moving = any(card.counts["queued"] + card.counts["accepted"] for card in today.cards)
    return POLL_S if is_moving else POLL_SLOWLY_S


def _charts(today: Today) -> dict[str, object]:
    campaigns = [card.campaign for card in today.cards]
    moments = [(moment.at, moment.counts) for moment in states_over_day(campaigns, now=timezone.now())]
    routes = routes_of(today.cards)
    return {
        "states_chart": draw_states(moments, chart_id="day", title=_("今日のSMSの状態の移り変わり"))
        if moments
        else None,
        "routes": routes if any(routes.values()) else None,
    }


@page(Permission.READ_CAMPAIGNS, methods=GET)
def campaign_charts(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The charts of one campaign, for its page."""
    campaign = get_object_or_404(visible_campaigns(actor_for(request)), public_id=public_id)
    progress = progress_of(campaign)
    moments = [(minute.minute, minute.counts) for minute in minutes_of(campaign)]
    delays = receipt_delays_of(campaign)
    context = {
        "states_chart": draw_states(moments, chart_id="campaign-states", title=_("状態の移り変わり"))
        if moments
        else None,
        "delays_chart": draw_delays(delays, chart_id="campaign-delays", title=_("受信までの時間"))
        if any(bucket.count for bucket in delays)
        else None,
        "funnel_chart": draw_funnel(
            progress.counts, rows=campaign.rows, chart_id="campaign-funnel", title=_("名簿から受信まで")
        )
        if progress.messages
        else None,
    }
    return render(request, "reports/_campaign_charts.html", context)


@page(Permission.READ_CAMPAIGNS, methods=GET)
def calendar(request: HttpRequest) -> HttpResponse:
    """What goes out when, of all departments that this person sees."""
    return render(request, "reports/calendar.html", {"days": days_ahead(by=actor_for(request), now=timezone.now())})
