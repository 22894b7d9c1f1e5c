"""What stands in the audit trail, in words: each act that any app records has its line (tests/rules/test_audit.py)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils import timezone
from django.utils.dateformat import format as date_format
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants.models import AuditEvent, AuditSubject
from tenants.permissions import Role

ACTIONS: Final[Mapping[str, str | Promise]] = {
    "roster.uploaded": gettext_lazy("名簿を読み込んだ"),
    "roster.mapping_changed": gettext_lazy("名簿の列の対応を変えた"),
    "roster.problem_answered": gettext_lazy("名簿の確認事項に答えた"),
    "roster.row_mended": gettext_lazy("名簿の行を直した"),
    "roster.errors_exported": gettext_lazy("要修正の行を書き出した"),
    "roster.exclusions_added": gettext_lazy("除外する人の一覧を読み込んだ"),
    "roster.exclusions_dropped": gettext_lazy("除外する人の一覧を外した"),
    "roster.family_texts_chosen": gettext_lazy("同じ番号の人への送り方を選んだ"),
    "campaign.created": gettext_lazy("配信を作った"),
    "campaign.changed": gettext_lazy("配信を変えた"),
    "campaign.approval_asked": gettext_lazy("配信の承認を依頼した"),
    "campaign.approved": gettext_lazy("配信を承認した"),
    "campaign.sent": gettext_lazy("配信を送信した"),
    "campaign.paused": gettext_lazy("配信を一時停止した"),
    "campaign.resumed": gettext_lazy("配信を再開した"),
    "campaign.exported": gettext_lazy("配信の結果を書き出した"),
    "campaign.cancelled": gettext_lazy("配信を中止した"),
    "call.viewed": gettext_lazy("電話する人の画面を開いた"),
    "call.attempted": gettext_lazy("電話の結果を記録した"),
    "message.sent_again": gettext_lazy("結果不明のSMSをもう一度送った"),
    "message.taken_as_sent": gettext_lazy("結果不明のSMSを送信済みとして扱った"),
    "template.created": gettext_lazy("文面を作った"),
    "template.changed": gettext_lazy("文面を変えた"),
    "template.archived": gettext_lazy("文面をしまった"),
    "templates.exported": gettext_lazy("文面を書き出した"),
    "templates.imported": gettext_lazy("文面を取り込んだ"),
    "opt_out.added": gettext_lazy("SMSの停止を登録した"),
    "opt_out.ended": gettext_lazy("SMSの停止を解いた"),
    "opt_outs.exported": gettext_lazy("SMS停止の台帳を書き出した"),
    "opt_outs.imported": gettext_lazy("SMS停止の台帳を取り込んだ"),
    "consent.given": gettext_lazy("SMSの同意を登録した"),
    "consent.withdrawn": gettext_lazy("SMSの同意の取り消しを登録した"),
    "consents.exported": gettext_lazy("同意の台帳を書き出した"),
    "consents.imported": gettext_lazy("同意の台帳を取り込んだ"),
    "messages.accepted": gettext_lazy("APIから送信した"),
    "message.viewed": gettext_lazy("メッセージの記録を見た"),
    "person.erased": gettext_lazy("個人の記録を消去した"),
    "data.forgotten": gettext_lazy("保存期間の過ぎた記録を消した"),
    "person.viewed": gettext_lazy("個人の記録を見た"),
    "people.searched": gettext_lazy("個人の記録をさがした"),
    "people.listed": gettext_lazy("個人の並ぶ一覧を見た"),
    "audit.exported": gettext_lazy("操作の記録を書き出した"),
    "tenant.rules_changed": gettext_lazy("組織のルールを変えた"),
    "department.rules_changed": gettext_lazy("部署の振り分けの決まりを変えた"),
    "department.added": gettext_lazy("部署を加えた"),
    "department.opened": gettext_lazy("部署を再び使えるようにした"),
    "department.closed": gettext_lazy("部署を閉じた"),
    "person.added": gettext_lazy("利用者を加えた"),
    "person.role_given": gettext_lazy("利用者に役割を与えた"),
    "person.role_taken": gettext_lazy("利用者の役割を外した"),
    "person.kept_out": gettext_lazy("利用者を停止した"),
    "person.let_in": gettext_lazy("利用者の停止を解いた"),
    "person.moved": gettext_lazy("利用者の部署を移した"),
    "person.invited": gettext_lazy("利用者を招待した"),
    "invitation.revoked": gettext_lazy("招待を取り消した"),
    "invitation.accepted": gettext_lazy("招待を受けて利用を始めた"),
    "log_in.succeeded": gettext_lazy("ログインした"),
    "log_out.done": gettext_lazy("ログアウトした"),
    "log_in.failed": gettext_lazy("ログインに失敗した（パスワード）"),
    "log_in.code_failed": gettext_lazy("ログインに失敗した（確認コード）"),
    "log_in.refused": gettext_lazy("許可していない場所からの利用を断った"),
    "password.changed": gettext_lazy("パスワードを変えた"),
    "factor.added": gettext_lazy("ログインの確認方法を加えた"),
    "factor.removed": gettext_lazy("ログインの確認方法を外した"),
    "factor.reset": gettext_lazy("ログインの確認方法を設定し直せるようにした"),
    "recovery_codes.made": gettext_lazy("予備コードを作った"),
    "recovery_code.used": gettext_lazy("予備コードを使った"),
    "session.ended": gettext_lazy("ほかの端末をログアウトさせた"),
    "tenant.networks_changed": gettext_lazy("利用できる場所を変えた"),
    "api_key.issued": gettext_lazy("APIキーを発行した"),
    "api_key.revoked": gettext_lazy("APIキーを無効にした"),
}
DETAILS: Final[Mapping[str, str | Promise]] = {
    "name": gettext_lazy("名前"),
    "role": gettext_lazy("役割"),
    "department": gettext_lazy("部署"),
    "changed": gettext_lazy("変更"),
    "count": gettext_lazy("件数"),
    "phone": gettext_lazy("電話番号"),
    "external_id": gettext_lazy("管理番号"),
    "reason": gettext_lazy("理由"),
    "view_reason": gettext_lazy("見た理由"),
    "list": gettext_lazy("一覧"),
    "since": gettext_lazy("始めの日"),
    "until": gettext_lazy("終わりの日"),
    "action": gettext_lazy("操作"),
    "person": gettext_lazy("利用者"),
    "about": gettext_lazy("対象"),
    "codes": gettext_lazy("確認事項"),
    "row": gettext_lazy("行"),
    "rows": gettext_lazy("行数"),
    "sms_rows": gettext_lazy("SMSの人数"),
    "fields": gettext_lazy("直した項目"),
    "text": gettext_lazy("文面"),
    "version": gettext_lazy("版"),
    "kind": gettext_lazy("種類"),
    "state": gettext_lazy("状態"),
    "send_at": gettext_lazy("送信日時"),
    "override_reason": gettext_lazy("時間外に送る理由"),
    "outcome": gettext_lazy("電話の結果"),
    "code": gettext_lazy("確認事項"),
    "needs": gettext_lazy("求められた確認"),
    "before": gettext_lazy("変更前"),
    "bytes": gettext_lazy("大きさ（バイト）"),
    "file_name": gettext_lazy("ファイル名"),
    "header": gettext_lazy("列"),
    "mapping": gettext_lazy("列の対応"),
    "rosters": gettext_lazy("名簿の数"),
    "files": gettext_lazy("名簿のファイルの数"),
    "messages": gettext_lazy("SMSの数"),
    "receipts": gettext_lazy("受信の報告の数"),
    "calls": gettext_lazy("電話の件数"),
    "notes": gettext_lazy("電話のメモの数"),
    "consents": gettext_lazy("同意の記録の数"),
    "audit": gettext_lazy("操作の記録の数"),
    "answers": gettext_lazy("APIの応答の数"),
    "trail": gettext_lazy("操作の記録から消した件数"),
    "address": gettext_lazy("アドレス"),
    "device": gettext_lazy("端末"),
    "factor": gettext_lazy("確認方法"),
    "networks": gettext_lazy("利用できる場所"),
    "keys_ended": gettext_lazy("無効にしたAPIキーの数"),
    "one_text": gettext_lazy("番号ごとに1通だけ送る"),
    "moved_from": gettext_lazy("移る前の部署"),
    "on": gettext_lazy("前に読み込んだ日"),
    "roster": gettext_lazy("前の名簿のID"),
    "known": gettext_lazy("前の名簿にもある人数"),
    "numbers": gettext_lazy("電話番号の違う人数"),
    "names": gettext_lazy("氏名の違う人数"),
    "compared": gettext_lazy("氏名を比べた人数"),
}
KINDS: Final[Mapping[str, str | Promise]] = {
    "roster": gettext_lazy("名簿"),
    "campaign": gettext_lazy("配信"),
    "check": gettext_lazy("配信"),
    "call": gettext_lazy("電話"),
    "calls": gettext_lazy("電話"),
    "message": gettext_lazy("SMS"),
    "messages": gettext_lazy("SMS"),
    "batch": gettext_lazy("SMS"),
    "decisions": gettext_lazy("SMS"),
    "erasure": gettext_lazy("消去の証明"),
    "person": gettext_lazy("住民"),
    "template": gettext_lazy("文面"),
    "opt_out": gettext_lazy("SMSの停止"),
    "opt_outs": gettext_lazy("SMSの停止"),
    "consent": gettext_lazy("SMSの同意"),
    "consents": gettext_lazy("SMSの同意"),
    "user": gettext_lazy("利用者"),
    "invitation": gettext_lazy("招待"),
    "department": gettext_lazy("部署"),
    "api_key": gettext_lazy("APIキー"),
    "tenant": gettext_lazy("組織"),
    "audit": gettext_lazy("操作の記録"),
}
LISTS: Final[Mapping[str, str | Promise]] = {
    "roster": gettext_lazy("名簿の行"),
    "campaign": gettext_lazy("配信の行"),
    "check": gettext_lazy("送信前の確認の例"),
    "calls": gettext_lazy("架電リスト"),
    "decisions": gettext_lazy("判断を待つSMS"),
    "opt_outs": gettext_lazy("SMS停止の台帳"),
    "consents": gettext_lazy("同意の台帳"),
    "messages": gettext_lazy("SMSの一覧"),
}
_VALUES: Final[dict[str, Mapping[str, str | Promise]]] = {
    "role": dict(Role.choices),
    "list": LISTS,
    "action": ACTIONS,
}
"""Detail → code → word, for details that are codes of ours; the apps above tell theirs by `explain_values`."""


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One line of the trail as the page shows it."""

    at: datetime
    who: str
    what: str
    details: tuple[tuple[str, str], ...]
    about: str = ""


