"""The forms of a page, as a browser finds them."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

TYPED: Final = {"text", "search", "tel", "email", "password", "url", ""}


@dataclass
class Form:
    """Where it goes, what stands in it, and which of its fields a person types into."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    typed: list[str] = field(default_factory=list)
    has_file: bool = False


class Page(HTMLParser):
    """The forms of a page and the ids of its elements."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.ids: set[str] = set()
        self.handlers: set[str] = set()
        self._select = ""
        self._area = ""
        self._by_id: dict[str, Form] = {}
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.ids.add(values.get("id", ""))
        self.handlers |= {name for name in values if name.startswith("on")}
        if tag == "form":
            self.forms.append(Form(action=values.get("action", ""), method=values.get("method", "get").lower()))
        if not self.forms or "name" not in values and tag != "option":
            return
        form = self.forms[-1]
        if tag == "input":
            self._take_input(form, values)
        elif tag == "textarea":
            self._area = values["name"]
            form.values[self._area] = ""
            form.typed.append(self._area)
        elif tag == "select":
            self._select = values["name"]
        elif tag == "option" and self._select and (self._select not in form.values or "selected" in values):
            form.values[self._select] = values.get("value", "")

    def _take_input(self, form: Form, values: dict[str, str]) -> None:
        kind = values.get("type", "").lower()
        form.has_file |= kind == "file"
        if kind in {"checkbox", "radio"} and "checked" not in values and values["name"] in form.values:
            return
        form.values[values["name"]] = values.get("value", "")
        if kind in TYPED:
            form.typed.append(values["name"])

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        if tag == "textarea":
            self._area = ""

    def handle_data(self, data: str) -> None:
        if self._area and self.forms:
            self.forms[-1].values[self._area] += data
