"""What people type about templates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from templates_sms.models import Kind
from templates_sms.services import LONGEST_NAME, LONGEST_TEXT
from tenants.models import Department
from tenants.uploads import must_be_small


class TemplateForm(forms.Form):
    name = forms.CharField(label=_("文面の名前"), max_length=LONGEST_NAME)
    kind = forms.ChoiceField(label=_("種類"), choices=Kind.choices, initial=Kind.NOTICE)
    text = forms.CharField(
        label=_("文面"),
        max_length=LONGEST_TEXT,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text=_("名簿の見出しを {{氏名|様}} のように入れると、一人ずつ差し込まれます。"),
    )

    def __init__(
        self, *args: Any, departments: Sequence[Department] = (), everywhere: bool = False, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self._departments = {str(department.public_id): department for department in departments}
        self._only = departments[0] if len(departments) == 1 and not everywhere else None
        if departments and self._only is None:
            choices: list[Any] = [(key, department.name) for key, department in self._departments.items()]
            self.fields["department"] = forms.ChoiceField(
                label=_("部署"), required=False, choices=([("", _("全部署"))] if everywhere else []) + choices
            )

    def clean_text(self) -> str:
        """Browsers write line breaks as CR LF; a text holds LF."""
        return str(self.cleaned_data["text"]).replace("\r\n", "\n")

    def chosen_department(self) -> Department | None:
        return self._departments.get(self.cleaned_data.get("department", "")) or self._only


class ImportForm(forms.Form):
    file = forms.FileField(
        label=_("取り込むファイル"),
        help_text=_("CSV（UTF-8またはExcelのCSV）。列は「名前」「種類」「文面」です。"),
        validators=[must_be_small],
        widget=forms.FileInput(attrs={"accept": ".csv"}),
    )
