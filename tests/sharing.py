"""How two processes share the suite: a file stays with one of them, and all of the browser's files too.

The browser's share one demonstration. What takes longest is handed out first, so that both processes end at about the same
time; the others go by the number of their tests.
"""

from __future__ import annotations

from typing import Any, Final

import pytest

BROWSERS: Final = "tests/e2e/"
LONGEST: Final = (
    BROWSERS,
    "tests/security/test_matrix.py",
    "tests/app/privacy/test_at_rest.py",
    "tests/security/test_requests.py",
    "tests/rules/test_devservers.py",
    "tests/security/test_naughty_strings.py",
    "tests/app/tenants/test_log_in.py",
    "tests/app/recipients/test_bad_files.py",
    "tests/app/config/test_start_up.py",
    "tests/security/test_fences_alone.py",
    "tests/security/test_references.py",
    "tests/security/test_forgery.py",
    "tests/security/test_logs.py",
    "tests/carriers/test_smsc_command.py",
    "tests/unit/recipients/test_bad_files.py",
    "tests/faults/test_state_machine.py",
    "tests/app/recipients/test_killed_reader.py",
)
"""By the clock, the longest first."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file: str = nodeid.partition("::")[0]
            return BROWSERS if file.startswith(BROWSERS) else file

        def _assign_work_unit(self, node: Any) -> None:
            for longest in reversed(LONGEST):
                if longest in self.workqueue:
                    self.workqueue.move_to_end(longest, last=False)
            super()._assign_work_unit(node)

    return ByFile(config, log)
