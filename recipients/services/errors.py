"""What people may not do with a roster, each with a sentence."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from tenants.errors import Invalid, NotAllowed, Refused


class RosterNotReady(Refused):
    code = "roster_not_ready"
    user_message = _("名簿はまだ読み込み中か、読み込めていません。読み込みが終わってから、もう一度お試しください。")


class RosterFrozen(Refused):
    code = "roster_frozen"
    user_message = _(
        "この名簿は配信に使われているため、変えられません。直すときは、配信を取りやめてからにしてください。"
    )


class RosterFileGone(Refused):
    code = "roster_file_gone"
    user_message = _("この名簿のファイルは消去されたため、読み直せません。もう一度ファイルを読み込んでください。")


class MappingRefused(Invalid):
    code = "bad_mapping"


class UnknownField(Invalid):
    code = "unknown_field"
    user_message = _("名簿にない項目です。名簿の見出しか、phone や name などの項目の名前で指定してください。")


class UnknownProblem(Invalid):
    code = "unknown_problem"
    user_message = _("この名簿には、その確認事項はありません。")


class NeedsAnotherPerson(NotAllowed):
    code = "another_person"
    user_message = _("この確認は、名簿を読み込んだ人とは別の人が行ってください。")


class NotATextNumber(Invalid):
    code = "bad_number"
    user_message = _("電話番号として読み取れません。090-1234-5678 のように入力してください。")


class AlreadyOptedOut(Refused):
    code = "already_opted_out"
    user_message = _("この番号は、すでに停止の台帳にあります。")


class BadDay(Invalid):
    code = "bad_date"
    user_message = _("今日までの日付を 2022-08-15 のように入力してください。")


class UnknownChannel(Invalid):
    code = "unknown_channel"
    user_message = _("方法は paper、counter、phone、web、other のどれかです。")


class BadExclusions(Invalid):
    code = "bad_exclusions"
    user_message = _("除外する人の一覧を読み取れません。ファイルを確かめてください。")


class NotAChoice(Refused):
    code = "not_a_choice"
    user_message = _("この名簿には、同じ電話番号の人がいません。")
