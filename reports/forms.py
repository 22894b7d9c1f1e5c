"""Forms of the reports."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from tenants.viewing import reason_field


class PeopleForm(forms.Form):
    """One field that takes a number, a name, its kana or an id, in any writing."""

    query = forms.CharField(
        label=_("電話番号、氏名、フリガナまたは管理番号"),
        max_length=100,
        help_text=_("090-1234-5678、０９０１２３４５６７８、高橋、髙橋、たかはし など、どの書き方でもさがせます。"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "search"}),
    )


class PeopleAndReasonForm(PeopleForm):
    """The same for an office that asks why."""

    view_reason = reason_field()


class ErasureForm(forms.Form):
    """Why a person is erased, and the word that says it is meant."""

    WORDS = frozenset({"消去", "erase"})  # the Japanese page asks for the first, the English one for the second

    reason = forms.CharField(
        label=_("消去する理由"),
        max_length=200,
        help_text=_("本人からの求めなど。個人の名前や番号は書かないでください。証明書と操作の記録に残ります。"),
    )
    word = forms.CharField(
        label=_("確かめの言葉"),
        max_length=10,
        help_text=_("元に戻せません。進めるには「消去」と入力してください。"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean_word(self) -> str:
        word: str = self.cleaned_data["word"].strip()
        if word.lower() not in self.WORDS:
            raise forms.ValidationError(_("「消去」と入力してください。"))
        return word
