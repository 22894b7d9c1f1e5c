"""`python -m devservers audit`: are there known vulnerabilities in what production installs?

pip-audit asks PyPI, from an environment of its own. A machine that cannot reach PyPI is told so in a sentence, and nothing
fails: what was not looked at must not look like something that was found sound.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from devservers.runner import ROOT

AUDITED: Final = ROOT / "requirements.txt"
LOCK: Final = ROOT / "requirements-audit.txt"
TOOLS: Final = ROOT / ".venv-audit"
QUICKLY: Final = ("--quiet", "--retries", "1", "--timeout", "15")
ACCEPTED: Final[Mapping[str, str]] = {}
"""Id of a vulnerability → why it does not concern us. Each entry is a debt: it goes with the next release that mends it."""


class NotAudited(Exception):
    """Nobody knows: the text says why not."""


def audit() -> int:
    """Print what was found; 1 where something was, 0 where nothing was or nobody could be asked."""
    try:
        found = vulnerabilities(_asked())
    except NotAudited as exc:
        print(f"NOT AUDITED: {exc} Known vulnerabilities of the dependencies were not looked for.", file=sys.stderr)
        return 0
    for line in found:
        print(line, file=sys.stderr)
    print("Known vulnerabilities: " + (f"{len(found)}." if found else "none."))
    return 1 if found else 0


def vulnerabilities(answer: str) -> list[str]:
    """A line for each, from pip-audit's JSON. Raises ``NotAudited`` where it is none, or leaves a package out."""
    try:
        packages = json.loads(answer)["dependencies"]
    except (ValueError, KeyError, TypeError) as exc:
        raise NotAudited("pip-audit gave no answer.") from exc
    skipped = [one["name"] for one in packages if "skip_reason" in one]
    if skipped or not packages:
        raise NotAudited(f"pip-audit left out: {', '.join(skipped) or 'everything'}.")
    return [
        f"{one['name']} {one['version']}: {vulnerability['id']}, mended in {_versions(vulnerability['fix_versions'])}"
        for one in packages
        for vulnerability in one["vulns"]
        if vulnerability["id"] not in ACCEPTED
    ]


def _versions(versions: list[str]) -> str:
    return " or ".join(versions) or "no version yet"


def _asked() -> str:
    program = _installed()
    command: list[str | Path] = [
        program,
        "--disable-pip",
        "--require-hashes",
        "--requirement",
        AUDITED,
        "--format",
        "json",
    ]
    done = subprocess.run([*command, "--progress-spinner", "off"], capture_output=True, text=True, check=False)
    if not done.stdout:
        raise NotAudited(f"pip-audit ended with {done.returncode}: {_last_line(done.stderr)}")
    return done.stdout


def _installed() -> Path:
    """pip-audit as the lock file names it; made anew when that changed."""
    stamp, program = TOOLS / LOCK.name, TOOLS / "bin" / "pip-audit"
    if program.exists() and stamp.exists() and stamp.read_bytes() == LOCK.read_bytes():
        return program
    making: list[str | Path] = [sys.executable, "-m", "venv", "--clear", TOOLS]
    for command in (making, _installing()):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotAudited(f"pip-audit could not be installed: {_last_line(done.stderr)}")
    stamp.write_bytes(LOCK.read_bytes())
    return program


def _installing() -> list[str | Path]:
    """By uv where ``make setup`` brought it: it takes a second for what takes pip a minute."""
    python, uv = TOOLS / "bin" / "python", Path(sys.executable).with_name("uv")
    if uv.exists():
        return [uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", LOCK]
    return [python, "-m", "pip", "install", *QUICKLY, "--require-hashes", "-r", LOCK]


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it said nothing."])[-1]
