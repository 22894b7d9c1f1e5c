"""What people type about campaigns and calls."""

from __future__ import annotations

from typing import Final

from django import forms
from django.utils.translation import gettext_lazy as _

from dispatch.models import Outcome

LONGEST_TEXT: Final = 5_000
TYPED_ABOVE: Final = 1_000
"""Whoever sends to more people than this types their number."""


class CampaignForm(forms.Form):
    """A name, a text and, where it is planned, an instant."""

    name = forms.CharField(
        label=_("配信の名前"), max_length=100, help_text=_("一覧に出る名前です。本人には見えません。")
    )
    template = forms.UUIDField(required=False, widget=forms.HiddenInput)
    text = forms.CharField(
        label=_("文面"),
        max_length=LONGEST_TEXT,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 9}),
        help_text=_("差し込み項目を押すと、カーソルの位置に入ります。"),
    )
    send_at = forms.DateTimeField(
        label=_("送信する日時"),
        required=False,
        input_formats=["%Y-%m-%dT%H:%M"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=_("空のときは、送信のボタンを押したときに送ります。"),
    )


class SendForm(forms.Form):
    """The last press: the number of people where there are many, and an admin's reason outside the hours."""

    people = forms.IntegerField(label=_("送信する人数"), required=False)
    override_reason = forms.CharField(
        label=_("時間外に送る理由"),
        required=False,
        max_length=200,
        help_text=_("書くと、送信時間を待たずにすぐ送ります。操作の記録に残ります。"),
    )

    def __init__(self, *args: object, people: int, may_override: bool, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]  # passed through to Django
        self._people = people
        if people > TYPED_ABOVE:
            self.fields["people"].required = True
            self.fields["people"].help_text = _("%(people)s と入力してください。") % {"people": people}
        else:
            del self.fields["people"]
        if not may_override:
            del self.fields["override_reason"]

    def clean_people(self) -> int:
        people: int = self.cleaned_data["people"]
        if people != self._people:
            raise forms.ValidationError(_("人数が違います。上に書かれた人数を入力してください。"))
        return people


class AttemptForm(forms.Form):
    """What came of a call."""

    outcome = forms.ChoiceField(choices=[choice for choice in Outcome.choices if choice[0] != Outcome.RECEIVED])
    note = forms.CharField(label=_("メモ"), required=False, max_length=2_000, widget=forms.Textarea(attrs={"rows": 3}))
