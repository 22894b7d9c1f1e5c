"""Strings that break what is not careful: each comes back literally or is refused with a sentence."""

from __future__ import annotations

from typing import Final

NAUGHTY: Final[dict[str, str]] = {
    "formula": '=HYPERLINK("http://x.example","x")',
    "formula, wide": "＝１＋１",
    "command": "@SUM(1+1)*cmd|' /C calc'!A0",
    "tab": "\t=1+1",
    "sql": "'; DROP TABLE tenants_user; --",
    "sql, like": "100%_\\",
    "html": "<b id=naughty>x</b><script id=naughty>alert(1)</script>",
    "attribute": '" id=naughty onmouseover="alert(1)',
    "attribute, single": "' id=naughty onfocus='alert(1)",
    "entity": "&lt;b id=naughty&gt; &amp;amp; &#0;",
    "django": "{{ 7|add:7 }}{% load i18n %}{% now 'Y' %}",
    "jinja": "${7*7}#{7*7}<%= 7*7 %>{{7*7}}",
    "percent": "%s %(name)s %n %00",
    "format": "{0} {name} {0.__class__}",
    "path": "../../../../etc/passwd",
    "shell": "$(touch /tmp/x) `id` ; ls | cat",
    "url": "javascript:alert(1)//",
    "header": "x\r\nSet-Cookie: naughty=1",
    "right to left": "\u202e\u5f85\u3064\u202c\u2066x\u2069",
    "zero width": "山\u200b田\u200d\u2060\ufeff太郎",
    "variation selectors": "葛\U000e0100城 ☎\ufe0f",
    "combining": "か\u3099か\u309aＺ\u0321\u0322\u034f",
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈🇯🇵",
    "rare kanji": "𠮷野 﨑 髙 \ue000",
    "control": "a\x01\x08\x1b[31mb\x7f\x85",
    "separators": "a\u2028b\u2029c",
    "non-characters": "\ufffe\uffff\U0010ffff",
    "numbers": "１２３ 9e999 0x1F -0 NaN",
    "null words": "null undefined None true",
    "spaces": "\u3000 x \u00a0",
    "long": "長" * 20_000,
}
# What JSON can say and no text can hold; None of these may be stored.
JSON_ESCAPES: Final[dict[str, str]] = {
    "lone surrogate": r"\ud842",
    "surrogates, turned": r"\udfb7\ud842",
    "nul": r"a\u0000b",
}
# A form can carry NUL too.
NUL: Final = "a\x00b"
