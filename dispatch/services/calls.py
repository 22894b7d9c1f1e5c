"""The call list: what came of each call, and who is on whose row."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from dispatch.models import ENDING_OUTCOMES, Call, CallAttempt, CallState, CampaignState, Outcome
from dispatch.services.errors import BadOutcome, CallClosed, NoteMissing
from dispatch.services.repairs import settle_campaign
from tenants.actors import Actor
from tenants.permissions import Permission
from tenants.services import record

LONGEST_NOTE = 2_000
BY_STAFF = frozenset(Outcome) - {Outcome.RECEIVED}


def record_attempt(*, call: Call, outcome: str, by: Actor, now: datetime, note: str = "") -> CallAttempt:
    """Write down a try to reach the person; reached, visit and closed end the call.

    Raises ``NotAllowed``, ``BadOutcome``, ``NoteMissing`` (closing wants a reason) or ``CallClosed``.
    """
    call = Call.objects.select_for_update(of=("self",), no_key=True).select_related("campaign").get(pk=call.pk)
    by.must(Permission.WORK_CALLS, department_id=call.campaign.department_id)
    if outcome not in BY_STAFF:
        raise BadOutcome(fields={"outcome": [str(BadOutcome.user_message)]})
    note = note.strip()
    if outcome == Outcome.CLOSED and not note:
        raise NoteMissing(fields={"note": [str(NoteMissing.user_message)]})
    if len(note) > LONGEST_NOTE:
        sentence = _("メモは%(number)s字までです。") % {"number": LONGEST_NOTE}
        raise BadOutcome(sentence, fields={"note": [sentence]})
    if call.state == CallState.DONE:
        raise CallClosed
    attempt = CallAttempt(call=call, at=now, user_id=by.user_id, outcome=outcome)
    attempt.seal({"note": note})
    attempt.save()
    if outcome in ENDING_OUTCOMES:
        call.state, call.outcome, call.done_at = CallState.DONE, outcome, now
        call.viewed_by_id, call.viewed_at = None, None
    else:
        call.outcome = outcome
    call.save(update_fields=["state", "outcome", "done_at", "viewed_by", "viewed_at"])
    _record(call, by=by, now=now, outcome=outcome)
    if call.state == CallState.DONE and call.campaign.state == CampaignState.SENT:
        settle_campaign(campaign_id=call.campaign_id, now=now)
    return attempt


def open_call(*, call: Call, by: Actor, now: datetime) -> None:
    """Tell colleagues who is on this row. The last one who opened it stands there."""
    if call.state == CallState.OPEN:
        Call.objects.filter(pk=call.pk).update(viewed_by_id=by.user_id, viewed_at=now)


def _record(call: Call, *, by: Actor, now: datetime, outcome: str) -> None:
    details = {"outcome": outcome, "row": call.row}
    record(
        action="call.attempted",
        by=by,
        now=now,
        kind="call",
        object_id=str(call.public_id),
        details=details,
        department_id=call.campaign.department_id,
    )
