"""How two processes share the suite: a file stays with one of them, and all of the browser's files too.

The browser's share one demonstration. They are handed out first, since together they take longest; the others go by the
number of their tests.
"""

from __future__ import annotations

from typing import Any, Final

import pytest

BROWSERS: Final = "tests/e2e/"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file: str = nodeid.partition("::")[0]
            return BROWSERS if file.startswith(BROWSERS) else file

        def _assign_work_unit(self, node: Any) -> None:
            if BROWSERS in self.workqueue:
                self.workqueue.move_to_end(BROWSERS, last=False)
            super()._assign_work_unit(node)

    return ByFile(config, log)
