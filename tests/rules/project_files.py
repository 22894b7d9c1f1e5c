"""The files of the project, as the rules read them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent
APPS: Final = ("config", "reports", "dispatch", "carriers", "recipients", "templates_sms", "tenants")
PACKAGES: Final = (*APPS, "devservers")
NOT_OURS: Final = frozenset(
    {
        ".git",
        ".venv",
        ".venv-audit",
        ".data",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
        ".import_linter_cache",
        ".hypothesis",
    }
    | {"__pycache__", "staticfiles"}
)


def all_files() -> Iterator[Path]:
    """Every file that belongs to the project, whatever its kind."""
    for folder, names, files in os.walk(ROOT):
        names[:] = sorted(name for name in names if name not in NOT_OURS)
        yield from (Path(folder, name) for name in sorted(files))


def python_files(*folders: str) -> list[Path]:
    """The sources under ``folders``."""
    return [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]


def shown(file: Path) -> str:
    return str(file.relative_to(ROOT))
