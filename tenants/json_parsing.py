"""JSON as the API takes it: what is ambiguous or cannot be stored is refused with 400, never guessed at."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import IO, Any, Final

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from rest_framework.parsers import BaseParser

from tenants.errors import Invalid

DEEPEST: Final = 20
SUSPECT_ESCAPE: Final = re.compile(rb"\\u(?:d[89a-f]|0000)", re.IGNORECASE)


class BadJson(Invalid):
    """The body is no JSON that we take; the message says why."""

    code = "bad_json"
    user_message = _("本文をJSONとして読み取れません。")


class BodyTooLarge(Invalid):
    code = "too_large"
    status = 413
    user_message = _("送られた内容が大きすぎます。分けて送ってください。")


class StrictJSONParser(BaseParser):
    """Refuses NaN and Infinity, doubled keys, deep nesting, lone surrogates and NUL."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Raises ``BadJson`` or ``BodyTooLarge``."""
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if _announced(parser_context) > limit:
            raise BodyTooLarge
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise BodyTooLarge
        return strict_json(body)


def _announced(parser_context: Mapping[str, Any] | None) -> int:
    """The length that the request says it has; 0 where it says nothing readable."""
    length = parser_context["request"].META.get("CONTENT_LENGTH", "") if parser_context else ""
    return int(length) if str(length).isdecimal() and len(str(length)) < 30 else 0


def strict_json(body: bytes) -> Any:
    """The value that ``body`` says. Raises ``BadJson``."""
    try:
        value = json.loads(body.decode(), object_pairs_hook=_without_doubles, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as exc:
        raise BadJson from exc
    if body.count(b"[") + body.count(b"{") > DEEPEST:
        _check_depth(value)
    if SUSPECT_ESCAPE.search(body) or b"\x00" in body:
        _check_text(value)
    return value


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadJson(_("同じ名前の項目が二度あります。"))
    return found


def _refuse_constant(name: str) -> Any:
    raise BadJson(_("NaN と Infinity は使えません。"))


def _check_depth(value: Any) -> None:
    level = [value]
    for _depth in range(DEEPEST):
        level = [inner for outer in level for inner in _inside(outer) if isinstance(inner, dict | list)]
        if not level:
            return
    raise BadJson(_("入れ子が深すぎます。"))


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _check_text(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise BadJson(_("文字として成り立たない符号（片方だけのサロゲート）があります。")) from exc
    if "\\u0000" in text:
        raise BadJson(_("使えない制御文字（NUL）があります。"))
