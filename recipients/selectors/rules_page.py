"""The rules of a department in words, in the order in which they are asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from recipients import labels
from recipients.models import Roster
from recipients.routing_rules import ORDER, Rule, rule_of
from recipients.selectors.rosters import rules_when_read
from tenants.sending_rules import IdCheck, SendingRules

_FIXED: Final[dict[Rule, str | Promise]] = {
    Rule.EXCLUSION: gettext_lazy("名簿の除外の欄か、除外する人の一覧に入っている人には、連絡しません（対象外）。"),
    Rule.ROW: gettext_lazy("見出しより列が多い行は、要修正にします。"),
    Rule.NUMBER: gettext_lazy("電話番号がないか読み取れない行は、要修正にします。"),
    Rule.NUMBER_KIND: gettext_lazy("固定電話、050、フリーダイヤルなど、SMSが届かない番号の人は、電話にします。"),
    Rule.OPT_OUT: gettext_lazy("停止の台帳にある番号の人は、電話にします。"),
    Rule.TEXT: gettext_lazy("氏名が空の行、外字や壊れた文字のある行は、要修正にします。"),
    Rule.DUPLICATE: gettext_lazy("同じ人が二度ある行は、前の行で連絡します（対象外）。"),
}


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A rule, what it does, and how many rows of the roster it decided on."""

    word: str
    sentence: str
    count: int
    is_off: bool


def rule_lines(roster: Roster) -> list[RuleLine]:
    """For the page of a roster: every rule in its order, those that are off among them."""
    decided: dict[str, int] = {}
    for reason, rows in roster.reasons.items():
        decided[rule_of(reason)] = decided.get(rule_of(reason), 0) + rows
    rules = rules_when_read(roster)
    return [_line(rule, rules, decided.get(rule, 0), one_text=roster.one_text_per_number) for rule in ORDER]


def lines_of_rules(rules: SendingRules) -> list[RuleLine]:
    """For the page of the settings."""
    return [_line(rule, rules, 0, one_text=False) for rule in ORDER]


def _line(rule: Rule, rules: SendingRules, count: int, *, one_text: bool) -> RuleLine:
    sentence = str(_FIXED[rule]) if rule in _FIXED else _SENTENCES[rule](rules, one_text)
    is_off = {
        Rule.CONSENT: not rules.requires_consent,
        Rule.AGE: rules.sms_age_limit is None,
        Rule.ID: not rules.id_check,
        Rule.FAMILY: not one_text,
        Rule.REPEAT: not rules.repeat_days,
    }.get(rule, False)
    return RuleLine(str(labels.RULES[rule.value]), sentence, count, is_off)


def _consent(rules: SendingRules, one_text: bool) -> str:
    if not rules.requires_consent:
        return _("同意の有無を見ません。")
    return _(
        "名簿の同意の欄が「有」の人か、欄が空で同意の台帳にある人だけに送ります。ほかの人と、台帳で取り消した人は電話にします。"
    )


def _age(rules: SendingRules, one_text: bool) -> str:
    if rules.sms_age_limit is None:
        return _("年齢で分けません。")
    sentence = _("%(age)s歳以上の人は、電話にします（その歳の誕生日を含みます）。") % {"age": rules.sms_age_limit}
    return sentence + (_("理由：%(reason)s") % {"reason": rules.age_reason} if rules.age_reason else "")


def _id(rules: SendingRules, one_text: bool) -> str:
    if not rules.id_check:
        return _("管理番号の検査数字を見ません。")
    return _("管理番号の検査数字（%(check)s）が合わない行は、要修正にします。") % {
        "check": IdCheck(rules.id_check).label
    }


def _family(rules: SendingRules, one_text: bool) -> str:
    if one_text:
        return _("同じ電話番号の人には、前の行の人への1通で連絡します（対象外）。")
    return _("同じ電話番号でも、一人に1通ずつ送ります。")


def _repeat(rules: SendingRules, one_text: bool) -> str:
    if not rules.repeat_days:
        return _("配信を作るとき、前に同じ文面を送ったかを見ません。同じ番号に同じ文の行は、1通だけ送ります。")
    return _("配信を作るとき、%(days)s日のうちに同じ文面を送った人と、同じ番号に同じ文の行を除きます。") % {
        "days": rules.repeat_days
    }


_SENTENCES: Final = {
    Rule.CONSENT: _consent,
    Rule.AGE: _age,
    Rule.ID: _id,
    Rule.FAMILY: _family,
    Rule.REPEAT: _repeat,
}
