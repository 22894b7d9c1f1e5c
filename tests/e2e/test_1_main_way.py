"""A member of staff uploads a roster, checks it, sends, and watches; the carrier's journal is the truth."""

from __future__ import annotations

import re

import pytest

from carriers.simulator.journal import read_journal
from tests.e2e import oracle
from tests.e2e.demonstration import Demonstration
from tests.e2e.sending import Sending

pytestmark = pytest.mark.e2e


class TestTheReleaseRoster:
    def test_is_understood_without_mapping_anything(self, release: Sending) -> None:
        assert release.equation == {"total": 983, "sms": 510, "call": 450, "error": 23}
        for column, meaning in [("電話番号", "電話番号"), ("SMS同意", "SMSの同意"), ("生年月日", "生年月日")]:
            assert re.search(f"{column}\\s+→ {meaning}", release.columns), release.columns

    def test_is_shown_as_people_will_read_it_before_it_is_sent(self, release: Sending) -> None:
        assert release.equation_before_sending == release.equation
        assert len(release.samples) >= 3
        for sample in release.samples:
            assert re.fullmatch(r"【みなと市保健所】\S+　\S+様\n療養終了日は2022/\d\d/\d\dです。", sample), sample

    def test_ends_as_the_journal_and_the_scripts_say(self, release: Sending, demo: Demonstration) -> None:
        numbers, journal = oracle.release_numbers(), read_journal(demo.journal)
        taken = journal.accepted[release.taken]

        assert sorted(part.key.to for part in taken) == sorted(numbers)
        assert release.states == oracle.journal_says(journal, taken) == oracle.scripts_say(numbers)
        assert release.states == {oracle.DELIVERED: 510}
        assert journal.doubles == []

    def test_reaches_nobody_yet_who_is_to_be_phoned_or_mended(self, release: Sending) -> None:
        assert release.not_reached == 450 + 23
