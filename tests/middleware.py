"""All browsers of the tests go through one middleware, as those of a server do.

Django's test client makes one for each browser, and each time it is made it looks at every static file, which takes longer
than most requests. It is made anew when a setting changes, since middleware reads some when it is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
from django.core.signals import setting_changed
from django.test.client import ClientHandler

PARTS: Final = ("_view_middleware", "_template_response_middleware", "_exception_middleware", "_middleware_chain")


@pytest.fixture(autouse=True, scope="session")
def _one_middleware() -> Iterator[None]:
    load, made = ClientHandler.load_middleware, dict[str, Any]()

    def share(handler: ClientHandler, is_async: bool = False) -> None:
        if not made:
            load(handler, is_async)
            made.update((name, vars(handler)[name]) for name in PARTS)
        vars(handler).update(made)

    def forget(**_options: Any) -> None:
        made.clear()

    setting_changed.connect(forget)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClientHandler, "load_middleware", share)
        yield
    setting_changed.disconnect(forget)
