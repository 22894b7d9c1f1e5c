"""A costly POST that is repeated with the same ``Idempotency-Key`` happens once and answers the same twice (API.md).

The key's row is inserted first, in the transaction that does the work: a second request waits at the unique index until
the first has committed, then finds its answer; when the first was rolled back (as on every error), the second does the
work.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from functools import wraps
from typing import Any, Final, TypeVar
from uuid import UUID

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import keys
from tenants.errors import Invalid
from tenants.middleware import actor_for
from tenants.models import IdempotencyKey
from tenants.repeats import claim, content_of

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
LONGEST: Final = 255
TABLE: Final = "tenants_idempotencykey"
View = TypeVar("View", bound=Callable[..., Response])


class IdempotencyKeyReused(Invalid):
    """The key stands for another request."""

    code = "idempotency_key_reused"
    status = 422
    user_message = _("このIdempotency-Keyは、別の内容ですでに使われています。新しいキーで送ってください。")


class BadIdempotencyKey(Invalid):
    code = "bad_idempotency_key"
    user_message = _("Idempotency-Keyは1〜255文字の英数字と記号で指定してください。")


def idempotent(method: View) -> View:
    """Decorate an API view's ``post``. Without the header it changes nothing.

    Raises ``IdempotencyKeyReused`` and ``BadIdempotencyKey``.
    """

    @wraps(method)
    def once(view: Any, request: Request, *args: Any, **ids: Any) -> Response:
        wanted = request.headers.get(HEADER)
        if wanted is None:
            return method(view, request, *args, **ids)
        if not (1 <= len(wanted) <= LONGEST and wanted.isascii() and wanted.isprintable()):
            raise BadIdempotencyKey
        row_id = _claim(request, wanted)
        if row_id is None:
            return _replay(request, wanted)
        response = method(view, request, *args, **ids)
        _keep(row_id, response)
        return response

    return once  # type: ignore[return-value]  # the same signature, which wraps() can't tell


def _claim(request: Request, wanted: str) -> int | None:
    """The id of the new row, or None where the key has one. Waits for a request that is under way with it."""
    return claim(
        TABLE,
        api_key_id=actor_for(request).api_key_id,
        key_hash=_key_hash(wanted),
        body_hash=_body_hash(request),
    )


def _replay(request: Request, wanted: str) -> Response:
    found = IdempotencyKey.objects.get(api_key_id=actor_for(request).api_key_id, key_hash=_key_hash(wanted))
    if bytes(found.body_hash) != _body_hash(request):
        raise IdempotencyKeyReused
    data = json.loads(keys.ring().open(TABLE, found.answer))
    return Response(data, status=found.status, headers={REPLAYED: "true"})


def _keep(row_id: int, response: Response) -> None:
    answer = keys.ring().seal(TABLE, JSONRenderer().render(response.data))
    object_id = response.data.get("id") if isinstance(response.data, dict) else None
    IdempotencyKey.objects.filter(pk=row_id).update(status=response.status_code, answer=answer, object_id=object_id)


def blank_answers(*, object_ids: Collection[UUID], fields: Collection[str]) -> int:
    """Empty these fields of the kept answers about these objects; of how many. The keys stay: nothing happens twice.

    Needs the tenant's scope.
    """
    ring, blank = keys.ring(), dict.fromkeys(fields, "")
    found = list(IdempotencyKey.objects.filter(object_id__in=object_ids).exclude(answer=None))
    for row in found:
        kept = json.loads(ring.open(TABLE, row.answer))
        row.answer = ring.seal(TABLE, json.dumps(kept | blank).encode())
        row.save(update_fields=["answer"])
    return len(found)


def _key_hash(wanted: str) -> bytes:
    return keys.ring().hash("idempotency key", wanted)


def _body_hash(request: Request) -> bytes:
    """Of method, path and content; two writings of the same JSON, or two boundaries of the same form, are the same."""
    data = request.data
    content = content_of(data, request.FILES) if isinstance(data, QueryDict) else data
    written = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return keys.ring().hash("idempotency body", f"{request.method} {request.path}\n{written}")
