"""The one table of words, shapes and tones for the states a person sees.

A state is never told by colour alone: each has a word (Japanese msgid), a shape (an icon of ``config/templatetags``)
and a tone (a CSS class). Keys are the words of the API's contract.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Tone = Literal["waiting", "progress", "success", "caution", "danger", "muted"]


@dataclass(frozen=True, slots=True)
class StateLook:
    """How one state is shown."""

    word: str | Promise
    shape: str
    tone: Tone


MESSAGE: Final[Mapping[str, StateLook]] = {
    "queued": StateLook(word=_("送信待ち"), shape="dots", tone="waiting"),
    "sending": StateLook(word=_("送信中"), shape="arrow", tone="progress"),
    "accepted": StateLook(word=_("受信確認待ち"), shape="clock", tone="progress"),
    "delivered": StateLook(word=_("受信済み"), shape="check", tone="success"),
    "undelivered": StateLook(word=_("不達"), shape="cross", tone="danger"),
    "expired": StateLook(word=_("期限切れ"), shape="hourglass", tone="caution"),
    "rejected": StateLook(word=_("拒否"), shape="slash", tone="danger"),
    "failed": StateLook(word=_("送信できず"), shape="warning", tone="danger"),
    "unknown": StateLook(word=_("結果不明"), shape="question", tone="caution"),
    "cancelled": StateLook(word=_("取消"), shape="minus", tone="muted"),
}

CAMPAIGN: Final[Mapping[str, StateLook]] = {
    "draft": StateLook(word=_("下書き"), shape="pencil", tone="waiting"),
    "approval_requested": StateLook(word=_("承認待ち"), shape="person", tone="caution"),
    "approved": StateLook(word=_("承認済み"), shape="check", tone="progress"),
    "scheduled": StateLook(word=_("予約済み"), shape="calendar", tone="progress"),
    "sending": StateLook(word=_("送信中"), shape="arrow", tone="progress"),
    "paused": StateLook(word=_("一時停止"), shape="pause", tone="caution"),
    "sent": StateLook(word=_("送信完了"), shape="check", tone="success"),
    "done": StateLook(word=_("すべて完了"), shape="flag", tone="success"),
    "cancelled": StateLook(word=_("取消"), shape="minus", tone="muted"),
}

ROSTER: Final[Mapping[str, StateLook]] = {
    "reading": StateLook(word=_("読み込み中"), shape="arrow", tone="progress"),
    "ready": StateLook(word=_("読み込み済み"), shape="check", tone="success"),
    "failed": StateLook(word=_("読み込めません"), shape="warning", tone="danger"),
}

ROUTE: Final[Mapping[str, StateLook]] = {
    "sms": StateLook(word=_("SMS"), shape="bubble", tone="progress"),
    "call": StateLook(word=_("電話"), shape="phone", tone="caution"),
    "error": StateLook(word=_("要修正"), shape="warning", tone="danger"),
    "skip": StateLook(word=_("対象外"), shape="minus", tone="muted"),
}

CALL: Final[Mapping[str, StateLook]] = {
    "open": StateLook(word=_("未完了"), shape="phone", tone="caution"),
    "done": StateLook(word=_("完了"), shape="check", tone="success"),
}

CARRIER: Final[Mapping[str, StateLook]] = {
    "bound": StateLook(word=_("接続済み"), shape="check", tone="success"),
    "connecting": StateLook(word=_("接続を待っています"), shape="dots", tone="caution"),
    "refused": StateLook(word=_("接続を断られました"), shape="slash", tone="danger"),
    "down": StateLook(word=_("切断"), shape="cross", tone="danger"),
    "disabled": StateLook(word=_("停止中"), shape="pause", tone="muted"),
}

LOOKS: Final[Mapping[str, Mapping[str, StateLook]]] = {
    "message": MESSAGE,
    "campaign": CAMPAIGN,
    "roster": ROSTER,
    "route": ROUTE,
    "call": CALL,
    "carrier": CARRIER,
}
