"""docs/reference/api.md, from the routes of ``/api/v1``, their OpenAPI description and the named refusals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.urls import URLPattern, URLResolver
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator

from config.api_urls import urlpatterns
from config.reference.markdown import code, page, table
from config.reference.refusals import refusals
from tenants.permissions import Permission

PREFIX: Final = "/api/v1/"
SUCCESS: Final = ("200", "201", "202", "204")
Schema = Mapping[str, Any]


def api_page() -> str:
    with GENERATOR_STATS.silence():
        generator: Any = SchemaGenerator
        schema: Schema = generator().get_schema(request=None, public=True)
    return page(
        "API",
        "Under `/api/v1`, JSON in snake_case, no trailing slash, times in ISO 8601 with offset. `Authorization: Bearer tdk_…`: "
        "a key belongs to a person and carries one role. The same as OpenAPI 3: `/api/v1/schema`.",
        "Lists come as pages `{results, next}`: `next` is the value for `?cursor=`, or null. A refusal is "
        "`{code, message, fields?}`. A POST that costs takes `Idempotency-Key`: the same key answers the same twice, and with "
        "another body it is refused.",
        "## Calls",
        table(("call", "permission", "takes", "answers", "what it does"), _calls(schema)),
        "## Values",
        *_values(schema),
        "## Refusals",
        "Codes are stable; `message` is a sentence for a person.",
        table(("code", "status", "message"), [(code(r.code), str(r.status), r.sentence) for r in refusals()]),
    )


def _calls(schema: Schema) -> Iterator[tuple[str, str, str, str, str]]:
    permissions = dict(_permissions(urlpatterns, PREFIX))
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            if method.upper() not in permissions.get(path, {}):
                continue
            yield (
                code(f"{method.upper()} {path.removeprefix('/api/v1')}"),
                code(permissions[path][method.upper()]),
                ", ".join([*_query(operation), *_content(operation.get("requestBody", {}))]),
                _answer(operation["responses"]),
                operation.get("description", "").split("\n\n")[0].replace("``", "`"),
            )


def _permissions(
    patterns: list[URLPattern | URLResolver], prefix: str
) -> Iterator[tuple[str, Mapping[str, Permission]]]:
    """Path, as OpenAPI writes it → method → permission."""
    for pattern in patterns:
        path = prefix + _in_braces(str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from _permissions(pattern.url_patterns, path)
        else:
            view: Any = pattern.callback
            yield path, view.cls.permissions


def _in_braces(route: str) -> str:
    """``rosters/<uuid:public_id>`` as ``rosters/{public_id}``."""
    head, opening, rest = route.partition("<")
    if not opening:
        return head
    converter, _, tail = rest.partition(">")
    return f"{head}{{{converter.rpartition(':')[2]}}}{_in_braces(tail)}"


def _query(operation: Schema) -> list[str]:
    return [code(f"?{p['name']}=") for p in operation.get("parameters", ()) if p["in"] == "query"]


def _content(holder: Schema) -> list[str]:
    """The names of what a request or an answer carries."""
    return [_type(media.get("schema", {})) for media in holder.get("content", {}).values()][:1]


def _answer(responses: Schema) -> str:
    """Every list is a page (tenants/pagination.py)."""
    answers = (" ".join([status, *_content(responses[status])]) for status in SUCCESS if status in responses)
    return ", ".join(answers).replace("list of", "page of")


def _values(schema: Schema) -> Iterator[str]:
    for name, value in sorted(schema.get("components", {}).get("schemas", {}).items()):
        if "properties" in value:
            required = value.get("required", ())
            rows = [
                (code(field), _type(kind), "yes" if field in required else "")
                for field, kind in value["properties"].items()
            ]
            yield f"### {name}"
            yield table(("field", "kind", "always"), rows)
        else:
            yield f"### {name}"
            yield _type(value)


def _type(schema: Schema) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        return f"[{(name := schema['$ref'].rpartition('/')[2])}](#{name.lower()})"
    for key in ("allOf", "oneOf", "anyOf"):
        if key in schema:
            return " or ".join(_type(part) for part in schema[key])
    if "enum" in schema:
        return ", ".join(code(str(value)) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    words = [str(schema.get("type", "any")), schema.get("format", ""), "or null" if schema.get("nullable") else ""]
    return " ".join(word for word in words if word)
