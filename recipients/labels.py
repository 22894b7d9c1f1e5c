"""The codes of rosters in words that staff can act on: what happened, where, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from recipients.reading.problems import NOTICES, PROBLEMS
from recipients.routing_rules import rule_of

Words = str | Promise

ROUTES: Final[Mapping[str, Words]] = {
    "sms": _("SMS"),
    "call": _("電話"),
    "error": _("要修正"),
    "skip": _("対象外"),
}
FIELDS: Final[Mapping[str, Words]] = {
    "phone": _("電話番号"),
    "name": _("氏名"),
    "kana": _("フリガナ"),
    "external_id": _("管理番号"),
    "birth_on": _("生年月日"),
    "age": _("年齢"),
    "consent": _("SMSの同意"),
    "excluded": _("除外"),
}
NUMBER_KINDS: Final[Mapping[str, Words]] = {
    "mobile": _("携帯電話"),
    "landline": _("固定電話"),
    "ip_phone": _("IP電話（050）"),
    "other": _("その他の番号"),
}
RULES: Final[Mapping[str, Words]] = {
    "exclusion": _("除外の欄と一覧"),
    "row": _("行の形"),
    "number": _("電話番号の読み取り"),
    "number_kind": _("電話番号の種類"),
    "opt_out": _("SMS停止の台帳"),
    "consent": _("SMSの同意"),
    "age": _("年齢"),
    "id": _("管理番号の検査数字"),
    "text": _("氏名と文字"),
    "duplicate": _("重複"),
    "family": _("同じ番号の人への送り方"),
    "repeat": _("前に送った文面"),
}
# A few words, for the groups of a tile. What is behind them is in `REMEDIES`.
REASONS: Final[Mapping[str, Words]] = {
    "": _("SMSを送れます"),
    "excluded": _("除外された人"),
    "duplicate": _("同じ人の重複"),
    "shared_number": _("同じ番号の人に1通"),
    "had_recently": _("同じ文面を受け取ったばかり"),
    "erased": _("消去された人"),
    "landline": _("固定電話"),
    "ip_phone": _("IP電話（050）"),
    "not_a_mobile": _("SMSが届かない番号"),
    "opted_out": _("SMSの停止を希望"),
    "no_consent": _("SMSの同意なし"),
    "age": _("年齢の上限以上"),
    "extra_cells": _("見出しより列が多い行"),
    "missing": _("電話番号なし"),
    "unreadable": _("読み取れない電話番号"),
    "too_short": _("桁の足りない電話番号"),
    "too_long": _("桁の多い電話番号"),
    "two_numbers": _("一つの欄に二つの番号"),
    "others_number": _("本人以外の電話番号"),
    "unknown_consent": _("同意の有無が分からない"),
    "bad_date": _("読み取れない生年月日・年齢"),
    "no_age": _("生年月日も年齢も空"),
    "bad_id": _("管理番号の誤り"),
    "gaiji": _("外字"),
    "broken_characters": _("壊れた文字"),
    "no_name": _("氏名なし"),
}
REMEDIES: Final[Mapping[str, Words]] = {
    "excluded": _(
        "除外の欄か、除外する人の一覧に入っているため、連絡しません。連絡する場合は、そのどちらかを直してください。"
    ),
    "duplicate": _("同じ人が名簿の前の行にもあります。その行で連絡します。"),
    "shared_number": _("同じ電話番号の人に1通だけ送る名簿です。前の行の人への1通で連絡します。"),
    "had_recently": _("同じ文面を受け取ったばかりのため、もう一度は送りません。"),
    "erased": _("本人についての記録は、消去の手続きにより消されました。連絡しません。"),
    "landline": _("固定電話にはSMSが届きません。電話で連絡します。携帯番号が分かれば入力してください。"),
    "ip_phone": _("050で始まる番号にはSMSが届きません。電話で連絡します。携帯番号が分かれば入力してください。"),
    "not_a_mobile": _("この番号にはSMSが届きません。電話で連絡します。携帯番号が分かれば入力してください。"),
    "opted_out": _("SMSの停止を希望した番号です。電話で連絡します。"),
    "no_consent": _("SMSへの同意がないため、電話で連絡します。"),
    "age": _("年齢の上限以上のため、電話で連絡します。"),
    "extra_cells": _("見出しより列が多く、欄がずれているおそれがあります。名簿のこの行を確かめて直してください。"),
    "missing": _("電話番号がありません。番号を調べて入力してください。"),
    "unreadable": _("電話番号として読み取れません。090-1234-5678 のように入力してください。"),
    "too_short": _("電話番号の桁が足りません。番号を確かめて入力し直してください。"),
    "too_long": _("電話番号の桁が多すぎます。番号を確かめて入力し直してください。"),
    "two_numbers": _("番号が二つあります。連絡に使う番号を一つだけ残してください。"),
    "others_number": _(
        "本人以外の番号と書かれているため、SMSを送りません。本人の番号を入力するか、"
        "この番号に送ってよいと確かめてから、番号だけを残してください。"
    ),
    "unknown_consent": _("同意の欄の言葉の意味が分かりません。「有」か「無」で入力してください。"),
    "bad_date": _("生年月日か年齢を読み取れません。1990/1/2 または 平成2年1月2日 のように入力してください。"),
    "no_age": _("生年月日も年齢も空のため、年齢の決まりを当てはめられません。どちらかを入力してください。"),
    "bad_id": _("管理番号の最後の検査数字が合いません。ほかの人の番号になっていないか、元の資料で確かめてください。"),
    "gaiji": _("外字はSMSで送れません。常用の漢字かフリガナに置き換えてください。"),
    "broken_characters": _("文字が壊れています。元の名簿を確かめて、正しい文字を入力してください。"),
    "no_name": _("氏名が空です。氏名を入力してください。"),
}
# What the detail of a number adds; shown instead of the reason's own remedy.
_NUMBER_DETAILS: Final[Mapping[str, Words]] = {
    "digits_lost": _(
        "Excelの指数表示（9.01E+09 など）で桁が失われています。元の資料で番号を確かめて入力し直してください。"
    ),
    "special_number": _("110や119などの特別な番号です。本人の番号を入力してください。"),
    "not_in_use": _("使われていない番号帯です。番号を確かめて入力し直してください。"),
    "extra_text": _("番号のほかに文字が書かれています。連絡に使ってよい番号だけを残してください。"),
    "not_a_number": _("電話番号ではない文字が入っています。番号を調べて入力してください。"),
    "area_code_missing": _("市外局番がないようです。市外局番から入力してください。"),
    "toll_free": _("フリーダイヤルなどの番号にはSMSが届きません。電話で連絡します。"),
    "navi_dial": _("0570の番号にはSMSが届きません。電話で連絡します。"),
    "machine": _("020で始まる番号（機器用）にはSMSが届きません。電話番号を確かめてください。"),
    "premium": _("0990の番号にはSMSが届きません。電話番号を確かめてください。"),
    "foreign": _("海外の番号にはSMSを送りません。電話で連絡します。"),
}
MENDED: Final[Mapping[str, Words]] = {
    "zero_restored": _("Excelで消えた先頭の0を補いました"),
    "decimal_removed": _("末尾の「.0」を取り除きました"),
    "toll_free": _("Excelで消えた先頭の0を補いました"),
    "navi_dial": _("Excelで消えた先頭の0を補いました"),
}
MAPPING_PROBLEMS: Final[Mapping[str, Words]] = {
    "no_phone_column": _(
        "電話番号の列が見つかりません。見出し（%(columns)s）のうち、どれが電話番号かを選ぶか、"
        "名簿に「電話番号」の列を加えて読み込み直してください。"
    ),
    "unknown_column": _("「%(column)s」という見出しは名簿にありません。名簿の見出しから選んでください。"),
    "unknown_field": _("「%(field)s」という項目はありません。%(fields)s のどれかにしてください。"),
}
_FAILURES: Final[Mapping[str, Words]] = {
    "gave_up": _(
        "3回試しましたが、最後まで読み込めませんでした。運用担当者に知らせました。"
        "名簿をExcelで開いて保存し直し、もう一度読み込んでください。"
    ),
    "expired": _("保存期間が過ぎたため、この名簿のファイルと個人の記録を消しました。件数だけが残っています。"),
}
ROSTER_PROBLEMS: Final[Mapping[str, Words]] = {
    "same_file": _("%(on)sに読み込んだ名簿と同じ内容です。もう一度送ってよいか確かめてください。"),
    "same_file_nearly": _(
        "行の約%(percent)s%%が、%(on)sに読み込んだ名簿と同じです。もう一度送ってよいか確かめてください。"
    ),
    "slipped_column_by_ids": _(
        "列がずれているおそれがあります。管理番号のある%(ids)s人のうち、"
        "検査数字の合わない人が%(ids_wrong)s人います。名簿を確かめ、別の人が解除してください。"
    ),
    "slipped_column": _(
        "列がずれているおそれがあります。以前の名簿にもある%(known)s人のうち、"
        "電話番号が違う人が%(numbers)s人、氏名が違う人が%(names)s人います。名簿を確かめ、別の人が解除してください。"
    ),
    "family_numbers": _(
        "同じ電話番号の人が%(people)s人います（番号は%(numbers)s件）。家族などと考え、一人に1通ずつ送ります。"
    ),
    "ids_have_checks": _(
        "管理番号の最後の1桁は、検査数字（%(check)s）のようです。"
        "設定の「振り分け」で選ぶと、番号の誤りと列のずれを見つけます。"
    ),
    "hazards": _("携帯電話で表示できないことがある文字が%(characters)s種類あります。下の表のように直せます。"),
    "disease_names": _(
        "病名などと思われる言葉のある行が%(rows)s行あります。"
        "ほかの人の目に触れることがあるため、文面に差し込まないでください。"
    ),
    "age_differs": _("年齢の欄が生年月日と合わない人が%(count)s人います。生年月日で判断しました。"),
    "no_consent_column": _(
        "同意の列が見つかりません。台帳に同意のない人は、すべて電話になります。同意の列があれば選んでください。"
    ),
    "no_age_column": _(
        "生年月日の列も年齢の列も見つかりません。年齢の決まりを当てはめずに振り分けました。このまま進めてよいか確かめてください。"
    ),
}

PROBLEM_NAMES: Final[Mapping[str, Words]] = {
    "same_file": _("前と同じ内容の名簿"),
    "same_file_nearly": _("前とほとんど同じ内容の名簿"),
    "slipped_column": _("列がずれているおそれ"),
    "slipped_column_by_ids": _("管理番号から見て列がずれているおそれ"),
    "family_numbers": _("同じ電話番号の人"),
    "age_differs": _("生年月日と合わない年齢"),
    "no_consent_column": _("同意の列がない"),
    "no_age_column": _("年齢の分かる列がない"),
    "ids_have_checks": _("管理番号の検査数字"),
    "hazards": _("表示できないことがある文字"),
    "disease_names": _("病名などと思われる言葉"),
}
VISIBLE_HAZARDS: Final = frozenset({"emoji", "rare_kanji", "makers_sign"})
_HAZARD_REMEDIES: Final[Mapping[str, Words]] = {
    "control_character": _("消す（目に見えない文字）"),
    "invisible_character": _("消す（目に見えない文字）"),
    "variation_selector": _("消す（前の字は、ふつうの字形で届きます）"),
    "emoji": _("消すか、言葉で書く"),
    "rare_kanji": _("ふつうの字か、かなで書く"),
}


def reason_label(code: str, *, age_limit: int | None = None) -> str:
    """A few words for a reason; with the tenant's limit, "60歳以上" for `age`. An unknown code stands for itself."""
    if code == "age" and age_limit is not None:
        return gettext("%(age)s歳以上") % {"age": age_limit}
    return str(REASONS.get(code, code))


