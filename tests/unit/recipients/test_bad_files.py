"""Every bad file is refused with a sentence, in seconds and without filling the memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bad_files import BAD_FILES

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def outcome() -> Any:
    """In a process of its own, whose memory nothing else fills."""
    command = [sys.executable, "-m", "tests.bad_files"]
    return json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=280).stdout)


@pytest.mark.parametrize("name", BAD_FILES)
def test_each_comes_to_its_code_with_a_remedy_within_ten_seconds(name: str, outcome: Any) -> None:
    code, sentence, seconds = outcome["files"][name]

    assert code == BAD_FILES[name][1]
    assert seconds <= 10
    if code:
        assert "%(" not in sentence
        assert sentence.endswith("ください。"), "it says what to do"


def test_none_of_them_takes_300_mb(outcome: Any) -> None:
    assert outcome["peak_mb"] <= 300
