from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from devservers.datadir import locked
from devservers.errors import CannotStart
from devservers.runner import ROOT

HOLDER = """
import pathlib, sys, time
from devservers.datadir import locked
with locked(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def hold(directory: Path, *, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLDER, str(directory), str(seconds)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


class TestLocked:
    def test_makes_a_directory_that_others_cannot_read(self, tmp_path: Path) -> None:
        with locked(tmp_path / "data"):
            assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700

    def test_refuses_a_second_run_and_names_the_first(self, tmp_path: Path) -> None:
        with hold(tmp_path, seconds=60) as first:
            with pytest.raises(CannotStart, match=f"already runs \\(process {first.pid}\\)"), locked(tmp_path):
                pytest.fail("two runs had the same directory")
            first.kill()

    def test_takes_over_from_a_run_that_was_killed(self, tmp_path: Path) -> None:
        with hold(tmp_path, seconds=60) as first:
            first.kill()
            first.wait()

        with locked(tmp_path) as descriptor:
            assert descriptor > 0

    def test_waits_for_the_guardian_of_a_run_that_was_killed(self, tmp_path: Path) -> None:
        with hold(tmp_path, seconds=0.5) as guardian:
            (tmp_path / "lock").write_text("999999999")  # its runner is gone

            with locked(tmp_path):
                assert guardian.wait(timeout=10) == 0

    def test_says_so_when_the_directory_cannot_be_used(self, tmp_path: Path) -> None:
        (tmp_path / "data").write_text("a file")

        with pytest.raises(CannotStart, match="does it belong to another user"), locked(tmp_path / "data"):
            pytest.fail("a file was used as a directory")
