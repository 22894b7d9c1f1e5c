"""Forms of the settings pages."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.utils.translation import gettext_lazy as _

from tenants.models import SHORTEST_AUDIT_DAYS, SHORTEST_DAYS, Department, Tenant
from tenants.network import read_networks
from tenants.permissions import Role
from tenants.sending_rules import RULE_NAMES

LONGEST_DAYS: Final = 30 * 366


class RulesForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """The rules that an office sends by."""

    callback_number = forms.CharField(
        label=_("折り返しの電話番号"),
        required=False,
        max_length=20,
        validators=[RegexValidator(r"^[0-9+\-() ]*$", _("数字とハイフンで入力してください。"))],
        help_text=_("文面に入れる、住民からの問い合わせ先です。"),
    )
    unknown_deadline_hours = forms.IntegerField(
        label=_("結果不明のまま待つ時間"),
        validators=[MinValueValidator(1), MaxValueValidator(720)],
        help_text=_("この時間を過ぎても届いたか分からない人は、架電リストに入ります。"),
    )

    class Meta:
        model = Tenant
        fields: ClassVar = [
            "office_name",
            "callback_number",
            "requires_approval",
            "asks_view_reason",
            "send_from",
            "send_until",
            "unknown_deadline_hours",
        ]
        labels: ClassVar = {
            "office_name": _("文面に入れる組織の名前"),
            "requires_approval": _("送信には別の人の承認が要る"),
            "asks_view_reason": _("住民の記録を見るときに理由をたずねる"),
            "send_from": _("送信を始める時刻"),
            "send_until": _("送信を終える時刻"),
        }
        help_texts: ClassVar = {
            "office_name": _("住民が詐欺と区別できるように、どの文面にも入れてください。"),
            "requires_approval": _("自分で作った配信を自分では承認できません。"),
            "asks_view_reason": _("記録をさがすときと、1人の記録を開くときです。理由は操作の記録に残ります。"),
            "send_from": _("日本時間です。"),
            "send_until": _("始める時刻と同じにすると、一日中送れます。0:00は真夜中です。"),
        }
        widgets: ClassVar = {
            "send_from": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
            "send_until": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        }


class RoutingForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """By which rules the office divides a roster."""

    sms_age_limit = forms.IntegerField(
        label=_("電話にする年齢"),
        required=False,
        validators=[MinValueValidator(1), MaxValueValidator(150)],
        help_text=_("この年齢以上の人には、SMSではなく電話で連絡します。空欄なら年齢で分けません。"),
    )
    repeat_days = forms.IntegerField(
        label=_("同じ文面を送らない日数"),
        validators=[MinValueValidator(0), MaxValueValidator(365)],
        help_text=_(
            "この日数のうちに同じ文面を受け取った人には、もう一度送りません。配信を作るときに調べます。0なら調べません。"
        ),
    )

    class Meta:
        model: Any = Tenant
        fields: ClassVar = list(RULE_NAMES)
        labels: ClassVar = {
            "requires_consent": _("同意のある人だけにSMSを送る"),
            "age_reason": _("その年齢から電話にする理由"),
            "id_check": _("管理番号の検査数字"),
        }
        help_texts: ClassVar = {
            "requires_consent": _(
                "名簿の同意の欄と、同意の台帳を見ます。どちらにも同意のない人には、電話で連絡します。"
            ),
            "age_reason": _("名簿の確認のページで、決まりの横に出ます。"),
            "id_check": _("管理番号の最後の1桁が検査数字のときに選びます。合わない行を要修正にします。"),
        }


class DepartmentRoutingForm(RoutingForm):
    """The same for a department, which may also keep to the office's rules."""

    class Meta(RoutingForm.Meta):
        model = Department
        fields: ClassVar = ["has_own_rules", *RULE_NAMES]
        labels: ClassVar = {**RoutingForm.Meta.labels, "has_own_rules": _("この部署だけの決まりを使う")}
        help_texts: ClassVar = {
            **RoutingForm.Meta.help_texts,
            "has_own_rules": _("選ばないと、組織全体の決まりを使います。下の項目は、選んだときだけ効きます。"),
        }


class RetentionForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """How long each kind of data is kept."""

    class Meta:
        model = Tenant
        fields: ClassVar = ["keep_rosters_days", "keep_messages_days", "keep_calls_days", "keep_audit_days"]
        labels: ClassVar = {
            "keep_rosters_days": _("名簿を残す日数"),
            "keep_messages_days": _("SMSの文面とあて先、受信の報告を残す日数"),
            "keep_calls_days": _("電話の記録を残す日数"),
            "keep_audit_days": _("操作の記録を残す日数"),
        }
        help_texts: ClassVar = {
            "keep_rosters_days": _("読み込んだファイルと、その行です。過ぎると、件数だけが残ります。"),
            "keep_messages_days": _("送った証拠です。過ぎると、日時と結果と通数だけが残ります。"),
            "keep_calls_days": _("対応を終えた電話の、氏名、番号、メモです。"),
            "keep_audit_days": _("だれが何をしたかの記録です。過ぎると、すべて消えます。"),
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, field in self.fields.items():
            shortest = SHORTEST_AUDIT_DAYS if name == "keep_audit_days" else SHORTEST_DAYS
            field.validators += [MinValueValidator(shortest), MaxValueValidator(LONGEST_DAYS)]
            field.widget.attrs |= {"min": shortest, "max": LONGEST_DAYS}


class MoveForm(forms.Form):
    """A department, or all of them."""

    department: forms.ModelChoiceField[Department] = forms.ModelChoiceField(
        label=_("部署"), queryset=None, required=False, empty_label=_("すべての部署"), to_field_name="public_id"
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        departments = Department.objects.filter(is_active=True).order_by("name")
        self.fields["department"].queryset = departments  # type: ignore[attr-defined]  # a ModelChoiceField


class _RoleFields(MoveForm):
    """A role, in one department or in all of them."""

    role = forms.ChoiceField(label=_("役割"), choices=Role.choices)
    field_order = ["role", "department"]

    @property
    def chosen_role(self) -> Role:
        return Role(self.cleaned_data["role"])


class PersonForm(_RoleFields):
    email = forms.EmailField(label=_("メールアドレス"), max_length=254)
    name = forms.CharField(label=_("氏名"), max_length=100)
    field_order = ["email", "name", "role", "department"]


class RoleForm(_RoleFields):
    """Another role for a person."""


class DepartmentForm(forms.Form):
    name = forms.CharField(label=_("部署の名前"), max_length=100)


class KeyForm(_RoleFields):
    name = forms.CharField(
        label=_("キーの名前"), max_length=100, help_text=_("使うシステムの名前など、後で見分けられる名前です。")
    )
    field_order = ["name", "role", "department"]


class NetworksForm(forms.Form):
    networks = forms.CharField(
        label=_("利用できる場所"),
        required=False,
        max_length=10_000,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "autocomplete": "off"}),
        help_text=_(
            "1行に1つ、203.0.113.0/24 や 2001:db8::/48 のように書きます。#の後はメモです。空欄なら、どこからでも使えます。"
        ),
    )

    def clean_networks(self) -> list[str]:
        try:
            return read_networks(self.cleaned_data["networks"].splitlines())
        except ValueError as exc:
            raise forms.ValidationError(
                _("「%(line)s」はアドレスとして読めません。"), params={"line": str(exc)}, code="unreadable"
            ) from exc
