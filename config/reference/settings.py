"""docs/reference/settings.md, from the calls of config/env.py that config/settings makes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.reference.markdown import code, page, table
from config.settings_reference import APPLICATION, LAUNCHER

SETTINGS: Final = Path(__file__).resolve().parent.parent / "settings"
FILES: Final = ("base.py", "prod.py", "dev.py")
FORMS: Final = {
    "text": "text",
    "flag": "1 or 0",
    "number": "whole number",
    "words": "words with commas",
    "choice": "one of the meaning's",
    "day": "day",
    "database": "URL",
    "master_keys": "keys",
}
NEEDED: Final = "**needed**"


@dataclass(frozen=True, slots=True)
class Reading:
    """One variable as the settings read it."""

    name: str
    form: str
    default: str


def readings() -> dict[str, Reading]:
    """Every variable that the settings read, in their order."""
    found: dict[str, Reading] = {}
    for file in FILES:
        for reading in _readings_in(ast.parse((SETTINGS / file).read_text())):
            found.setdefault(reading.name, reading)
    return found


def settings_page() -> str:
    return page(
        "Settings",
        "What differs between installations comes from the environment, and `config/env.py` alone reads it. A missing or "
        "unusable variable stops the start with a sentence. How to run in production: "
        "[run-in-production](../how-to/run-in-production.md).",
        table(("name", "form", "default", "meaning"), _application()),
        "## For trying and testing",
        "Read by `devservers/` only, which makes the variables above from the servers that it starts.",
        table(("name", "meaning"), [(code(name), meaning) for name, meaning in sorted(LAUNCHER.items())]),
    )


def _application() -> Iterator[tuple[str, str, str, str]]:
    read = readings()
    for name, meaning in APPLICATION.items():
        reading = read.get(name) or Reading(name, "text", "see meaning")
        yield code(name), reading.form, reading.default, meaning


def _readings_in(tree: ast.Module) -> Iterator[Reading]:
    for node in ast.walk(tree):
        reader = _reader(node)
        if reader is not None:
            yield Reading(_name(reader.call), FORMS[reader.form], _default(reader))


@dataclass(frozen=True, slots=True)
class Reader:
    """A call like ``env.text("NAME", …)``; ``form`` is "text"."""

    call: ast.Call
    form: str


def _reader(node: ast.AST) -> Reader | None:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return None
    module = node.func.value
    return Reader(node, node.func.attr) if isinstance(module, ast.Name) and module.id == "env" else None


def _name(call: ast.Call) -> str:
    return str(ast.literal_eval(call.args[0]))


def _default(reader: Reader) -> str:
    """What stands when the variable is not set, as a reader of the page would write it."""
    call = reader.call
    given = [*call.args[1:], *(keyword.value for keyword in call.keywords if keyword.arg == "default")]
    if given:
        return _written(given[0])
    return {"flag": code("0"), "words": "none", "day": "none"}.get(reader.form, NEEDED)


def _written(node: ast.expr) -> str:
    reader = _reader(node)
    if reader is not None:
        return f"as {code(_name(reader.call))}"
    if isinstance(node, ast.Constant):
        value = int(node.value) if isinstance(node.value, bool) else node.value
        return code(str(value)) or "none"
    return code(ast.unparse(node))
