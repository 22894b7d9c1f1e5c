"""CPU time of processes with all their children, from /proc."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

TICK_US = 1_000_000 / os.sysconf("SC_CLK_TCK")


def _stats() -> dict[int, tuple[int, int]]:
    """pid → (parent, ticks of itself and of the children that it has reaped)."""
    found: dict[int, tuple[int, int]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        found[int(entry.name)] = (int(fields[1]), sum(int(value) for value in fields[11:15]))
    return found


def cpu_us(roots: dict[str, int]) -> dict[str, float]:
    """Name → microseconds of CPU that this process and its descendants used since they began."""
    stats = _stats()
    children: dict[int, list[int]] = defaultdict(list)
    for pid, (parent, _) in stats.items():
        children[parent].append(pid)

    def tree(pid: int) -> float:
        own = stats.get(pid, (0, 0))[1]
        return own + sum(tree(child) for child in children.get(pid, []))

    return {name: tree(pid) * TICK_US for name, pid in roots.items()}


def difference(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    return {name: after[name] - before.get(name, 0.0) for name in after}
