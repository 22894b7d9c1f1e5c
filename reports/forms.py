"""Forms of the reports."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class PeopleForm(forms.Form):
    """One field that takes a number, a name, its kana or an id, in any writing."""

    query = forms.CharField(
        label=_("電話番号、氏名、フリガナまたは管理番号"),
        max_length=100,
        help_text=_("090-1234-5678、０９０１２３４５６７８、高橋、髙橋、たかはし など、どの書き方でもさがせます。"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "search"}),
    )
