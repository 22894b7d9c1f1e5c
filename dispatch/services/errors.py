"""What people may not do with a campaign, each with a sentence."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from tenants.errors import Invalid, NotAllowed, Refused


class RosterNotReady(Refused):
    code = "roster_not_ready"
    user_message = _("名簿の読み込みが終わっていません。終わってから、もう一度お試しください。")


class TextRefused(Invalid):
    """The text cannot be used as it stands; the sentence says why."""

    code = "bad_text"


class UnknownPlaceholder(TextRefused):
    code = "unknown_placeholder"


class ApprovalRequired(Refused):
    code = "approval_required"
    user_message = _("送信には別の人の承認が必要です。「承認を依頼する」を押してください。")


class OwnCampaign(NotAllowed):
    code = "own_campaign"
    user_message = _("自分が作成または変更した配信は承認できません。別の承認者に依頼してください。")


class NeedsConfirmation(Refused):
    code = "needs_confirmation"
    user_message = _("名簿に確認が必要な点が残っています。名簿の確認ページで答えてから送信してください。")


class NobodyToReach(Refused):
    code = "nobody_to_reach"
    user_message = _("この名簿には、送信する人も電話する人もいません。")


class NoCarrier(Refused):
    code = "no_carrier"
    user_message = _("送信に使える回線がありません。運用担当者に連絡してください。")


class WrongState(Refused):
    """The campaign's state forbids it."""

    code = "wrong_state"


class BadSendTime(Invalid):
    code = "bad_send_at"
    user_message = _("送信日時には、これから先の日時を指定してください。")


class NotUnknown(Refused):
    code = "not_unknown"
    user_message = _("この1通の結果はすでに分かっています。ページを開き直してください。")


class CallClosed(Refused):
    code = "call_closed"
    user_message = _("この人への対応はすでに完了しています。")


class BadOutcome(Invalid):
    code = "bad_outcome"
    user_message = _("電話の結果を選んでください。")


class NoteMissing(Invalid):
    code = "note_missing"
    user_message = _("終了する理由をメモに書いてください。")
