"""What people type about rosters and registers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django import forms
from django.conf import settings
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from recipients.column_words import Field
from recipients.models import Channel
from recipients.reading.opening import MEGABYTE
from recipients.sentences import field_word
from tenants.models import Department
from tenants.uploads import must_be_small

ACCEPTED: Final = ".csv,.tsv,.txt,.xlsx,.xlsm,.xls,.ods"
MORE_PHONES: Final = 2
EXAMPLE_LENGTH: Final = 20


class UploadForm(forms.Form):
    """A roster. An empty file is taken too: what is wrong with a file is said on the roster's own page."""

    file = forms.FileField(
        label=_("名簿のファイル"),
        allow_empty_file=True,
        max_length=255,
        widget=forms.FileInput(attrs={"accept": ACCEPTED}),
    )
    name = forms.CharField(
        label=_("名簿の名前"), required=False, max_length=100, help_text=_("空のときは、ファイルの名前を使います。")
    )

    def __init__(self, *args: Any, departments: Sequence[Department], everywhere: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["file"].help_text = format_lazy(
            _(
                "Excelブック（.xlsx・.xls）、CSV、タブ区切りのテキスト。{megabytes}MB・{rows}行まで。文字コードは選ばなくて構いません。"
            ),
            megabytes=settings.ROSTER_MAX_BYTES // MEGABYTE,
            rows=f"{settings.ROSTER_MAX_ROWS:,}",
        )
        self._departments = {str(department.public_id): department for department in departments}
        if everywhere or len(departments) > 1:
            choices: list[Any] = [(key, department.name) for key, department in self._departments.items()]
            self.fields["department"] = forms.ChoiceField(
                label=_("部署"), required=False, choices=([("", _("全部署"))] if everywhere else []) + choices
            )
        self._only = departments[0] if len(departments) == 1 and not everywhere else None

    def chosen_department(self) -> Department | None:
        return self._departments.get(self.cleaned_data.get("department", "")) or self._only


class MappingForm(forms.Form):
    """Which column means what: one select per field, filled with the file's headers and what stands first under each."""

    def __init__(
        self,
        *args: Any,
        header: Sequence[str],
        mapping: Mapping[str, str],
        first_rows: Sequence[Sequence[str]] = (),
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        columns = [(name, _with_example(name, column, first_rows)) for column, name in enumerate(header)]
        for name in self._names(mapping):
            self.fields[name] = forms.ChoiceField(
                label=field_word(name),
                required=name == Field.PHONE,
                choices=[("", _("（なし）")), *columns],
                initial=mapping.get(name, ""),
            )

    def chosen(self) -> dict[str, str]:
        """Field → column header."""
        return {name: column for name, column in self.cleaned_data.items() if column}

    def _names(self, mapping: Mapping[str, str]) -> list[str]:
        """Every field, and of phone, name and kana as many as the mapping has, at least two phones."""
        numbered = {name for name in mapping if name[-1].isdigit()} | {f"{Field.PHONE}{MORE_PHONES}"}
        order = [field.value for field in Field]
        return sorted([*order, *numbered], key=lambda name: (order.index(name.rstrip("0123456789")), name))


class ExclusionsForm(forms.Form):
    """Those of a roster who are not concerned, as a second file."""

    file = forms.FileField(
        label=_("除外する人の一覧"),
        allow_empty_file=True,
        help_text=_(
            "もう納めた人など、連絡しない人の表です。管理番号の列があれば管理番号で、なければ電話番号で見分けます。10万行まで。"
        ),
        validators=[must_be_small],
        widget=forms.FileInput(attrs={"accept": ACCEPTED}),
    )


class OptOutForm(forms.Form):
    phone = forms.CharField(
        label=_("電話番号"),
        max_length=200,
        help_text=_("どの書き方でも構いません。"),
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )
    channel = forms.ChoiceField(
        label=_("申し出の方法"), required=False, choices=[("", _("（選ばない）")), *Channel.choices]
    )
    note = forms.CharField(label=_("メモ"), required=False, max_length=500)


class ConsentForm(forms.Form):
    """A yes or a no, as a person said it."""

    phone = forms.CharField(
        label=_("電話番号"),
        max_length=200,
        help_text=_("どの書き方でも構いません。"),
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )
    name = forms.CharField(label=_("氏名"), required=False, max_length=100)
    external_id = forms.CharField(
        label=_("管理番号"),
        required=False,
        max_length=100,
        help_text=_("入力すると、この管理番号の人だけの同意になります。空なら、この番号を使う人の同意です。"),
    )
    is_given = forms.TypedChoiceField(
        label=_("SMSの同意"),
        choices=[("1", _("同意する")), ("0", _("同意しない・取り消す"))],
        coerce=lambda value: value == "1",
        initial="1",
        widget=forms.RadioSelect,
    )
    given_on = forms.DateField(
        label=_("同意・取り消しの日"),
        required=False,
        help_text=_("空なら今日です。"),
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    channel = forms.ChoiceField(label=_("方法"), required=False, choices=[("", _("（選ばない）")), *Channel.choices])
    purpose = forms.CharField(
        label=_("何のための同意か"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"placeholder": _("例：療養中の連絡")}),
    )
    note = forms.CharField(label=_("メモ"), required=False, max_length=500)

    def __init__(self, *args: Any, departments: Sequence[Department], **options: Any) -> None:
        super().__init__(*args, **options)
        self._departments = {str(department.public_id): department for department in departments}
        self.fields["department"] = forms.ChoiceField(
            label=_("同意が効く部署"),
            required=False,
            choices=[("", _("全部署")), *((key, department.name) for key, department in self._departments.items())],
        )

    def clean_department(self) -> Department | None:
        return self._departments.get(self.cleaned_data["department"])


class SearchForm(forms.Form):
    phone = forms.CharField(
        label=_("電話番号でさがす"),
        max_length=200,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off", "type": "search"}),
    )


def _with_example(header: str, column: int, first_rows: Sequence[Sequence[str]]) -> str:
    """電話番号（例: 090-1234-5678）"""
    examples = (cells[column].strip() for cells in first_rows if column < len(cells))
    example = next(filter(None, examples), "")
    if not example:
        return header
    return gettext("%(header)s（例: %(example)s）") % {"header": header, "example": example[:EXAMPLE_LENGTH]}


class ConsentSearchForm(forms.Form):
    person = forms.CharField(
        label=_("電話番号か管理番号でさがす"),
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off", "type": "search"}),
    )


class ImportForm(forms.Form):
    """Lines of a register from a file; ``columns`` says which the file has."""

    def __init__(self, *args: Any, columns: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["file"] = forms.FileField(
            label=_("取り込むファイル"),
            allow_empty_file=True,
            help_text=format_lazy(_("CSVまたはExcelブック。列は{columns}です。2万行まで。"), columns=columns),
            validators=[must_be_small],
            widget=forms.FileInput(attrs={"accept": ACCEPTED}),
        )


class MendedFileForm(forms.Form):
    """Rows that were taken out, mended in Excel, and come back."""

    file = forms.FileField(
        label=_("直した行のファイル"),
        help_text=_("書き出したファイルを直したもの。「名簿の行」の列は変えないでください。"),
        widget=forms.FileInput(attrs={"accept": ACCEPTED}),
    )
