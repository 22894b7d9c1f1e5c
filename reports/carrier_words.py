"""What carriers answer by code, in words for operators: the code stands beside them, since a carrier's support asks for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

_BUSY: Final = gettext_lazy("混んでいます（あとで送ります）")
_TROUBLE: Final = gettext_lazy("通信会社の側の障害です")
_NUMBER: Final = gettext_lazy("宛先の番号を受け付けません")
_SENDER: Final = gettext_lazy("送信元の番号を受け付けません")
_FORM: Final = gettext_lazy("送り方が通信会社の仕様と合いません")
_NOT_BOUND: Final = gettext_lazy("接続の状態が合いません")
_SIGN_IN: Final = gettext_lazy("IDかパスワードが違います")
_NO_ANSWER: Final = gettext_lazy("応答がありません")
_ENCODING: Final = gettext_lazy("送れない文字があります")
_NO_CONNECTION: Final = gettext_lazy("接続できません")

_SMPP: Final[Mapping[int, str | Promise]] = {
    0x01: gettext_lazy("文面が長すぎます"),
    0x04: _NOT_BOUND,
    0x05: gettext_lazy("すでに接続しています"),
    0x08: _TROUBLE,
    0x0A: _SENDER,
    0x0B: _NUMBER,
    0x0D: gettext_lazy("接続を断られました"),
    0x0E: _SIGN_IN,
    0x0F: _SIGN_IN,
    0x14: _BUSY,
    0x45: gettext_lazy("通信会社が受け付けませんでした"),
    0x48: _SENDER,
    0x49: _SENDER,
    0x50: _NUMBER,
    0x51: _NUMBER,
    0x53: gettext_lazy("接続の種類（system_type）が違います"),
    0x58: gettext_lazy("速すぎます（あとで送ります）"),
    0x64: _TROUBLE,
    0x65: _TROUBLE,
    0x66: gettext_lazy("受信する側に断られました"),
    0xFE: gettext_lazy("届けられませんでした"),
    0xFF: gettext_lazy("通信会社も理由が分からないエラーです"),
    **dict.fromkeys((0x02, 0x03, 0x06, 0x07, 0x0C, 0x11, 0x13, 0x15, 0x33, 0x34, 0x40, 0x42, 0x43, 0x44), _FORM),
    **dict.fromkeys((0x54, 0x55, 0x61, 0x62, 0x63, 0x67, 0xC0, 0xC1, 0xC2, 0xC3, 0xC4), _FORM),
}
"""command_status: SMPP 3.4 §5.1.3."""

_HTTP: Final[Mapping[int, str | Promise]] = {
    401: _SIGN_IN,
    402: gettext_lazy("料金か契約のことで断られました"),
    403: gettext_lazy("この契約では許されていません"),
    **dict.fromkeys((301, 302, 303, 307, 308, 404, 405, 410), gettext_lazy("APIのアドレスが違います")),
    408: _NO_ANSWER,
    409: gettext_lazy("同じ送信がすでにあります"),
    413: gettext_lazy("文面が長すぎます"),
    429: gettext_lazy("速すぎます（あとで送ります）"),
    503: _BUSY,
    504: _NO_ANSWER,
}

_OURS: Final[Mapping[str, str | Promise]] = {
    "closed": gettext_lazy("応答の前に接続が切れました"),
    "no_answer": _NO_ANSWER,
    "no_id": gettext_lazy("応答に受付番号がありません"),
    "not_connected": _NO_CONNECTION,
    "certificate": gettext_lazy("証明書を確かめられません"),
    "not_encodable": _ENCODING,
    "text_not_encodable": _ENCODING,
    "parts_differ": gettext_lazy("分割した通数が合いません"),
    "surprise": gettext_lazy("このシステムの誤りです（記録を見てください）"),
}
"""What links and pumps call the case where the carrier said nothing."""


def code_words(code: str) -> str:
    """A code in words; a carrier's own, that no specification gives, is said to be that."""
    if code in _OURS:
        return str(_OURS[code])
    if re.fullmatch(r"0x[0-9A-Fa-f]{1,8}", code):
        return str(_SMPP.get(int(code, 16)) or _("この通信会社だけのコードです"))
    if found := re.fullmatch(r"HTTP (\d{3})", code):
        return str(_HTTP.get(int(found[1])) or (_TROUBLE if found[1].startswith("5") else _FORM))
    return _("この通信会社だけのコードです")


def bind_words(error: str) -> str:
    """Why a bind is not up, as its worker wrote it down: in words before it where it ends in a code that we know."""
    code = re.search(r"(?:HTTP \d{3}|\S+)$", error)
    if code is None:
        return ""
    if code[0] in _OURS or re.match(r"0x|HTTP ", code[0]):
        return code_words(code[0])
    return str(_NO_CONNECTION if re.search(r"Error|not connected|no answer", error) else "")


def stuck_words(error: str) -> str:
    """Why a batch was set aside; what nobody foresaw stands as it is."""
    found = re.fullmatch(r"given up after (\d+) tries", error)
    return _("送る途中で%(n)s回止まりました") % {"n": found[1]} if found else error
