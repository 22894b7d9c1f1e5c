"""Japanese is the source; every sentence has its English, with the same placeholders."""

from __future__ import annotations

import ast
import gettext
import re
from pathlib import Path
from typing import Any, Final

import pytest
from rest_framework import serializers

from dispatch import serializers as dispatch_serializers
from recipients import serializers as recipient_serializers
from templates_sms import serializers as template_serializers
from tenants import serializers as tenant_serializers
from tests.rules.project_files import APPS, ROOT, python_files, shown

FRAMEWORK: Final = ROOT / "locale" / "ja" / "LC_MESSAGES" / "django.po"
CATALOGUE: Final = ROOT / "locale" / "en" / "LC_MESSAGES" / "django.po"
PLACEHOLDER: Final = re.compile(r"%\(\w+\)[sd]|\{\w+\}")
LINE: Final = re.compile(r'^(msgid|msgstr|msgid_plural|msgstr\[\d\])? ?(".*")$')
JAPANESE: Final = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
IN_TEMPLATE: Final = re.compile(r"""\{%\s*translate\s+(?:"([^"]+)"|'([^']+)')""")
ALIASED: Final = re.compile(r"import (?:gettext|gettext_lazy|ngettext|pgettext) as (\w+)")


def entries(path: Path = CATALOGUE) -> dict[str, str]:
    """msgid → msgstr, as the file says; of one and of many, that of one."""
    found: dict[str, str] = {}
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        parts: dict[str, str] = {}
        keyword = ""
        for line in block.splitlines():
            match = LINE.match(line)
            if match:
                keyword = match[1] or keyword
                parts[keyword] = parts.get(keyword, "") + ast.literal_eval(match[2])
        if parts.get("msgid"):
            one, many = parts.get("msgstr[0]", ""), parts.get("msgstr[1]", "")
            found[parts["msgid"]] = parts.get("msgstr", one if many and one.count("%(") == many.count("%(") else "")
    return found


def said_in_python() -> dict[str, str]:
    """Every literal handed to a function of gettext → its file."""
    found: dict[str, str] = {}
    for file in python_files(*APPS):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            text = node.args[0]
            if (
                name in {"_", "gettext", "gettext_lazy"}
                and isinstance(text, ast.Constant)
                and isinstance(text.value, str)
            ):
                found[text.value] = shown(file)
    return found


def said_in_templates() -> dict[str, str]:
    found: dict[str, str] = {}
    for app in APPS:
        for file in sorted((ROOT / app / "templates").rglob("*.html")):
            for one, other in IN_TEMPLATE.findall(file.read_text(encoding="utf-8")):
                found[one or other] = shown(file)
    return found


def fields_of_the_api() -> list[serializers.Field[Any, Any, Any, Any]]:
    """Every field that some call takes or answers."""
    kinds = [
        kind
        for module in (dispatch_serializers, recipient_serializers, template_serializers, tenant_serializers)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, serializers.Serializer) and kind.__module__ == module.__name__
    ]
    return [field for kind in kinds for field in kind().fields.values()]


class TestTranslations:
    def test_every_sentence_has_its_english(self) -> None:
        english = entries()
        said = said_in_python() | said_in_templates()

        missing = {text: where for text, where in said.items() if not english.get(text)}

        assert len(said) > 500
        assert not missing, "run `make messages` and fill in locale/en"

    def test_nothing_is_left_without_english(self) -> None:
        assert [text for text, english in entries().items() if not english] == []

    def test_placeholders_are_the_same(self) -> None:
        wrong = [
            (text, english)
            for text, english in entries().items()
            if set(PLACEHOLDER.findall(text)) != set(PLACEHOLDER.findall(english))
        ]

        assert not wrong

    def test_english_is_english(self) -> None:
        columns = "電話番号|同意・取り消しの日|同意|管理番号|方法|目的|部署|メモ|名簿の行|氏名|名前|種類|文面"
        kept = re.compile(rf"\{{\{{[^}}]*\}}\}}|{columns}|有|無|平成2年1月2日")
        wrong = [english for english in entries().values() if JAPANESE.search(kept.sub("", english))]

        assert not wrong

    @pytest.mark.parametrize("path", [CATALOGUE, FRAMEWORK])
    def test_the_compiled_catalogue_is_fresh(self, path: Path) -> None:
        with path.with_suffix(".mo").open("rb") as compiled:
            catalogue = gettext.GNUTranslations(compiled)
        stale = [text for text, translated in entries(path).items() if catalogue.gettext(text) != translated]

        assert not stale, "run `make messages`"

    def test_what_the_framework_says_of_a_wrong_value_is_japanese(self) -> None:
        said = {
            str(sentence)
            for kind in {type(field) for field in fields_of_the_api()}
            for family in kind.__mro__
            for sentence in getattr(family, "default_error_messages", {}).values()
        }

        assert len(said) > 20
        assert [sentence for sentence in said if not JAPANESE.search(sentence)] == []

    def test_gettext_keeps_the_names_that_makemessages_finds(self) -> None:
        aliases = {
            (shown(file), alias)
            for file in python_files(*APPS)
            for alias in ALIASED.findall(file.read_text(encoding="utf-8"))
            if alias != "_"
        }

        assert not aliases
