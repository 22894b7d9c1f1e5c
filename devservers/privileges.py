"""PostgreSQL refuses to run as root; ways to start it from root nevertheless.

1. A user namespace in which our user 0 is called 65534. The kernel still sees root's files as our own, so nothing
   changes its owner and no folder needs opening; without capabilities, since the name is not 0.
2. Where namespaces are not allowed (Docker's default profile): the user 65534 for real, owning the data, and keeping
   one capability, to pass through folders such as /root that only root may enter.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from devservers.errors import CannotStart

NOBODY = 65534


@dataclass(frozen=True, slots=True)
class Descent:
    """How to run something as a user that is not root: what to put before the command, and who must own its files."""

    prefix: tuple[str, ...]
    owner: int


STAY = Descent(prefix=(), owner=os.geteuid())
NAMESPACE = Descent(
    prefix=("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--"),
    owner=0,
)
SWITCH = Descent(
    prefix=(
        "setpriv",
        f"--reuid={NOBODY}",
        f"--regid={NOBODY}",
        "--clear-groups",
        "--inh-caps=+dac_override",
        "--ambient-caps=+dac_override",
        # Else access(2), by which initdb looks for its programs, would not count the capability (capabilities(7)).
        "--securebits=+no_setuid_fixup",
        "--",
    ),
    owner=NOBODY,
)


def choose(*, program: str, directory: Path) -> Descent:
    """The first way in which `program` runs here and may write in `directory`.

    Raises CannotStart where root has no way.
    """
    if os.geteuid() != 0:
        return STAY
    for descent in (NAMESPACE, SWITCH):
        if shutil.which(descent.prefix[0]) is None:
            continue
        if _works([*descent.prefix, program, "--version"]) and _works([*descent.prefix, "test", "-w", str(directory)]):
            return descent
    raise CannotStart(
        "PostgreSQL does not run as root, and neither a user namespace (unshare) nor another user (setpriv) may be "
        "used here: start this as an ordinary user, or name a server by DATABASE_URL."
    )


def give(*, directory: Path, to: Descent) -> None:
    """Make the folder and all in it belong to the user that will use it; root only, and only where it differs."""
    if os.geteuid() != 0 or (directory.exists() and directory.stat().st_uid == to.owner):
        return
    # The top last: its owner says whether all of it was done.
    for path in (*directory.rglob("*"), directory):
        os.chown(path, to.owner, to.owner, follow_symlinks=False)


def _works(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
