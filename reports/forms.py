"""Forms of the reports."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class PeopleForm(forms.Form):
    """One field that takes a number in any writing, or an id."""

    query = forms.CharField(
        label=_("電話番号または管理番号"),
        max_length=100,
        help_text=_("090-1234-5678、０９０１２３４５６７８ など、どの書き方でもさがせます。"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "search"}),
    )
