"""Failures that every app may meet, each with a sentence for the person who meets it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Refused(Exception):
    """An expected no. ``code`` is stable and documented, ``user_message`` is shown, ``status`` is the API's."""

    code: str = "refused"
    status: int = 409
    user_message: str | Promise = _("この操作はできません。")

    def __init__(
        self,
        user_message: str | Promise | None = None,
        *,
        code: str | None = None,
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        self.user_message = user_message or self.user_message
        self.code = code or self.code
        self.fields = dict(fields or {})
        super().__init__(self.code)


class NotAllowed(Refused):
    code = "not_allowed"
    status = 403
    user_message = _("この操作をする権限がありません。")


class Invalid(Refused):
    code = "invalid"
    status = 400
    user_message = _("入力された内容に誤りがあります。")
