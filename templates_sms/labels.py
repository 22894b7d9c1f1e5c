"""Advice on a text in words: what was seen, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from templates_sms.advice import Advice
from templates_sms.rendering import TemplateProblem, ValueProblem

Words = str | Promise

ADVICE: Final[Mapping[str, Words]] = {
    "empty_text": _("文面が空です。"),
    "office_name_missing": _(
        "「%(office)s」の名前が文面にありません。名乗りのないSMSは詐欺と疑われやすいため、入れてください。"
    ),
    "call_back_number_missing": _(
        "問い合わせ先の電話番号がありません。受け取った人が確かめられるよう、入れてください。"
    ),
    "link_forbidden": _("リンク（%(link)s）があります。この組織ではSMSにリンクを入れないことになっています。"),
    "foreign_link": _(
        "リンク先（%(domain)s）は組織のドメインではありません。詐欺と疑われやすいため、組織のページにしてください。"
    ),
    "disease_name": _(
        "病気などの名前（%(word)s）があります。ほかの人の目に触れることがあるため、言い換えられないか確かめてください。"
    ),
    "stray_braces": _(
        "差し込みになっていないかっこ（%(braces)s）があります。{{氏名}} のように、開きと閉じをそろえてください。"
    ),
    "unsendable_character": _("送れない文字（%(code_point)s、外字など）があります。別の文字に置き換えてください。"),
    "control_character": _("目に見えない制御文字（%(code_point)s）があります。消してください。"),
    "invisible_character": _("目に見えない文字（%(code_point)s）があります。消してください。"),
    "variation_selector": _(
        "字形を指定する文字（%(code_point)s）があります。端末によって別の字形か四角で表示されます。"
    ),
    "emoji": _("絵文字（%(character)s）は、端末によって表示されません。言葉に置き換えてください。"),
    "rare_kanji": _(
        "漢字「%(character)s」は、端末によって表示されず、2文字分に数えられます。表示できる字かかなに置き換えてください。"
    ),
    "rare_kanji_known": _(
        "漢字「%(character)s」は、端末によって表示されず、2文字分に数えられます。「%(instead)s」と書いてください。"
    ),
    "makers_sign": _("「%(character)s」は、端末によって表示されません。「%(instead)s」と書いてください。"),
}
VALUE_PROBLEMS: Final[Mapping[str, Words]] = {
    "empty_value": _("「%(name)s」が空のため、文面に穴があきます。"),
    "bad_amount": _("「%(name)s」を金額として読み取れないため、書かれたままにしました。"),
    "bad_date": _("「%(name)s」を日付として読み取れないため、書かれたままにしました。"),
}
PROFILES: Final[Mapping[str, Words]] = {
    "all": _("全社共通（いちばん厳しい条件）"),
    "gsm": _("GSM標準"),
    "docomo": _("ドコモ"),
    "au": _("au"),
    "rakuten": _("楽天モバイル"),
    "softbank": _("ソフトバンク"),
}


def advice_sentence(advice: Advice) -> str:
    """One piece of advice as a sentence."""
    if advice.code == "rare_kanji" and advice.params["instead"]:
        return str(ADVICE["rare_kanji_known"]) % advice.params
    return str(ADVICE[advice.code]) % advice.params


def value_sentence(problem: ValueProblem) -> str:
    """What is wrong with a row's value, where it does not fit the text."""
    return str(VALUE_PROBLEMS[problem.code]) % {"name": problem.name}


def template_sentence(problem: TemplateProblem) -> str:
    """Why a text cannot be rendered, in the reader's language."""
    return problem.sentence(gettext)