def explain_values(detail: str, words: Mapping[str, str | Promise]) -> None:
    """How a person reads the codes that an app writes down as this detail: told once, when the app is ready."""
    _VALUES[detail] = words


def described(event: AuditEvent) -> AuditLine:
    who = event.user.name if event.user else _("システム")
    if event.api_key:
        who = _("%(name)s（APIキー「%(key)s」）") % {"name": who, "key": event.api_key.name}
    return AuditLine(
        at=event.at,
        who=who,
        what=str(ACTIONS.get(event.action, event.action)),
        details=details_of(event.personal | about_of(event.subjects.all())),
        about=event.object_id,
    )


def about_of(subjects: Iterable[AuditSubject]) -> dict[str, Any]:
    """Whom a line was about; of somebody who was erased only that."""
    about: dict[str, Any] = {}
    for subject in subjects:
        about |= {"name": _("（消去しました）")} if subject.is_erased else subject.personal
    return about


def details_of(told: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What stands in the seal of a line: the word for it, and what it is in words."""
    return tuple((str(DETAILS.get(key, key)), worded(key, value)) for key, value in told.items() if value)


def kind_words(kind: str) -> str:
    """What was acted on."""
    return str(KINDS.get(kind, kind))


def worded(key: str, value: Any) -> str:
    """Codes of ours in words, and instants. The rest as it was written down."""
    words = _VALUES.get(key, {})
    if isinstance(value, str) and value in words:
        return str(words[value])
    if key.endswith("_at") and isinstance(value, str) and (instant := parse_datetime(value)) is not None:
        return date_format(timezone.localtime(instant), "Y-m-d H:i")
    return _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return _("、").join(f"{DETAILS.get(key, key)}: {_plain(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return _("、").join(_plain(inner) for inner in value)
    return str(value)


def action_choices() -> list[tuple[str, str]]:
    """For the search, in the order of the table."""
    return [(action, str(word)) for action, word in ACTIONS.items()]
