"""What holds for the tree as a whole: names of files, sizes, nothing of one machine, nothing left undone."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

from tests.rules.project_files import APPS, PACKAGES, ROOT, all_files, python_files, shown

BANNED_NAMES: Final = {"utils", "util", "helpers", "helper", "common", "misc"}
LINES: Final = 400
SPELLED: Final = {
    ".py",
    ".md",
    ".html",
    ".css",
    ".js",
    ".toml",
    ".yml",
    ".yaml",
    ".txt",
    ".in",
    ".cfg",
    ".sh",
    ".po",
    "",
}
# In two halves, so that this file is no offender.
MACHINE_PATHS: Final = tuple("/" + name + "/" for name in ("root", "work", "home"))
REGISTRY_HOSTS: Final = tuple(
    host + "." + tail
    for host, tail in (
        ("files.pythonhosted", "org"),
        ("pypi", "org/simple"),
        ("test.pypi", "org"),
        ("registry.npmjs", "org"),
        ("registry.yarnpkg", "com"),
        ("deb.debian", "org"),
        ("playwright.azureedge", "net"),
    )
)
UNDONE: Final = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK")) + r")\b")


def texts() -> list[tuple[str, str]]:
    """(path, text) of every file of a kind that people write; generated and binary ones are no texts."""
    found = []
    for file in all_files():
        if file.suffix in SPELLED and "/static/vendor/" not in str(file):
            try:
                found.append((shown(file), file.read_text()))
            except UnicodeDecodeError:
                continue  # a binary one without a suffix
    return found


class TestTree:
    def test_has_no_drawer_for_everything(self) -> None:
        assert [shown(file) for file in all_files() if file.stem in BANNED_NAMES and file.suffix == ".py"] == []

    def test_names_no_path_of_a_machine(self) -> None:
        pattern = re.compile("(?<![\\w./-])(?:" + "|".join(map(re.escape, MACHINE_PATHS)) + ")")

        assert [path for path, text in texts() if pattern.search(text)] == []

    def test_names_no_host_to_download_from(self) -> None:
        assert [(path, host) for path, text in texts() for host in REGISTRY_HOSTS if host in text] == []

    def test_has_nothing_left_to_do(self) -> None:
        assert [path for path, text in texts() if UNDONE.search(text)] == []


class TestRequirements:
    @pytest.mark.parametrize(
        "name", ["requirements.txt", "requirements-dev.txt", "requirements-setup.txt", "requirements-audit.txt"]
    )
    def test_are_locked_by_hash_and_name_no_index(self, name: str) -> None:
        text = (ROOT / name).read_text()
        logical_lines = [line for line in text.replace("\\\n", " ").splitlines() if re.match(r"\w", line)]

        assert logical_lines
        assert [line[:60] for line in logical_lines if "--hash=sha256:" not in line or "==" not in line] == []
        assert not re.search(r"^\s*(?:-i|--(?:extra-)?index-url|--find-links|-f)\b", text, re.MULTILINE)
        assert "://" not in text

    def test_of_the_application_are_those_of_development(self) -> None:
        """`make setup` installs the same versions that production gets."""

        def pins(name: str) -> set[str]:
            return set(re.findall(r"^([\w.\[\]-]+==[\w.]+)", (ROOT / name).read_text(), re.MULTILINE))

        assert pins("requirements.txt") <= pins("requirements-dev.txt")


class TestModules:
    def test_fit_four_hundred_lines(self) -> None:
        sizes = {
            shown(file): len(file.read_text().splitlines())
            for file in python_files(*PACKAGES, "benchmarks")
            if "migrations" not in file.parts
        }

        assert {path: lines for path, lines in sizes.items() if lines > LINES} == {}

    def test_say_what_they_are_for(self) -> None:
        """Every module begins with a docstring but those that only wire."""
        silent = [
            shown(file)
            for file in python_files(*PACKAGES, "benchmarks")
            if "migrations" not in file.parts
            and file.name not in {"__init__.py", "apps.py"}
            and (tree := ast.parse(file.read_text())).body
            and not ast.get_docstring(tree)
        ]

        assert silent == []


MIGRATIONS: Final = sorted(
    file for app in APPS for file in (ROOT / app).glob("migrations/*.py") if file.name != "__init__.py"
)


class TestMigrations:
    @pytest.mark.parametrize("file", MIGRATIONS, ids=shown)
    def test_are_named(self, file: Path) -> None:
        assert re.fullmatch(r"\d{4}_[a-z][a-z0-9_]+\.py", file.name)
        assert not re.search(r"_auto_|_alter_.*_and_more|_and_more", file.name)

    @pytest.mark.parametrize("app", APPS)
    def test_are_linear(self, app: str) -> None:
        numbers = [file.name[:4] for file in MIGRATIONS if file.parts[-3] == app]

        assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]

    @pytest.mark.parametrize("file", MIGRATIONS, ids=shown)
    def test_import_none_of_our_modules_but_the_fences(self, file: Path) -> None:
        """A migration must mean the same in years: of ours only ``tenants.db`` (helpers for SQL) is imported. Fields and
        defaults that Django wrote into a first migration refer to what they are made of."""
        allowed = {"tenants.db", "tenants.managers", "tenants.models", "tenants.sealed_text", "carriers.registry"}
        modules = {
            name
            for node in ast.walk(ast.parse(file.read_text()))
            for name in (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else []
            )
        }

        assert {name for name in modules if name.partition(".")[0] in APPS} <= allowed
