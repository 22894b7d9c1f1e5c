"""A provider is one folder and one line in the registry; its name stands nowhere above ``carriers``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Final

import pytest

from carriers.errors import Misconfigured
from carriers.registry import PROVIDERS, provider_named
from tests.rules.project_files import ROOT, python_files, shown

ABOVE: Final = ("dispatch", "reports", "config")
FOLDERS: Final = ROOT / "carriers" / "providers"
# The demonstration's only account is data, as an operator would type it in.
EXCEPTION: Final = ("config/demo.py", 'provider="smpp"')


class TestRegistry:
    def test_has_a_line_for_every_folder(self) -> None:
        folders = {folder.name for folder in FOLDERS.iterdir() if (folder / "__init__.py").exists()}

        assert set(PROVIDERS) == folders

    @pytest.mark.parametrize("name", PROVIDERS)
    def test_names_a_provider_of_that_name_in_that_folder(self, name: str) -> None:
        assert PROVIDERS[name].startswith(f"carriers.providers.{name}.carrier:")
        assert provider_named(name).name == name

    @pytest.mark.parametrize("name", PROVIDERS)
    def test_names_a_provider_with_a_table_of_codes(self, name: str) -> None:
        import_module(f"carriers.providers.{name}.statuses")

    @pytest.mark.parametrize("name", PROVIDERS)
    def test_names_a_provider_that_refuses_an_empty_configuration(self, name: str) -> None:
        with pytest.raises(Misconfigured):
            provider_named(name).link({}, window=10)

    def test_refuses_a_name_that_it_does_not_have(self) -> None:
        with pytest.raises(Misconfigured):
            provider_named("pigeon")


class TestNamesOfProviders:
    @pytest.mark.parametrize("name", PROVIDERS)
    def test_stand_nowhere_above_carriers(self, name: str) -> None:
        named = [
            f"{shown(file)}: {line.strip()}"
            for file in files_above()
            for line in mentions(file, name)
            if not (shown(file) == EXCEPTION[0] and line.strip().startswith(EXCEPTION[1]))
        ]

        assert named == []

    def test_are_excepted_once(self) -> None:
        file, words = EXCEPTION

        assert (ROOT / file).read_text().count(words) == 1

    def test_are_imported_by_nobody_above(self) -> None:
        importing = [
            f"{shown(file)} imports {module}"
            for file in python_files(*ABOVE)
            for module in imported(file)
            if re.match(r"carriers\.(?:providers|smpp|simulator)\b", module)
        ]

        assert importing == []


def files_above() -> Iterator[Path]:
    yield from python_files(*ABOVE)
    for folder in ABOVE:
        yield from (file for kind in ("html", "js", "txt") for file in sorted((ROOT / folder).rglob(f"*.{kind}")))


def mentions(file: Path, name: str) -> list[str]:
    """Lines with the name as a word of its own; the scheme of an address (``smpp://``) is none."""
    pattern = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-]|://)")
    return [line for line in file.read_text().splitlines() if pattern.search(line)]


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
