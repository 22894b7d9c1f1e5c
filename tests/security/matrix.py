"""The addresses to knock at, and a request that leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.db import transaction

from tests.rules.test_routes import Walked, ids_for
from tests.security.people import Caller
from tests.security.planting import Planted


def addresses(route: Walked, planted: Planted) -> Iterator[str]:
    """The route with each id of ``planted`` in it that its words name; once, where it takes none."""
    if "address" in route.converters:
        yield route.address(address=planted.person)
    elif not route.uuid_names:
        yield route.address()
    else:
        for public_id in ids_for(route, planted.ids).values():
            yield route.address(**dict.fromkeys(route.uuid_names, public_id))


def takes_objects(route: Walked) -> bool:
    return bool(route.uuid_names) or "address" in route.converters


def ask(caller: Caller, method: str, address: str, body: Any = None, *, send: Callable[[], Any] | None = None) -> Any:
    """One request, whose effects are taken back."""
    with transaction.atomic():
        response = send() if send else caller.ask(method, address, body)
        if response.streaming:
            response.streaming_content = [b"".join(response)]
        transaction.set_rollback(True)
    return response
