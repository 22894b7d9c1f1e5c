"""The places of the service, and which of them a person may go to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.urls import get_resolver, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tenants.actors import Actor
from tenants.permissions import Permission


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the main navigation: the name of its route, and what a person must be allowed to go there."""

    route: str
    label: str | Promise
    permission: Permission


@dataclass(frozen=True, slots=True)
class NavigationItem:
    """A place as the page shows it; ``count`` is what waits there for this person."""

    url: str
    label: str | Promise
    is_current: bool
    count: int = 0


PLACES: Final = (
    Place(route="today", label=_("今日"), permission=Permission.SEE_TODAY),
    Place(route="rosters", label=_("名簿"), permission=Permission.READ_ROSTERS),
    Place(route="campaigns", label=_("配信"), permission=Permission.READ_CAMPAIGNS),
    Place(route="calls", label=_("架電リスト"), permission=Permission.WORK_CALLS),
    Place(route="inbound", label=_("受け取ったSMS"), permission=Permission.WORK_CALLS),
    Place(route="people", label=_("記録をさがす"), permission=Permission.READ_EVIDENCE),
    Place(route="templates", label=_("文面"), permission=Permission.READ_TEMPLATES),
    Place(route="calendar", label=_("予定"), permission=Permission.READ_CAMPAIGNS),
    Place(route="reports", label=_("集計"), permission=Permission.READ_REPORTS),
    Place(route="settings", label=_("設定"), permission=Permission.SETTINGS),
    Place(route="audit", label=_("操作の記録"), permission=Permission.READ_AUDIT),
    Place(route="ops", label=_("運用"), permission=Permission.OPERATE),
)


def navigation_for(*, actor: Actor, path: str) -> list[NavigationItem]:
    """The places ``actor`` may go to, the one that ``path`` lies in marked; places without a page are left out."""
    routes = get_resolver().reverse_dict
    items = [(reverse(place.route), place) for place in PLACES if place.route in routes and actor.may(place.permission)]
    return [
        NavigationItem(url=url, label=place.label, is_current=path == url if url == "/" else path.startswith(url))
        for url, place in items
    ]
