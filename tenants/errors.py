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


class CannotChangeOneself(Refused):
    """So that nobody locks themselves out, and an admin always remains."""

    code = "own_rights"
    user_message = _("自分自身の役割や利用状態は変えられません。別の管理者に頼んでください。")


class EmailTaken(Refused):
    code = "email_taken"
    status = 422
    user_message = _("このメールアドレスは使えません。すでに登録されていないか確かめてください。")


class LastAdmin(Refused):
    """Two admins who keep each other out at once would leave nobody."""

    code = "last_admin"
    user_message = _("組織全体の管理者が一人もいなくなるため、変えられません。先に別の人を管理者にしてください。")


class WouldLockOut(Refused):
    code = "would_lock_out"
    status = 422
    user_message = _("いま使っている場所が入っていません。このまま保存すると、あなた自身が入れなくなります。")


class NameTaken(Refused):
    code = "name_taken"
    status = 422
    user_message = _("同じ名前がすでにあります。")


class RoleTaken(Refused):
    code = "role_taken"
    user_message = _("この人には、その役割がすでにあります。")
