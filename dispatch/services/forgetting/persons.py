"""A person is erased: rows, texts, receipts, calls and notes are emptied, and a certificate says what and what stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dispatch.models import Call, CallState, Campaign, CampaignState, Message
from dispatch.services.forgetting.emptying import empty_calls, empty_messages, public_ids_of
from dispatch.services.viewing import subject_of
from dispatch.states import FINAL
from recipients.models import Recipient, RosterState
from recipients.services.forgetting import erase_consents, erase_rows
from recipients.services.mending import subject_of_row
from tenants.actors import Actor
from tenants.context import current_tenant_id
from tenants.errors import Refused
from tenants.idempotency import blank_answers
from tenants.keys import ring
from tenants.models import Erasure
from tenants.services import forget_subjects, must_cover, record

LONGEST_REASON: Final = 200
ANSWERED: Final = ("to", "text", "reference")  # what the API's answers say of a person
_TABLE: Final = Erasure._meta.db_table
STAYS: Final[dict[str, str | Promise]] = {
    "states": _("送信・受信の日時、結果、通数（だれのものか分からない形で、配信の集計と費用の根拠になります）"),
    "trail": _("操作の記録（だれがいつ何をしたかの証拠です。この人の氏名・番号・直した内容は消してあります）"),
    "strays": _("どのSMSのものか分からない受信の報告と、届いたSMSの原文（封をしたまま、期限が過ぎると消えます）"),
    "opt_outs": _("SMS停止の台帳（停止の希望を守るために要ります。台帳のページで別に消せます）"),
    "backups": _("バックアップ（保存期間が過ぎると消えます。戻したときは、もう一度消去してください）"),
}


class ErasureRefused(Refused):
    """Something about the person is still under way; the sentence says what."""

    code = "erasure_refused"


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is meant: rows by id, or by number and name; ``is_theirs`` looks into a row that the hash found.

    ``phone_hash`` also finds texts that another system sent to the number without any name.
    """

    hash: bytes
    trail: bytes  # by what the audit trail knows them
    id_hash: bytes | None
    phone_hash: bytes | None
    is_theirs: Callable[[Recipient], bool]
    has_nameless_texts: bool


@dataclass(frozen=True, slots=True)
class Traces:
    """All that is known of a person."""

    recipients: tuple[Recipient, ...]
    message_ids: tuple[int, ...]
    call_ids: tuple[int, ...]
    unfinished: int
    open_calls: int

    @property
    def is_empty(self) -> bool:
        return not (self.recipients or self.message_ids or self.call_ids)


@dataclass(frozen=True, slots=True)
class Counts:
    """What was emptied."""

    rows: int
    rosters: int
    files: int
    messages: int
    receipts: int
    calls: int
    notes: int
    answers: int
    trail: int
    consents: int


def traces_of(subject: Subject) -> Traces:
    """Needs the tenant's scope; looks over all departments."""
    found = Recipient.objects.none()
    if subject.id_hash is not None:
        found = Recipient.objects.filter(id_hash=subject.id_hash)
    elif subject.phone_hash is not None:
        found = Recipient.objects.filter(phone_hash=subject.phone_hash, id_hash=None)
    recipients = tuple(row for row in found.select_related("roster").order_by("id") if subject.is_theirs(row))
    ids = [row.pk for row in recipients]
    campaigns = list(
        Campaign.objects.filter(roster_id__in={row.roster_id for row in recipients}).values_list("pk", flat=True)
    )
    states = dict(Message.objects.filter(campaign_id__in=campaigns, recipient_id__in=ids).values_list("pk", "state"))
    if subject.has_nameless_texts and subject.phone_hash is not None:
        nameless = Message.objects.filter(phone_hash=subject.phone_hash, recipient_id=None)
        states |= dict(nameless.values_list("pk", "state"))
    calls = dict(Call.objects.filter(campaign_id__in=campaigns, recipient_id__in=ids).values_list("pk", "state"))
    return Traces(
        recipients=recipients,
        message_ids=tuple(states),
        call_ids=tuple(calls),
        unfinished=sum(state not in FINAL for state in states.values()),
        open_calls=sum(state == CallState.OPEN for state in calls.values()),
    )


def erase_person(*, subject: Subject, reason: str, by: Actor, now: datetime) -> Erasure:
    """Empty everything and write the certificate, in one transaction.

    Raises ``NotAllowed`` unless ``by`` is an admin of the whole tenant, and ``ErasureRefused``.
    """
    must_cover(by, None)
    with transaction.atomic():
        traces = traces_of(subject)
        _must_be_over(traces)
        rows = erase_rows(recipients=traces.recipients)
        messages, receipts = empty_messages(traces.message_ids)
        calls, notes = empty_calls(traces.call_ids)
        consents = erase_consents(id_hash=subject.id_hash, phone_hash=subject.phone_hash)
        public_ids = public_ids_of(Message, traces.message_ids)
        subjects = [subject_of_row(roster_id=row.roster_id, row=row.row) for row in traces.recipients]
        subjects += [subject_of(each) for each in (*public_ids, *public_ids_of(Call, traces.call_ids))]
        counts = Counts(
            rows=rows.rows,
            rosters=rows.rosters,
            files=rows.files,
            messages=messages,
            receipts=receipts,
            calls=calls,
            notes=notes,
            answers=blank_answers(object_ids=public_ids, fields=ANSWERED),
            trail=forget_subjects([subject.trail, *subjects]),
            consents=consents,
        )
        erasure = Erasure(tenant_id=current_tenant_id(), at=now, user_id=by.user_id, subject_hash=subject.hash)
        erasure.seal({"reason": reason.strip()[:LONGEST_REASON], "counts": asdict(counts), "stays": sorted(STAYS)})
        erasure.digest = digest_of(erasure)
        erasure.save()
        record(
            action="person.erased",
            by=by,
            now=now,
            kind="erasure",
            object_id=str(erasure.public_id),
            details={"reason": reason.strip()[:LONGEST_REASON], **asdict(counts)},
        )
    return erasure


def digest_of(erasure: Erasure) -> bytes:
    """A keyed hash over everything that the certificate says: whoever changes a word of it cannot make this again."""
    said: dict[str, Any] = {
        "id": str(erasure.public_id),
        "at": erasure.at.isoformat(),
        "by": erasure.user_id,
        "subject": bytes(erasure.subject_hash).hex(),
        **erasure.personal,
    }
    return ring().hash("erasure", orjson.dumps(said, option=orjson.OPT_SORT_KEYS))


def _must_be_over(traces: Traces) -> None:
    if traces.is_empty:
        raise ErasureRefused(_("この人の記録はありません。"))
    if any(row.roster.state == RosterState.READING for row in traces.recipients):
        raise ErasureRefused(_("この人のいる名簿を読み込んでいます。終わってから、もう一度お試しください。"))
    if traces.unfinished:
        raise ErasureRefused(
            _("この人へのSMSの結果がまだ決まっていません。結果が出るか、送信を中止してから、もう一度お試しください。")
        )
    if traces.open_calls:
        raise ErasureRefused(_("この人は架電リストに残っています。対応を終えてから、もう一度お試しください。"))
    rosters = {row.roster_id for row in traces.recipients}
    waiting = Campaign.objects.filter(roster_id__in=rosters, is_expanded=False)
    if waiting.exclude(state__in=[CampaignState.CANCELLED, CampaignState.DONE, CampaignState.SENT]).exists():
        raise ErasureRefused(
            _("この人のいる名簿の配信が、下書きか送信待ちです。送るか中止してから、もう一度お試しください。")
        )
