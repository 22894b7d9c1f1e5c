"""Pages of long lists: keyset cursors, which cost the same on the thousandth page as on the first.

A cursor is opaque and signed; it fits the list and order that it was made for and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from django.core import signing
from django.core.exceptions import BadRequest
from django.db.models import Field, Model, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from tenants.errors import Invalid

PAGE_SIZE: Final = 100
Row = TypeVar("Row", bound=Model)
Shown = TypeVar("Shown")


class BadCursor(Invalid, BadRequest):
    """The cursor was not made by us for this list. A 400, on pages and in the API."""

    code = "bad_cursor"
    user_message = _("ページの位置を読み取れません。最初のページから開き直してください。")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page; ``next`` is the cursor of the page after it, None on the last."""

    results: list[Row]
    next: str | None

    def body(self, shown: Callable[[Row], Any]) -> dict[str, Any]:
        """The API's shape."""
        return {"results": [shown(row) for row in self.results], "next": self.next}


def cursor_page(
    queryset: QuerySet[Row], *, order: Sequence[str], cursor: str | None, size: int = PAGE_SIZE
) -> Page[Row]:
    """The page of ``queryset`` after ``cursor``, in ``order`` (as for ``order_by``; no column that may be null).

    The row's id is added to the order, so that rows that are equal in it are neither skipped nor shown twice. Raises
    ``BadCursor``.
    """
    keys = _with_id(order)
    salt = f"cursor:{queryset.model._meta.label_lower}:{','.join(keys)}"
    if cursor:
        queryset = queryset.filter(_after(queryset.model, keys, _opened(cursor, salt=salt, length=len(keys))))
    rows = list(queryset.order_by(*keys)[: size + 1])
    if len(rows) <= size:
        return Page(results=rows, next=None)
    rows.pop()
    return Page(results=rows, next=signing.dumps([_plain(rows[-1], key) for key in keys], salt=salt))


def _with_id(order: Sequence[str]) -> tuple[str, ...]:
    if any(key.lstrip("-") in {"id", "pk"} for key in order):
        return tuple(order)
    return (*order, "-id" if order and order[-1].startswith("-") else "id")


def _opened(cursor: str, *, salt: str, length: int) -> list[Any]:
    try:
        values = signing.loads(cursor, salt=salt)
    except (signing.BadSignature, ValueError) as exc:
        raise BadCursor from exc
    if not isinstance(values, list) or len(values) != length:
        raise BadCursor
    return values


def _plain(row: Model, key: str) -> str:
    return _field(type(row), key).value_to_string(row)


def _field(model: type[Model], key: str) -> Field[Any, Any]:
    name = key.lstrip("-")
    field = model._meta.pk if name == "pk" else model._meta.get_field(name)
    if not isinstance(field, Field):
        raise TypeError(f"{name} is no column to order by")
    return field


def _after(model: type[Model], keys: Iterable[str], values: Iterable[Any]) -> Q:
    """``a < x OR (a = x AND b < y) …``, and ``a <= x`` beside it, which is what an index can use."""
    places = [
        (key.lstrip("-"), "lt" if key.startswith("-") else "gt", _field(model, key).to_python(value))
        for key, value in zip(keys, values, strict=True)
    ]
    first, direction, value = places[0]
    condition, equal = Q(), Q()
    for name, comparison, limit in places:
        condition |= equal & Q(**{f"{name}__{comparison}": limit})
        equal &= Q(**{name: limit})
    return Q(**{f"{first}__{direction}e": value}) & condition
