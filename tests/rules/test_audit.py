"""Every act that some app records has its words in the trail."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest

from dispatch.models import Outcome
from recipients.labels import PROBLEM_NAMES, ROSTER_PROBLEMS
from reports.state_words import CAMPAIGN
from tenants.audit_words import ACTIONS, worded

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


class TestDetails:
    @pytest.mark.parametrize(
        ("detail", "codes"),
        [
            ("outcome", Outcome.values),
            ("state", CAMPAIGN),
            ("needs", ["confirm", "release"]),
            ("code", ROSTER_PROBLEMS),
            ("role", ["staff", "admin"]),
        ],
    )
    def test_codes_of_ours_are_read_as_words(self, detail: str, codes: Iterable[str]) -> None:
        assert [code for code in codes if worded(detail, code).isascii()] == []

    def test_what_people_wrote_stays_as_it_is(self) -> None:
        assert worded("reason", "draft") == "draft"
        assert worded("outcome", "reached by letter") == "reached by letter"

    def test_every_problem_of_a_roster_has_a_name(self) -> None:
        assert set(PROBLEM_NAMES) == set(ROSTER_PROBLEMS)
