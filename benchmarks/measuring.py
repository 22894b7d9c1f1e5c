"""CPU time and peak memory of processes with all their children, from /proc."""

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


def _children(stats: dict[int, tuple[int, int]]) -> dict[int, list[int]]:
    children: dict[int, list[int]] = defaultdict(list)
    for pid, (parent, _) in stats.items():
        children[parent].append(pid)
    return children


def peak_mb(root: int) -> float:
    """The most memory that this process or one of its descendants ever held (VmHWM: shared pages count too)."""
    children = _children(_stats())

    def tree(pid: int) -> float:
        own = _peak_kb(pid) / 1024
        return max([own, *(tree(child) for child in children.get(pid, []))])

    return tree(root)


def _peak_kb(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0)


def cpu_us(roots: dict[str, int]) -> dict[str, float]:
    """Name → microseconds of CPU that this process and its descendants used since they began."""
    stats = _stats()
    children = _children(stats)

    def tree(pid: int) -> float:
        own = stats.get(pid, (0, 0))[1]
        return own + sum(tree(child) for child in children.get(pid, []))

    return {name: tree(pid) * TICK_US for name, pid in roots.items()}


def difference(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    return {name: after[name] - before.get(name, 0.0) for name in after}


def server_pids() -> tuple[int, int]:
    """The postmaster and the Valkey server of this run."""
    import psycopg
    import redis
    from django.conf import settings

    with psycopg.connect(settings.DATABASE_ADMIN_URL) as connection:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        backend = row[0] if row else 0
        postmaster = int(Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()[1])
    valkey = redis.Redis.from_url(settings.REDIS_URL).info("server")["process_id"]
    return postmaster, valkey
