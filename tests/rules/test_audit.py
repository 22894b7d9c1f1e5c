"""Every act that some app records has its words in the trail."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tenants.audit_words import ACTIONS

ROOT: Final = Path(__file__).resolve().parent.parent.parent
APPS: Final = ("tenants", "recipients", "templates_sms", "carriers", "dispatch", "reports", "config")
NAMES: Final = re.compile(r"""(?:action=|_record\w*\(\s*|action\s*=\s*)(?:f?")([a-z_]+\.[a-z_]+)\"""")
CHOSEN: Final = re.compile(r'action\s*=\s*"([a-z_]+\.[a-z_]+)" if .+ else "([a-z_]+\.[a-z_]+)"')


def recorded() -> dict[str, str]:
    """Act → the file that records it."""
    found: dict[str, str] = {}
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            source = path.read_text()
            if "record" not in source or path.name == "audit_words.py":
                continue
            names = NAMES.findall(source) + [name for pair in CHOSEN.findall(source) for name in pair]
            found |= dict.fromkeys(names, str(path.relative_to(ROOT)))
    return found


class TestAudit:
    def test_finds_acts_at_all(self) -> None:
        assert {"api_key.issued", "person.let_in", "campaign.sent", "roster.uploaded"} <= set(recorded())

    def test_every_recorded_act_has_its_words(self) -> None:
        missing = {act: path for act, path in recorded().items() if act not in ACTIONS}

        assert not missing
