"""What a person saw on the main way, from the roster to the last receipt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

from carriers.simulator.journal import read_journal
from tests.e2e import walking
from tests.e2e.demonstration import Demonstration


@dataclass(frozen=True)
class Sending:
    """One roster sent in the browser, as the pages showed it.

    ``taken`` is where its parts stand among those that the SMSC took.
    """

    equation: dict[str, int]
    columns: str
    samples: list[str]
    equation_before_sending: dict[str, int]
    states: dict[str, int]
    not_reached: int
    funnel: str
    rows: list[list[str]]
    address: str
    taken: slice


def send_roster(page: Page, demo: Demonstration, *, roster: Path, text: str, key: str = "staff") -> Sending:
    """Upload, map nothing, write, check, send, and watch until nothing is under way."""
    before = len(read_journal(demo.journal).accepted)
    walking.upload(page, roster)
    equation, columns = walking.equation(page), page.locator("#columns thead").inner_text()
    walking.confirm_problems(page)
    walking.write_text(page, text)
    samples, equation_before_sending = page.locator(".phone__bubble").all_inner_texts(), walking.equation(page)
    walking.send(page, demo.user(key))
    walking.wait_until_over(page)
    return Sending(
        equation=equation,
        columns=columns,
        samples=samples,
        equation_before_sending=equation_before_sending,
        states=walking.states_on(page),
        not_reached=walking.figure(page.locator(".headline-figure__count")),
        funnel=page.locator("#charts").inner_text(),
        rows=walking.rows_on(page.locator("#rows")),
        address=page.url,
        taken=slice(before, len(read_journal(demo.journal).accepted)),
    )
