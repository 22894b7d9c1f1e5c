"""The SMSC's journal: what it accepted, refused and reported, written before anybody is told. The oracle of the tests.

One JSON object a line, appended only. ``kind`` is one of

- ``submit``: a part came. ``status`` 0 when it was accepted (``id`` is then its message id as answered).
- ``dropped``: a part came and the connection was cut without taking it (scripted).
- ``receipt``: a receipt left, ``state`` as in SMPP ("DELIVRD"); ``receipt_ack``: it was answered, with ``status``.
- ``inbound``: a resident's text left; ``inbound_ack``: it was answered.
- ``start``, ``bind``, ``unbind``: for those who read along.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

_RANK: Final = {"DELIVRD": 4, "REJECTD": 3, "UNDELIV": 2, "DELETED": 2, "EXPIRED": 1}


class Journal:
    """Collects the lines of one tick and writes them in one go.

    ``flush`` must be called before the answers of the same tick leave: then what was answered is in the file, even if
    this process is killed in the next instant.
    """

    def __init__(self, path: Path | None) -> None:
        self._descriptor = None if path is None else _open_for_append(path)
        self._lines: list[bytes] = []
        self._at = ""
        self._at_ns = 0

    def add(self, kind: str, fields: Mapping[str, object]) -> None:
        if self._descriptor is not None:
            record = {"kind": kind, "at": self._now(), **fields}
            self._lines.append(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))

    def flush(self) -> None:
        """Raises ``OSError`` when the disk refuses: an SMSC without its journal must not answer."""
        if self._descriptor is None or not self._lines:
            return
        octets = b"".join(self._lines)
        self._lines.clear()
        while octets:
            octets = octets[os.write(self._descriptor, octets) :]

    def close(self) -> None:
        if self._descriptor is not None:
            self.flush()
            os.close(self._descriptor)
            self._descriptor = None

    def _now(self) -> str:
        # A date costs more than the rest of a line, so one serves for a millisecond.
        now_ns = time.time_ns()
        if now_ns - self._at_ns > 1_000_000:
            self._at_ns = now_ns
            self._at = datetime.fromtimestamp(now_ns / 1e9, tz=UTC).isoformat(timespec="milliseconds")
        return self._at


def _open_for_append(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_APPEND | os.O_CREAT | os.O_RDWR, 0o600)
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        os.write(descriptor, b"\n")  # the last line was torn by a kill: keep ours apart from it
    return descriptor


class PartKey(NamedTuple):
    """What makes a part the same part: number, the message's reference (or its text's hash), position."""

    to: str
    reference: int | str
    number: int
    total: int


@dataclass(frozen=True, slots=True)
class AcceptedPart:
    """A part that the SMSC took."""

    key: PartKey
    message_id: str
    at: str
    system_id: str
    bind: int
    sha256: str
    planned: tuple[str, ...]  # states of the receipts that its script gives


@dataclass(frozen=True, slots=True)
class JournalReport:
    """What a journal says, for tests to compare with the database."""

    accepted: list[AcceptedPart] = field(default_factory=list)
    refused: Counter[int] = field(default_factory=Counter)  # by command status
    sent: list[tuple[str, str]] = field(default_factory=list)  # message id, state: each receipt that left
    acknowledged: list[tuple[str, str]] = field(default_factory=list)  # …, and that was answered with status 0

    @property
    def doubles(self) -> list[PartKey]:
        """Parts that were accepted more than once."""
        counts = Counter(part.key for part in self.accepted)
        return [key for key, count in counts.items() if count > 1]

    @property
    def part_states(self) -> dict[str, str]:
        """Message id to the highest state that was acknowledged; parts without a receipt are missing."""
        states: dict[str, str] = {}
        for message_id, state in self.acknowledged:
            if _RANK.get(state, 0) > _RANK.get(states.get(message_id, ""), 0):
                states[message_id] = state
        return states

    @property
    def message_states(self) -> dict[tuple[str, int | str], str]:
        """Number and reference to the state of the whole message.

        "DELIVRD" when all its parts are; else the worst that a part met; "" while a part has no receipt.
        """
        by_part = self.part_states
        states: dict[tuple[str, int | str], str] = {}
        parts: dict[tuple[str, int | str], set[int]] = {}
        totals: dict[tuple[str, int | str], int] = {}
        for part in self.accepted:
            message = (part.key.to, part.key.reference)
            state = by_part.get(part.message_id, "")
            states[message] = _worse(states[message], state) if message in states else state
            parts.setdefault(message, set()).add(part.key.number)
            totals[message] = part.key.total
        for message, numbers in parts.items():
            if len(numbers) < totals[message] and states[message] == "DELIVRD":
                states[message] = ""
        return states


def _worse(one: str, other: str) -> str:
    """An end that is no delivery outweighs everything; a missing receipt outweighs a delivery."""
    failed = [state for state in (one, other) if state not in {"DELIVRD", ""}]
    if failed:
        return max(failed, key=lambda state: _RANK.get(state, 0))
    return "" if "" in {one, other} else "DELIVRD"


def read_lines(path: Path, *, tail: int | None = None) -> Iterator[dict[str, Any]]:
    """The records of a journal, or of its last ``tail`` octets; it may still be growing. A torn line is passed over."""
    with path.open("rb") as lines:
        if tail is not None:
            lines.seek(max(0, path.stat().st_size - tail))
        for line in lines:
            try:
                record = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue  # cut by ``tail``, or by a kill in the middle of a write: nothing of it was answered
            yield record


def read_journal(path: Path) -> JournalReport:
    """Read a whole journal. Raises ``OSError`` where there is none."""
    report = JournalReport()
    for record in read_lines(path):
        kind = record["kind"]
        if kind == "submit":
            _read_submit(record, report)
        elif kind == "receipt":
            report.sent.append((record["id"], record["state"]))
        elif kind == "receipt_ack" and record["status"] == 0:
            report.acknowledged.append((record["id"], record["state"]))
    return report


def _read_submit(record: Mapping[str, Any], report: JournalReport) -> None:
    if record["status"]:
        report.refused[record["status"]] += 1
        return
    reference = record["umr"] if record["umr"] is not None else record["sha256"]
    report.accepted.append(
        AcceptedPart(
            key=PartKey(record["to"], reference, record["no"], record["total"]),
            message_id=record["id"],
            at=record["at"],
            system_id=record["system_id"],
            bind=record["bind"],
            sha256=record["sha256"],
            planned=tuple(state for state, _error in record["plan"]),
        )
    )
