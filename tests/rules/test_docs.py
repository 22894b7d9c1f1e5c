"""The documentation is true: made pages are fresh, links lead somewhere, words have one meaning."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from django.apps import apps

from config.reference import PAGES, write_pages
from dispatch.states import MOVES, Status
from tests.rules.project_files import APPS, ROOT, shown

DOCS: Final = ROOT / "docs"
PAGES_OF_TEXT: Final = sorted([*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"])
LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE: Final = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
IN_CODE: Final = re.compile(r"`([^`\n]+)`")
ADR_PARTS: Final = ("## Context", "## Options", "## Decision", "## What it costs")
A_PAGE: Final = 60  # lines


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    write_pages(folder)
    return folder


class TestMadePages:
    @pytest.mark.parametrize("name", PAGES)
    def test_are_as_the_code_is(self, fresh: Path, name: str) -> None:
        made, kept = (fresh / name).read_text(), (DOCS / "reference" / name).read_text()

        assert made == kept, f"docs/reference/{name} is stale: run `make docs`"

    def test_are_the_same_every_time(self, fresh: Path) -> None:
        assert write_pages(fresh) == []

    def test_draw_every_move(self, fresh: Path) -> None:
        page = (fresh / "states.md").read_text()

        for old, targets in MOVES.items():
            for new in Status:
                assert (f"    {old.word} --> {new.word}\n" in page) is (new in targets)


class TestLinks:
    @pytest.mark.parametrize("file", PAGES_OF_TEXT, ids=shown)
    def test_lead_to_a_file(self, file: Path) -> None:
        for target in LINK.findall(CODE.sub("", file.read_text())):
            path, _, anchor = target.partition("#")
            if path.startswith(("http://", "https://", "mailto:")):
                continue
            aim = (file.parent / path).resolve() if path else file
            assert aim.exists(), f"{shown(file)} → {target}"
            if anchor and aim.suffix == ".md":
                assert anchor in anchors(aim), f"{shown(file)} → {target}"

    @pytest.mark.parametrize("file", sorted(DOCS.rglob("*.md")), ids=shown)
    def test_lead_to_every_page(self, file: Path) -> None:
        if file != DOCS / "README.md":
            assert str(file.relative_to(DOCS)) in LINK.findall((DOCS / "README.md").read_text()), "not on the map"

    @pytest.mark.parametrize("file", sorted(DOCS.rglob("*.md")), ids=shown)
    def test_of_code_name_files_that_exist(self, file: Path) -> None:
        """A path in code font, such as `dispatch/states.py`, is one of the tree."""
        heads = "|".join((*APPS, "devservers", "tests", "docs", "benchmarks"))
        for words in IN_CODE.findall(file.read_text()):
            if re.fullmatch(rf"(?:{heads})/[\w/.-]+\.(?:py|md|html|sh)", words):
                assert (ROOT / words).exists(), f"{shown(file)} names {words}"


class TestDecisions:
    ADRS: Final = sorted((DOCS / "adr").glob("*.md"))

    def test_are_numbered_without_gaps(self) -> None:
        assert [file.name[:5] for file in self.ADRS] == [f"{number:04}-" for number in range(1, len(self.ADRS) + 1)]

    @pytest.mark.parametrize("file", ADRS, ids=lambda file: file.name)
    def test_fit_a_page_and_say_what_they_cost(self, file: Path) -> None:
        text = file.read_text()

        assert len(text.splitlines()) <= A_PAGE
        assert [text.count(part) for part in ADR_PARTS] == [1, 1, 1, 1]
        assert sorted(ADR_PARTS, key=text.index) == list(ADR_PARTS)


class TestGlossary:
    def test_has_every_table(self) -> None:
        glossary = (DOCS / "glossary.md").read_text()
        names = {model.__name__ for app in APPS for model in apps.get_app_config(app).get_models()}

        assert {name for name in names if f"`{name}`" not in glossary} == set()


def anchors(file: Path) -> set[str]:
    """The anchors that headings get where Markdown is shown."""
    headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
