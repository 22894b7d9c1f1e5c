"""A member of staff uploads a roster, checks it, sends, and watches; the carrier's journal is the truth."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from playwright.sync_api import expect

from carriers.simulator.journal import read_journal
from tests.e2e import oracle, walking
from tests.e2e.conftest import OpenPage
from tests.e2e.demonstration import Demonstration, wait_until
from tests.e2e.sending import Sending

pytestmark = pytest.mark.e2e
REASONS = {
    "10": "圏外・電源断",
    "11": "受信拒否",
    "12": "欠番（使われていない番号）",
    "13": "携帯会社の変更（MNP）で届かず",
    "14": "携帯会社側の障害",
    "16": "携帯会社側の障害",
    "20": "期限までに届かず",
    "30": "使えない番号",
}
"""Why a person is on the call list, by the script of the number."""


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
        assert "端末が受信した\n510人" in release.funnel
        assert {row[3] for row in release.rows} == {oracle.DELIVERED}

    def test_reaches_nobody_yet_who_is_to_be_phoned_or_mended(self, release: Sending) -> None:
        assert release.not_reached == 450 + 23


class TestTheScriptedRoster:
    """Various ends: out of reach, refused, expired, expired and received after all, …"""

    def test_is_split_like_the_other(self, scripted: Sending) -> None:
        assert scripted.equation == {"total": 81, "sms": 50, "call": 26, "error": 5}

    def test_ends_as_the_scripts_say(self, scripted: Sending, demo: Demonstration, open_page: OpenPage) -> None:
        numbers = [wire(row[2]) for row in scripted.rows]
        page = open_page("staff")
        page.goto(scripted.address)

        def is_as_scripted() -> bool:
            page.reload()  # a receipt may come after an end: the last word stands
            return walking.states_on(page) == oracle.scripts_say(numbers)

        wait_until(is_as_scripted, timeout_s=30, what="late receipts are in")
        rows = walking.rows_on(page.locator("#rows"))
        assert {row[2]: row[3] for row in rows} == {row[2]: oracle.end_by_script(wire(row[2])) for row in rows}
        journal = read_journal(demo.journal)
        refused = [number for number in numbers if oracle.end_by_script(number) == oracle.REFUSED]
        taken = journal.accepted[scripted.taken]
        assert sorted(part.key.to for part in taken) == sorted(set(numbers) - set(refused))
        assert oracle.journal_says(journal, taken) + Counter({oracle.REFUSED: len(refused)}) == walking.states_on(page)
        assert journal.doubles == []

    def test_puts_who_was_not_reached_on_the_call_list_with_the_reason(
        self, scripted: Sending, open_page: OpenPage
    ) -> None:
        page = open_page("staff")
        page.goto(scripted.address)
        page.get_by_role("link", name="架電リストを開く").click()
        ends = {wire(row[2]): oracle.end_by_script(wire(row[2])) for row in scripted.rows}
        missing = {number for number, end in ends.items() if end != oracle.DELIVERED}
        assert missing

        waiting: dict[str, str] = {}

        def are_all_there() -> bool:
            page.reload()  # the worker writes the list after the last end
            waiting.clear()
            waiting.update((wire(row[1]), row[2]) for row in walking.rows_on(page.locator("main")))
            return missing <= waiting.keys()

        wait_until(are_all_there, timeout_s=60, what="the call list is written")
        assert {number: waiting[number] for number in missing} == {number: REASONS[number[5:7]] for number in missing}
        assert waiting.keys().isdisjoint(ends.keys() - missing)

    def test_a_key_notes_the_outcome_and_the_next_person_comes(self, scripted: Sending, open_page: OpenPage) -> None:
        page = open_page("staff")
        page.goto(scripted.address)
        page.get_by_role("link", name="架電リストを開く").click()
        before = walking.figure(page.get_by_role("link", name="未対応"))
        names = [row[0].split("\n")[0] for row in walking.rows_on(page.locator("main"))]
        page.get_by_role("link", name="上から順に電話をかける").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(names[0])

        page.keyboard.press("1")

        expect(page.get_by_text(f"{names[0]}様の結果を記録しました。")).to_be_visible()
        expect(page.get_by_role("heading", level=1)).to_have_text(names[1])
        page.get_by_role("link", name="架電リストへ戻る").click()
        assert walking.figure(page.get_by_role("link", name="未対応")) == before - 1


def wire(number: str) -> str:
    """A number as the page writes it, as it stands on the wire."""
    return "81" + number.replace("-", "").removeprefix("0")
