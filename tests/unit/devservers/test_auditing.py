"""The look at known vulnerabilities: what it finds, and what it says where it could not look."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from devservers import auditing
from devservers.auditing import NotAudited, audit, vulnerabilities

SOUND = {"name": "django", "version": "6.0", "vulns": []}
SICK = {
    "name": "pillow",
    "version": "9.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["9.1", "8.4"]}, {"id": "PYSEC-2", "fix_versions": []}],
}


def answer(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": list(packages), "fixes": []})


class TestVulnerabilities:
    def test_are_none_in_what_is_sound(self) -> None:
        assert vulnerabilities(answer(SOUND)) == []

    def test_are_a_line_each(self) -> None:
        assert vulnerabilities(answer(SOUND, SICK)) == [
            "pillow 9.0: PYSEC-1, mended in 9.1 or 8.4",
            "pillow 9.0: PYSEC-2, mended in no version yet",
        ]

    def test_that_were_accepted_with_a_reason_are_left_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(auditing, "ACCEPTED", {"PYSEC-1": "only its command line"})

        assert vulnerabilities(answer(SICK)) == ["pillow 9.0: PYSEC-2, mended in no version yet"]

    @pytest.mark.parametrize(
        "said",
        ["", "oops", "[]", "{}", answer(), answer(SOUND, {"name": "x", "skip_reason": "not found"})],
    )
    def test_nobody_knows_of_without_a_whole_answer(self, said: str) -> None:
        with pytest.raises(NotAudited):
            vulnerabilities(said)


class TestAudit:
    def test_says_so_where_nobody_can_be_asked(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        program = tmp_path / "pip-audit"
        program.write_text("#!/bin/sh\necho 'ConnectionError: no route' >&2\nexit 1\n")
        program.chmod(0o755)
        monkeypatch.setattr(auditing, "_installed", lambda: program)

        assert audit() == 0
        said = capsys.readouterr()
        assert "NOT AUDITED: pip-audit ended with 1: ConnectionError: no route" in said.err
        assert said.out == ""

    def test_says_so_where_it_cannot_be_installed(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        monkeypatch.setattr(auditing, "TOOLS", tmp_path / "tools")
        monkeypatch.setattr(auditing, "LOCK", tmp_path / "no-such-lock.txt")
        monkeypatch.setattr(auditing.sys, "executable", "/bin/false")

        assert audit() == 0
        assert "could not be installed" in capsys.readouterr().err

    def test_fails_where_something_is_found(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(auditing, "_asked", lambda: answer(SICK))

        assert audit() == 1
        assert "PYSEC-1" in capsys.readouterr().err