def rule_label(reason: str) -> str:
    """Which rule stands behind a reason, as the list of the rules calls it; "" for a text."""
    return str(RULES.get(rule_of(reason), ""))


def hazard_remedy(code: str, instead: str) -> str:
    """What to do about a character that a handset may not show."""
    if instead:
        return gettext("「%(instead)s」と書く") % {"instead": instead}
    return str(_HAZARD_REMEDIES.get(code, ""))


def reason_sentence(code: str, detail: str = "") -> str:
    """What is wrong with a row and what to do. `detail` is the row's: a code, a column's header or the cell's word."""
    if detail in _NUMBER_DETAILS and code in ("unreadable", "too_short", "not_a_mobile"):
        return str(_NUMBER_DETAILS[detail])
    if code == "no_consent" and detail == "withdrawn":
        return gettext("同意の台帳で、同意が取り消されています。電話で連絡します。")
    sentence = str(REMEDIES.get(code, ""))
    if detail and code in ("gaiji", "broken_characters"):
        return gettext("「%(column)s」の欄：%(sentence)s") % {"column": detail, "sentence": sentence}
    if detail and code in ("unknown_consent", "bad_date", "bad_id", "excluded"):
        return gettext("「%(word)s」と書かれています。%(sentence)s") % {"word": detail, "sentence": sentence}
    return sentence


def file_sentence(code: str, params: Mapping[str, Any]) -> str:
    """Why a file could not be read: a `FileProblem`'s or a `BadMapping`'s code, or that reading was given up."""
    if code in PROBLEMS:
        return gettext(PROBLEMS[code]) % params
    if code in _FAILURES:
        return str(_FAILURES[code])
    return mapping_sentence(code, params)


def notice_sentence(code: str, params: Mapping[str, Any]) -> str:
    """What was noticed in a file and stops nothing."""
    return gettext(NOTICES[code]) % params


def mapping_sentence(code: str, params: Mapping[str, Any]) -> str:
    """What is wrong with a choice of columns. `no_header` and the two of `missing_for_rules` have theirs elsewhere."""
    return str(MAPPING_PROBLEMS[code]) % params


def problem_sentence(code: str, details: Mapping[str, Any]) -> str:
    """What needs a person's answer, or is worth a notice, about a roster that was read."""
    if code == "same_file" and "percent" in details:
        code = "same_file_nearly"
    if code == "slipped_column" and "ids_wrong" in details:
        code = "slipped_column_by_ids"
    return str(ROSTER_PROBLEMS[code]) % details
