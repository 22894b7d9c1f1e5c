"""What happened to a message, in sentences that are read aloud to whoever calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.utils import timezone
from django.utils.dateformat import format as date_format
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from dispatch.evidence import Event
from dispatch.models import CallState, EventKind, Outcome
from recipients.labels import reason_label, reason_sentence
from reports.carrier_words import bind_words, stuck_words
from reports.models import IncidentKind
from reports.selectors.left_out import LeftOut
from reports.selectors.people import Phoned

REASONS: Final[Mapping[str, str | Promise]] = {
    "out_of_reach": gettext_lazy("圏外または電源が入っていません"),
    "refused_by_recipient": gettext_lazy("受信する人の設定で拒否されました"),
    "not_in_use": gettext_lazy("使われていない番号です"),
    "ported": gettext_lazy("携帯会社が変わった番号です"),
    "carrier_trouble": gettext_lazy("通信会社の側で届けられませんでした"),
    "text_too_long": gettext_lazy("文面が長すぎました"),
    "expired": gettext_lazy("期限までに受信されませんでした"),
    "no_receipt": gettext_lazy("期限までに受信の報告がありませんでした"),
    "invalid_number": gettext_lazy("送れない番号です"),
    "unknown_code": gettext_lazy("通信会社の理由コードの意味が分かりません"),
    "set_aside": gettext_lazy("送信の準備ができませんでした"),
    "no_consent": gettext_lazy("SMSへの同意がありません"),
    "age": gettext_lazy("年齢の決まりで電話にしました"),
    "landline": gettext_lazy("固定電話です"),
    "ip_phone": gettext_lazy("IP電話（050）です"),
    "not_a_mobile": gettext_lazy("SMSが届かない番号です"),
    "opted_out": gettext_lazy("SMSの停止を希望しています"),
    "unknown": gettext_lazy("届いたかどうか分かりません"),
}
RECEIPTS: Final[Mapping[str, tuple[str | Promise, str, str]]] = {
    "delivered": (gettext_lazy("%(at)s に端末が受信しました。"), "check", "success"),
    "undelivered": (gettext_lazy("%(at)s に、届かなかったと通信会社が報告しました。"), "cross", "danger"),
    "rejected": (gettext_lazy("%(at)s に、拒否されたと通信会社が報告しました。"), "slash", "danger"),
    "expired": (gettext_lazy("%(at)s に、期限切れになったと通信会社が報告しました。"), "hourglass", "caution"),
    "pending": (gettext_lazy("%(at)s に、まだ届けている途中だと通信会社が報告しました。"), "clock", "progress"),
}
EVENTS: Final[Mapping[str, tuple[str | Promise, str, str]]] = {
    "created": (gettext_lazy("%(at)s に%(by)sが作成しました。"), "pencil", ""),
    "approved": (gettext_lazy("%(at)s に%(by)sが承認しました。"), "person", ""),
    "released": (gettext_lazy("%(at)s に%(by)sが送信を指示しました。"), "arrow", "progress"),
    "queued": (gettext_lazy("%(at)s に送信の準備ができました。"), "dots", ""),
    "accepted": (gettext_lazy("%(at)s に送信しました。"), "arrow", "progress"),
    "failed": (gettext_lazy("%(at)s に、送信できないと分かりました。"), "warning", "danger"),
    EventKind.UNKNOWN: (
        gettext_lazy("%(at)s に接続が切れ、送信できたかどうか分からなくなりました。"),
        "question",
        "caution",
    ),
    EventKind.LATE_ANSWER: (gettext_lazy("%(at)s に通信会社の応答が遅れて届きました。"), "clock", "progress"),
    EventKind.RESENT_BY_POLICY: (
        gettext_lazy("%(at)s に規則によりもう一度送信することにしました。"),
        "arrow",
        "progress",
    ),
    EventKind.REPEATED: (
        gettext_lazy("%(at)s に、二重にならない方法でもう一度送信することにしました。"),
        "arrow",
        "progress",
    ),
    EventKind.REROUTED: (gettext_lazy("%(at)s に、別の回線に切り替えました。"), "arrow", "progress"),
    EventKind.SENT_AGAIN: (gettext_lazy("%(at)s に%(by)sがもう一度送信することにしました。"), "arrow", "progress"),
    EventKind.TAKEN_AS_SENT: (gettext_lazy("%(at)s に%(by)sが送信済みとして扱うことにしました。"), "check", ""),
    EventKind.DEADLINE: (gettext_lazy("%(at)s に期限が過ぎたため、電話で連絡することにしました。"), "phone", "caution"),
    EventKind.CANCELLED: (gettext_lazy("%(at)s に送信を取り消しました。"), "minus", ""),
    EventKind.SET_ASIDE: (gettext_lazy("%(at)s に送信の準備ができず、保留しました。"), "warning", "danger"),
}
AILMENTS: Final[Mapping[str, str | Promise]] = {
    "refused": gettext_lazy("通信会社に接続を断られました"),
    "unbound": gettext_lazy("つながりません"),
    "failing": gettext_lazy("エラーが続いています"),
    "silent": gettext_lazy("受信の報告が来ません"),
    "unusable": gettext_lazy("設定に誤りがあります"),
    "switched_off": gettext_lazy("停止中です"),
}
"""Why an account was passed over: ``carriers.health.Ailment``, and ``UNUSABLE`` and ``SWITCHED_OFF`` of ``dispatch.routing``."""
CALL_REFUSALS: Final[Mapping[str, str | Promise]] = {
    "no_proof": gettext_lazy("署名や合言葉のない呼び出しがあります"),
    "wrong_proof": gettext_lazy("署名や合言葉が設定と合いません"),
    "wrong_time": gettext_lazy("署名の時刻が古いか、時計が合っていません"),
    "no_receipts": gettext_lazy("受信報告の形が設定と合いません"),
    "failed": gettext_lazy("設定の誤りで受信報告を読めません"),
}
"""Why calls of an account's webhook are refused: ``carriers.errors.Refusal``."""
_AMOUNTS: Final[Mapping[str, str | Promise]] = {
    IncidentKind.RECEIPTS_DELAYED: gettext_lazy("平均 %(n)s秒"),
    IncidentKind.MESSAGE_SET_ASIDE: gettext_lazy("%(n)s通"),
    IncidentKind.ROWS_SET_ASIDE: gettext_lazy("%(n)s行"),
    IncidentKind.ROSTER_GIVEN_UP: gettext_lazy("%(n)s回試しました"),
    IncidentKind.CAMPAIGN_GIVEN_UP: gettext_lazy("%(n)s回試しました"),
    IncidentKind.FOLLOW_UP_GIVEN_UP: gettext_lazy("%(n)s件"),
}
CALLED: Final[Mapping[str, str | Promise]] = {
    Outcome.REACHED: gettext_lazy("%(at)s に%(by)sが電話し、つながりました。"),
    Outcome.NO_ANSWER: gettext_lazy("%(at)s に%(by)sが電話しましたが、不在でした。"),
    Outcome.WRONG_NUMBER: gettext_lazy("%(at)s に%(by)sが電話しましたが、番号違いでした。"),
    Outcome.LEFT_MESSAGE: gettext_lazy("%(at)s に%(by)sが電話し、伝言を残しました。"),
    Outcome.VISIT: gettext_lazy("%(at)s に%(by)sが訪問に切り替えました。"),
    Outcome.CLOSED: gettext_lazy("%(at)s に%(by)sが理由を付けて終了しました。"),
    Outcome.RECEIVED: gettext_lazy("%(at)s に、SMSが届いたため電話を取りやめました。"),
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One line of a time line, as ``components/timeline.html`` wants it."""

    shape: str
    tone: str
    sentence: str
    detail: str = ""


def reason_words(reason: str | None) -> str:
    """Why, in words; a reason that nobody foresaw stands as it is."""
    return str(REASONS.get(reason or "", reason or ""))


def ailment_words(ailment: str) -> str:
    """What ails a carrier account, in words; one that nobody foresaw stands as it is."""
    return str(AILMENTS.get(ailment, ailment))


def incident_words(kind: str, detail: str) -> str:
    """The detail of an incident as it is shown and mailed: what ails the account and what the carrier said, or how many."""
    if kind == IncidentKind.CALLS_REFUSED:
        return str(CALL_REFUSALS.get(detail, detail))
    if kind == IncidentKind.ACCOUNT_SICK:
        ailment, _colon, rest = detail.partition(": ")
        return _("、").join(filter(None, (ailment_words(ailment), bind_words(rest), rest)))
    if kind == IncidentKind.BATCH_STUCK:
        account, _colon, rest = detail.rpartition(": ")
        return _("%(account)s：%(why)s") % {"account": account, "why": stuck_words(rest)}
    if kind in _AMOUNTS:
        return str(_AMOUNTS[kind]) % {"n": detail.removesuffix(" s")}
    return detail


def sentences_of(events: Sequence[Event]) -> list[Sentence]:
    """The day is said once, then times only, until the day changes."""
    said = SaidDay()
    return [_sentence(event, said) for event in events]


def _sentence(event: Event, said: SaidDay) -> Sentence:
    words, shape, tone = RECEIPTS.get(event.detail, EVENTS["failed"]) if event.kind == "receipt" else EVENTS[event.kind]
    by = _("%(name)sさん") % {"name": event.by} if event.by else _("システム")
    return Sentence(
        shape=shape, tone=tone, sentence=str(words) % {"at": said.at(event.at), "by": by}, detail=_detail(event)
    )


def _detail(event: Event) -> str:
    pieces = []
    if event.part:
        pieces.append(_("%(part)s通目") % {"part": event.part})
    if event.reason:
        pieces.append(reason_words(event.reason))
    if event.code:
        pieces.append(_("通信会社のコード %(code)s") % {"code": event.code})
    if event.kind == "accepted" and event.detail:
        pieces.append(_("通信会社の受付番号 %(id)s") % {"id": event.detail})
    if event.kind == EventKind.REROUTED and event.detail:
        way, _colon, ailment = event.detail.rpartition(": ")
        pieces += [piece for piece in (way, ailment_words(ailment)) if piece]
    if event.kind == "created" and event.detail:
        pieces.append(_("APIキー「%(name)s」") % {"name": event.detail})
    return _("、").join(pieces)


def sentences_of_call(phoned: Phoned) -> list[Sentence]:
    """Why somebody is phoned, and what came of it."""
    said, call = SaidDay(), phoned.call
    reason = reason_words(call.reason)
    lines = [
        Sentence(
            shape="phone",
            tone="caution",
            sentence=_("%(at)s に電話の対象になりました。") % {"at": said.at(call.created_at)},
            detail=reason,
        )
    ]
    for attempt in phoned.attempts:
        by = _("%(name)sさん") % {"name": attempt.user.name}
        lines.append(
            Sentence(
                shape="check" if attempt.outcome == Outcome.REACHED else "phone",
                tone="success" if attempt.outcome == Outcome.REACHED else "",
                sentence=str(CALLED[attempt.outcome]) % {"at": said.at(attempt.at), "by": by},
                detail=str(attempt.personal.get("note", "")),
            )
        )
    if call.state == CallState.OPEN:
        lines.append(Sentence(shape="phone", tone="caution", sentence=_("まだ連絡が取れていません。")))
    return lines


def sentence_of_left_out(left_out: LeftOut) -> Sentence:
    """Why there was no text and no call."""
    said = SaidDay()
    at = said.at(left_out.at)
    if left_out.is_of_campaign:
        sentence = _("%(at)s からの配信では、SMSを送りませんでした。") % {"at": at}
    else:
        sentence = _("%(at)s に読み込んだ名簿で、連絡の対象外になりました。") % {"at": at}
    return Sentence(shape="minus", tone="", sentence=sentence, detail=_why_left_out(left_out, said))


def _why_left_out(left_out: LeftOut, said: SaidDay) -> str:
    if left_out.same_as_row:
        return _("名簿の%(row)s行目の人への1通と、番号も文も同じです。") % {"row": left_out.same_as_row}
    if left_out.had_at:
        return _("同じ文面を %(at)s に送ったばかりです。") % {"at": said.at(left_out.had_at)}
    return reason_sentence(left_out.reason, left_out.detail) or reason_label(left_out.reason)


class SaidDay:
    """``12月6日 10:32:05`` at first, ``10:32:09`` after that on the same day."""

    def __init__(self) -> None:
        self._day = ""

    def at(self, instant: datetime) -> str:
        local = timezone.localtime(instant)
        day = _day(local.date())
        if day == self._day:
            return f"{local:%H:%M:%S}"
        self._day = day
        return f"{day} {local:%H:%M:%S}"


def _day(day: date) -> str:
    """12月6日, with the year where it is not this year."""
    is_this_year = day.year == timezone.localdate().year
    if (get_language() or "ja").startswith("ja"):
        return date_format(day, "n月j日" if is_this_year else "Y年n月j日")
    return date_format(day, "j F" if is_this_year else "j F Y")
