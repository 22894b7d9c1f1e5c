from __future__ import annotations

from pathlib import Path

import pytest

from carriers.simulator.journal import Journal, PartKey, read_journal, read_lines


def submit(message_id: str, *, to: str = "8190", umr: int | None = 7, no: int = 1, total: int = 1) -> dict[str, object]:
    return {
        "system_id": "todoke",
        "bind": 1,
        "seq": 1,
        "status": 0,
        "id": message_id,
        "to": to,
        "umr": umr,
        "no": no,
        "total": total,
        "sha256": "aa",
        "plan": [("DELIVRD", 0)],
    }


def acknowledgement(message_id: str, state: str, status: int = 0) -> dict[str, object]:
    return {"id": message_id, "state": state, "status": status, "bind": 1}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "journal.jsonl"


class TestJournal:
    def test_writes_nothing_before_flush_and_everything_after(self, path: Path) -> None:
        journal = Journal(path)
        journal.add("submit", submit("1"))
        assert path.read_bytes() == b""

        journal.flush()

        assert len(read_journal(path).accepted) == 1
        journal.close()

    def test_appends_to_what_is_there(self, path: Path) -> None:
        for message_id in ("1", "2"):
            journal = Journal(path)
            journal.add("submit", submit(message_id))
            journal.close()

        assert [part.message_id for part in read_journal(path).accepted] == ["1", "2"]

    def test_keeps_apart_from_a_torn_line(self, path: Path) -> None:
        journal = Journal(path)
        journal.add("submit", submit("1"))
        journal.close()
        with path.open("ab") as torn:
            torn.write(b'{"kind":"submit","id":"to')
        journal = Journal(path)
        journal.add("submit", submit("2"))
        journal.close()

        assert [part.message_id for part in read_journal(path).accepted] == ["1", "2"]

    def test_is_for_its_owner_only(self, path: Path) -> None:
        Journal(path).close()

        assert path.stat().st_mode & 0o077 == 0

    def test_without_a_path_it_keeps_nothing(self) -> None:
        journal = Journal(None)
        journal.add("submit", submit("1"))
        journal.flush()
        journal.close()

    def test_its_tail_can_be_read_alone(self, path: Path) -> None:
        journal = Journal(path)
        for number in range(100):
            journal.add("submit", submit(str(number)))
        journal.close()

        ids = [record["id"] for record in read_lines(path, tail=1000)]
        assert ids[-1] == "99"
        assert 1 < len(ids) < 10


class TestJournalReport:
    def write(self, path: Path, *records: tuple[str, dict[str, object]]) -> None:
        journal = Journal(path)
        for kind, fields in records:
            journal.add(kind, fields)
        journal.close()

    def test_counts_refusals_by_status(self, path: Path) -> None:
        refused = {**submit(""), "status": 0x58}
        self.write(path, ("submit", refused), ("submit", refused), ("submit", submit("1")))

        report = read_journal(path)

        assert report.refused == {0x58: 2}
        assert len(report.accepted) == 1

    def test_names_doubles_and_nothing_else(self, path: Path) -> None:
        self.write(
            path,
            ("submit", submit("1", no=1, total=2)),
            ("submit", submit("2", no=2, total=2)),
            ("submit", submit("3", no=1, total=2)),
            ("submit", submit("4", to="8180")),
            ("submit", submit("5", umr=8)),
            ("dropped", submit("6", umr=8)),
        )

        assert read_journal(path).doubles == [PartKey("8190", 7, 1, 2)]

    def test_tells_parts_without_reference_by_their_text(self, path: Path) -> None:
        self.write(path, ("submit", submit("1", umr=None)), ("submit", submit("2", umr=None)))

        assert read_journal(path).doubles == [PartKey("8190", "aa", 1, 1)]

    @pytest.mark.parametrize(
        ("states", "final"),
        [
            (["DELIVRD"], "DELIVRD"),
            (["EXPIRED", "DELIVRD"], "DELIVRD"),
            (["DELIVRD", "UNDELIV"], "DELIVRD"),
            (["UNDELIV", "REJECTD"], "REJECTD"),
            (["EXPIRED", "UNDELIV"], "UNDELIV"),
            (["ENROUTE"], ""),
            ([], ""),
        ],
    )
    def test_the_highest_receipt_stands(self, path: Path, states: list[str], final: str) -> None:
        self.write(path, ("submit", submit("1")), *[("receipt_ack", acknowledgement("1", state)) for state in states])

        assert read_journal(path).message_states == {("8190", 7): final}

    def test_only_what_was_acknowledged_counts(self, path: Path) -> None:
        self.write(
            path,
            ("submit", submit("1")),
            ("receipt", {"id": "1", "state": "DELIVRD", "bind": 1, "seq": 1, "try": 1}),
            ("receipt_ack", acknowledgement("1", "DELIVRD", status=0x64)),
        )

        report = read_journal(path)

        assert report.sent == [("1", "DELIVRD")]
        assert report.acknowledged == []
        assert report.part_states == {}

    @pytest.mark.parametrize(
        ("first", "second", "final"),
        [
            ("DELIVRD", "DELIVRD", "DELIVRD"),
            ("DELIVRD", "UNDELIV", "UNDELIV"),
            ("DELIVRD", "", ""),
            ("EXPIRED", "", "EXPIRED"),
        ],
    )
    def test_a_long_text_is_delivered_when_all_its_parts_are(
        self, path: Path, first: str, second: str, final: str
    ) -> None:
        acknowledgements = [
            ("receipt_ack", acknowledgement(message_id, state))
            for message_id, state in (("1", first), ("2", second))
            if state
        ]
        self.write(
            path,
            ("submit", submit("1", no=1, total=2)),
            ("submit", submit("2", no=2, total=2)),
            *acknowledgements,
        )

        assert read_journal(path).message_states == {("8190", 7): final}

    def test_a_text_of_which_a_part_never_came_is_not_delivered(self, path: Path) -> None:
        self.write(path, ("submit", submit("1", no=1, total=2)), ("receipt_ack", acknowledgement("1", "DELIVRD")))

        assert read_journal(path).message_states == {("8190", 7): ""}
