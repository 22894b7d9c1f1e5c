"""What can be wrong with a file, in words that staff can act on, and how large a file may be.

The sentences are message ids: `_` marks them for `makemessages` and changes nothing, so that this stays free of Django;
`recipients.labels` translates them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a roster may be. A file beyond any of them is refused before it can fill the memory."""

    max_bytes: int = 256 * 1024 * 1024
    max_workbook_bytes: int = 64 * 1024 * 1024  # unlike a text it can't be streamed
    max_rows: int = 1_000_000
    max_columns: int = 500
    max_line_bytes: int = 1_000_000
    max_unpacked_bytes: int = 600_000_000
    max_cells: int = 12_000_000  # of a workbook's sheet, empty ones among them: they take memory too


@dataclass(frozen=True, slots=True)
class Notice:
    """Something noticed in a file that stops nothing. `params` fill its sentence."""

    code: str
    params: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def user_message(self) -> str:
        return NOTICES[self.code] % self.params


class FileProblem(Exception):
    """A file that cannot be read as a roster. Its text names no cell's content."""

    def __init__(self, code: str, **params: str | int) -> None:
        super().__init__(code)
        self.code = code
        self.params = params

    @property
    def user_message(self) -> str:
        """What happened, where, and what to do, in Japanese."""
        return PROBLEMS[self.code] % self.params


def _(text: str) -> str:
    """Marks a sentence for translation, as gettext's noop does."""
    return text


PROBLEMS: Final[dict[str, str]] = {
    "empty": _("ファイルに何も入っていません。名簿を開いて内容を確かめ、保存し直してから読み込んでください。"),
    "too_large": _(
        "ファイルが大きすぎます（%(megabytes)s MB）。%(limit)s MBまで読み込めます。"
        "ファイルを分けてから読み込んでください。"
    ),
    "not_a_table": _(
        "このファイルは名簿（表）ではなく、%(kind)sです。Excelで名簿を開き、「CSV」または「Excelブック（.xlsx）」で保存してから読み込んでください。"
    ),
    "unreadable_encoding": _(
        "%(line)s行目の文字を読み取れません（左から%(column)s番目の欄）。文字コードが分からないか、ファイルが壊れています。"
        "Excelで開き、「CSV UTF-8」で保存し直してから読み込んでください。"
    ),
    "cut_short": _(
        "ファイルが途中（%(line)s行目、左から%(column)s番目の欄）で切れています。"
        "もとのファイルをもう一度入手して読み込んでください。"
    ),
    "line_too_long": _(
        "%(line)s行目が長すぎます。左から%(column)s番目の欄で、1行の上限（%(limit)sバイト）を超えました。"
        '改行が失われているか、その欄の引用符（"）が閉じていないおそれがあります。'
        "Excelで開いて%(line)s行目を確かめ、保存し直してから読み込んでください。"
    ),
    "cell_too_long": _(
        '%(line)s行目の、左から%(column)s番目の欄が長すぎます。引用符（"）が閉じていないおそれがあります。'
        "その欄の引用符を直すか、Excelで開いて保存し直してから読み込んでください。"
    ),
    "unbalanced_quote": _(
        '%(line)s行目の、左から%(column)s番目の欄の引用符（"）が閉じていないため、'
        "そのあとの行が一つの欄にまとまっています。"
        "その引用符を直すか、Excelで開いて保存し直してから読み込んでください。"
    ),
    "too_many_columns": _(
        "%(line)s行目に%(columns)s列あります。%(limit)s列まで読み込めます。要らない列を消してから読み込んでください。"
    ),
    "too_many_rows": _(
        "行が多すぎます。%(limit)s行まで読み込めます。%(line)s行目から後ろを別のファイルに分けて、読み込んでください。"
    ),
    "no_header": _(
        "%(line)s行目に見出しがなく、すぐにデータが始まっています（左から%(column)s番目の欄が、電話番号か日付です）。"
        "その上に「氏名」「電話番号」などの見出しの行を入れてから読み込んでください。"
    ),
    "no_rows": _(
        "見出し（%(line)s行目）の下に、読み込む行がありません。"
        "見出しの下に一人ずつの行がある名簿を、読み込んでください。"
    ),
    "password": _("パスワードで保護されています。Excelで開いてパスワードを外し、保存し直してから読み込んでください。"),
    "broken_workbook": _(
        "Excelのファイルとして読み取れません。壊れているおそれがあります。Excelで開き、保存し直してから読み込んでください。"
    ),
    "unpacked_too_large": _(
        "展開すると大きすぎるため、読み込めません。名簿のシートだけを新しいブックに写し、保存してから読み込んでください。"
    ),
    "unsafe_workbook": _(
        "名簿には使われない仕組みが入っているため、安全のため読み込みません。"
        "Excelで開き、「CSV UTF-8」で保存してから読み込んでください。"
    ),
    "sheet_too_large": _(
        "シートの範囲が広すぎます（%(line)s行目・%(column)s列目まで）。離れた場所に入力が残っているおそれがあります。"
        "名簿の部分だけを新しいシートに写し、保存してから読み込んでください。"
    ),
    "too_many_repeats": _(
        "同じ行や欄が%(count)s回くり返されているため、大きすぎて読み込めません。"
        "名簿の部分だけを新しいシートに写し、保存してから読み込んでください。"
    ),
    "no_sheet": _(
        "入力のあるシートが見つかりません。名簿のシートが隠れていれば、Excelで表示に変え、保存してから読み込んでください。"
    ),
}
NOTICES: Final[dict[str, str]] = {
    "title_lines": _("見出しの上の%(count)s行は、表題とみなして読み飛ばしました（見出しは%(line)s行目）。"),
    "blank_rows": _("空の行が%(count)s行あります（最初は%(line)s行目）。人の行に数えていません。"),
    "total_rows": _("合計などの行とみなして、%(lines)s行目を人の行に数えていません（%(count)s行）。"),
    "doubled_headers": _("同じ見出しが二つ以上あります（%(columns)s）。後のものに番号を付けて区別しました。"),
    "unnamed_columns": _("見出しのない列があります。%(columns)s と呼びます。"),
    "short_rows": _("列が足りない行が%(count)s行あります（最初は%(row)s件目）。足りない欄は空とみなしました。"),
    "extra_cells": _(
        "列が見出しより多い行が%(count)s行あります（最初は%(row)s件目）。欄がずれているおそれがあるため、要修正にしました。"
    ),
    "control_characters": _("目に見えない制御文字が入っていたため、取り除きました。"),
    "other_sheets": _("シート「%(sheet)s」を読み込みました。ほかのシート（%(others)s）は読み込んでいません。"),
    "macros_ignored": _("マクロが入っていますが、動かさずに表だけを読み込みました。"),
}
