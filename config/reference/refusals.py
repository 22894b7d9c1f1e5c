"""Every refusal that the code can give: its classes, and the codes that are given where it is raised."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final

from tenants.errors import Refused

ROOT: Final = Path(__file__).resolve().parent.parent.parent
APPS: Final = ("tenants", "recipients", "templates_sms", "carriers", "dispatch", "reports")
GENERAL: Final = {
    "not_authenticated": (401, "APIキーが必要です。"),
    "place_not_allowed": (403, "組織が許可していない場所からは使えません。"),
    "not_found": (404, "見つかりません。"),
    "throttled": (429, "一度に送られた要求が多すぎます。"),
    "database_away": (503, "ただいまデータベースにつながりません。"),
}
"""Given by the middleware and by tenants/api_errors.py, whatever the route."""


@dataclass(frozen=True, slots=True)
class Refusal:
    code: str
    status: int
    sentence: str


def refusals() -> list[Refusal]:
    """All of them, once each, by code."""
    sources = {file: file.read_text() for app in APPS for file in sorted((ROOT / app).rglob("*.py"))}
    for file, source in sources.items():
        if "Refused" in source and "migrations" not in file.parts:
            import_module(".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
    classes = {kind.__name__: kind for kind in _kinds(Refused) if kind.__module__.partition(".")[0] in APPS}
    found: dict[str, Refusal] = {}
    for kind in classes.values():
        found.setdefault(kind.code, Refusal(kind.code, kind.status, str(kind.user_message)))
    for code, (status, sentence) in GENERAL.items():
        found.setdefault(code, Refusal(code, status, sentence))
    for source in sources.values():
        for name, code in _raised_codes(source):
            if name in classes:
                found.setdefault(code, Refusal(code, classes[name].status, "says what is wrong"))
    return [found[code] for code in sorted(found)]


def _kinds(kind: type[Refused]) -> Iterator[type[Refused]]:
    """In the order of their names, since several may share a code."""
    yield kind
    for child in sorted(kind.__subclasses__(), key=lambda child: (child.__name__, child.__module__)):
        yield from _kinds(child)


def _raised_codes(source: str) -> Iterator[tuple[str, str]]:
    """(class, code) of every ``Invalid(…, code="no_file")``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            for keyword in node.keywords:
                if keyword.arg == "code" and isinstance(keyword.value, ast.Constant):
                    yield node.func.id, str(keyword.value.value)
