"""The API's one error shape: ``{code, message, fields?}`` (API.md)."""

from __future__ import annotations

import math
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response

from tenants.context import has_scope
from tenants.errors import Refused


def handle(exc: Exception, context: dict[str, Any]) -> Response | None:
    """An expected failure as an answer; None (a 500) for the rest."""
    answer = _answer(exc)
    if answer is not None and has_scope():
        transaction.set_rollback(True)
    return answer


def _answer(exc: Exception) -> Response | None:
    if isinstance(exc, Refused):
        return _shaped(exc.status, exc.code, str(exc.user_message), exc.fields)
    if isinstance(exc, Http404 | exceptions.NotFound):
        return _shaped(404, "not_found", _("見つかりません。"))
    if isinstance(exc, PermissionDenied | exceptions.PermissionDenied):
        return _shaped(403, "not_allowed", _("この操作をする権限がありません。"))
    if isinstance(exc, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return _shaped(401, "not_authenticated", _("APIキーが必要です。"), headers={"WWW-Authenticate": "Bearer"})
    if isinstance(exc, exceptions.ValidationError):
        return _shaped(
            400,
            "invalid",
            _("入力された内容に誤りがあります。"),
            exc.detail if isinstance(exc.detail, dict) else {"": exc.detail},
        )
    if isinstance(exc, exceptions.Throttled):
        return _shaped(
            429,
            "throttled",
            _("一度に送られた要求が多すぎます。少し待ってから、もう一度送ってください。"),
            headers={"Retry-After": str(max(1, math.ceil(getattr(exc, "wait", None) or 0)))},
        )
    if isinstance(exc, exceptions.APIException):
        return _shaped(exc.status_code, str(exc.default_code), str(exc.detail))
    return None


def _shaped(
    status: int, code: str, message: str, fields: Any = None, *, headers: dict[str, str] | None = None
) -> Response:
    body: dict[str, Any] = {"code": code, "message": message}
    if fields:
        body["fields"] = fields
    return Response(body, status=status, headers=headers)
