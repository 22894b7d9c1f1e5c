"""Reasons, outcomes and rules of sending in words that staff can act on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from recipients import labels as rosters

Words = str | Promise

FAILURES: Final[Mapping[str, Words]] = {
    "out_of_reach": _("圏外・電源断"),
    "refused_by_recipient": _("受信拒否"),
    "not_in_use": _("欠番（使われていない番号）"),
    "ported": _("携帯会社の変更（MNP）で届かず"),
    "carrier_trouble": _("携帯会社側の障害"),
    "text_too_long": _("文面が長すぎる"),
    "expired": _("期限までに届かず"),
    "invalid_number": _("使えない番号"),
    "unknown_code": _("携帯会社からの不明な応答"),
    "set_aside": _("処理できず保留"),
    "no_receipt": _("受信の報告が届かないまま期限切れ"),
    "unknown": _("送信できたか不明のまま期限切れ"),
    "undelivered": _("不達（理由の報告なし）"),
    "rejected": _("拒否（理由の報告なし）"),
    "failed": _("送信できず（理由の報告なし）"),
    "": _("理由の報告なし"),
}
NEXT_STEPS: Final[Mapping[str, Words]] = {
    "out_of_reach": _("時間をおいて電話してください。"),
    "refused_by_recipient": _("SMSの受信を拒否しています。電話で伝えてください。"),
    "not_in_use": _("番号が使われていません。別の連絡先を調べてください。"),
    "ported": _("電話はつながります。電話で伝えてください。"),
    "carrier_trouble": _("電話で伝えてください。続くときは運用担当者に知らせてください。"),
    "text_too_long": _("文面を短くして送り直すか、電話で伝えてください。"),
    "expired": _("端末が長く圏外でした。電話で伝えてください。"),
    "invalid_number": _("番号を確かめてください。"),
    "unknown_code": _("運用担当者にも知らせています。電話で伝えてください。"),
    "set_aside": _("この行は文面を作れませんでした。電話で伝え、運用担当者に知らせてください。"),
    "no_receipt": _("届いたかどうか分かりません。電話で確かめてください。"),
    "unknown": _("届いたかどうか分かりません。電話で確かめてください。"),
}


def reason_word(code: str, *, age_limit: int | None = None) -> str:
    """A few words for why somebody is phoned or a text did not arrive; an unknown code stands for itself."""
    if code in FAILURES:
        return str(FAILURES[code])
    return rosters.reason_label(code, age_limit=age_limit)


def next_step(code: str) -> str:
    """What to do about a text that did not arrive; "" where the word says enough."""
    return str(NEXT_STEPS.get(code, ""))
