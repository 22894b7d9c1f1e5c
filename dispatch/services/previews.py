"""What people would read, before anything is made of it: the text as some of them get it, its parts and its cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dispatch.models import Campaign
from dispatch.selectors.campaigns import MILLICENTS_PER_YEN
from dispatch.services.campaigns.survey import Survey, survey
from dispatch.services.recipient_rows import roster_headers
from recipients.models import Recipient, Roster
from recipients.routing_rules import Reason
from recipients.selectors.rosters import sample_recipients
from templates_sms.rendering import Renderer, TemplateProblem
from templates_sms.selectors import Preview as TextPreview
from templates_sms.selectors import preview_text
from tenants.clock import today
from tenants.models import Tenant

SURVEYED: Final = 2_000
"""A larger roster's total is estimated from its first rows while the text is being written."""

_LATE_SKIPS: Final[dict[str, Any]] = {
    str(Reason.HAD_RECENTLY): gettext_lazy(
        "同じ文面を受け取ったばかりの %(count)s人には、もう一度は送りません（対象外）。"
    ),
    str(Reason.DUPLICATE): gettext_lazy(
        "同じ番号に同じ文になる %(count)s人は、前の行の人への1通で連絡します（対象外）。"
    ),
}


@dataclass(frozen=True, slots=True)
class PersonText:
    """The text as one person reads it, and whose it is."""

    caption: str
    preview: TextPreview


@dataclass(frozen=True, slots=True)
class Preview:
    """``problem`` says why the text cannot be used; then the rest is empty."""

    problem: str = ""
    people: int = 0
    parts: int = 0
    cost_yen: int = 0
    is_estimate: bool = False
    holes: int = 0
    late_calls: int = 0
    late_skips: tuple[tuple[str, int], ...] = ()  # why, and how many people
    texts: tuple[PersonText, ...] = ()
    advice: tuple[str, ...] = ()


def preview_of(
    *, roster: Roster, text: str, tenant: Tenant, limit: int | None = SURVEYED, campaign: Campaign | None = None
) -> Preview:
    """Never raises for a text that cannot be used: the page says why. ``limit`` None counts every row.

    ``campaign`` is the draft that has this text, where there is one: what was sent earlier is asked for its template.
    """
    if not text.strip():
        return Preview(problem=_("文面を入力してください。"))
    try:
        Renderer(text, headers=roster_headers(roster))
    except TemplateProblem as exc:
        return Preview(problem=exc.user_message)
    campaign = campaign or Campaign(tenant_id=tenant.pk, roster=roster, text=text, as_of=today())
    found = survey(campaign, tenant=tenant, limit=limit)
    people, parts = _scaled(found, roster)
    advice = preview_text(text, tenant=tenant).advice
    return Preview(
        people=people,
        parts=parts,
        cost_yen=parts * tenant.price_per_part_millicents // MILLICENTS_PER_YEN,
        is_estimate=found.rows < roster.rows,
        holes=found.holes,
        late_calls=found.late_calls,
        late_skips=tuple((_LATE_SKIPS[reason] % {"count": f"{n:,}"}, n) for reason, n in found.late_skips.items()),
        texts=tuple(_texts(roster, text, tenant)),
        advice=tuple(advice),
    )


def _scaled(found: Survey, roster: Roster) -> tuple[int, int]:
    """(people, parts) of the whole roster."""
    if found.rows >= roster.rows or not found.texts:
        return found.texts, found.parts
    return roster.sms, round(found.parts / found.texts * roster.sms)


def _texts(roster: Roster, text: str, tenant: Tenant) -> list[PersonText]:
    samples = sample_recipients(roster, count=1)
    if samples is None:
        return []
    wanted = [
        (_("最初の人（%(row)s行目）"), samples.first),
        (_("文が長くなりそうな人（%(row)s行目）"), samples.longest),
        *((_("無作為に選んだ人（%(row)s行目）"), recipient) for recipient in samples.random),
        (_("最後の人（%(row)s行目）"), samples.last),
    ]
    seen: set[int] = set()
    texts: list[PersonText] = []
    for caption, recipient in wanted:
        if recipient.pk not in seen:
            seen.add(recipient.pk)
            named = caption % {"row": roster.sheet_rows.of(recipient.row)}
            texts.append(PersonText(named, text_for(recipient, text, tenant=tenant)))
    return texts


def text_for(recipient: Recipient, text: str, *, tenant: Tenant) -> TextPreview:
    """The text as this person reads it."""
    return preview_text(text, tenant=tenant, values=recipient.personal.get("cells", {}))
