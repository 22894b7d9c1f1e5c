"""What the page of a roster shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from recipients import labels
from recipients.models import Recipient, Roster, RosterProblem, RosterState, Route
from recipients.phone_numbers import national_format
from recipients.selectors.rosters import reasons_by_route, rules_when_read
from recipients.sentences import field_word, notice_sentence, problem_sentence
from tenants.actors import Actor
from tenants.hazards import find_hazards
from tenants.selectors import names_of_users

_BY_REASON: Final = {
    "unknown_consent": ("consent",),
    "bad_date": ("birth_on", "age"),
    "no_age": ("birth_on", "age"),
    "bad_id": ("external_id",),
}


@dataclass(frozen=True, slots=True)
class ReasonGroup:
    """Rows of one route for one reason."""

    word: str
    count: int
    url: str
    is_current: bool = False


@dataclass(frozen=True, slots=True)
class Tile:
    key: str
    count: int
    url: str
    is_current: bool = False
    reasons: Sequence[ReasonGroup] = ()


@dataclass(frozen=True, slots=True)
class ShownProblem:
    """A banner: ``kind`` is notice, confirm or release; an open one has a button, unless ``wants_another``."""

    code: str
    kind: str
    sentence: str
    is_open: bool
    wants_another: bool
    answered_by: str = ""
    answered_at: datetime | None = None
    link: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A row of the file in words; ``inputs`` are the columns to be mended, with what is written there."""

    row: int
    sheet_row: int
    route: str
    external_id: str
    name: str
    kana: str
    phone: str
    reason: str
    sentence: str
    inputs: Sequence[tuple[str, str]]
    mended: Sequence[str] = field(default_factory=tuple)
    rule: str = ""


@dataclass(frozen=True, slots=True)
class ShownHazard:
    """A character that a handset may not show; ``instead`` is what to write, ``remedy`` says it in words."""

    character: str
    code_point: str
    instead: str
    remedy: str
    rows: int
    first_row: int
    first_sheet_row: int


def hazards_of(roster: Roster) -> list[ShownHazard]:
    """The most frequent first."""
    found = roster.personal.get("hazards", {})
    shown = []
    for character, (rows, first_row) in sorted(found.items(), key=lambda item: -item[1][0]):
        for hazard in find_hazards(character)[:1]:
            remedy = labels.hazard_remedy(hazard.code, hazard.instead)
            code_point = f"U+{ord(character):04X}"
            visible = character if hazard.code in labels.VISIBLE_HAZARDS else ""
            first = (first_row, roster.sheet_rows.of(first_row))
            shown.append(ShownHazard(visible, code_point, hazard.instead, remedy, rows, *first))
    return shown


def tiles_of(roster: Roster, *, route: Route | None = None, reason: str = "") -> list[Tile]:
    """The terms of the equation; those for rows to be skipped only where there are any."""
    groups = reasons_by_route(roster)
    age_limit = rules_when_read(roster).sms_age_limit
    tiles = []
    for each in Route:
        count = roster.counts[each.word]
        if each is Route.SKIP and not count:
            continue
        reasons = [
            ReasonGroup(
                labels.reason_label(code, age_limit=age_limit),
                number,
                rows_url(roster, each, code),
                route == each and reason == code,
            )
            for code, number in groups[each]
        ]
        tiles.append(Tile(each.word, count, rows_url(roster, each), route == each, reasons))
    return tiles


def rows_url(roster: Roster, route: Route, reason: str = "") -> str:
    query = {"route": route.word} | ({"reason": reason} if reason else {})
    return f"{reverse('roster_rows', args=[roster.public_id])}?{urlencode(query)}"


def problems_of(roster: Roster, by: Actor) -> list[ShownProblem]:
    """What must be answered first, then what was answered, then what is good to know."""
    problems = list(RosterProblem.objects.filter(roster=roster).order_by("pk"))
    names = names_of_users({problem.answered_by_id for problem in problems if problem.answered_by_id})
    shown = [
        ShownProblem(
            code=problem.code,
            kind=problem.needs or "notice",
            sentence=problem_sentence(problem.code, problem.details),
            is_open=problem.is_open,
            wants_another=problem.needs == "release" and roster.created_by_id == by.user_id,
            answered_by=names.get(problem.answered_by_id, ""),
            answered_at=problem.answered_at,
            link=reverse("roster", args=[problem.details["roster"]]) if "roster" in problem.details else "",
            details=problem.details,
        )
        for problem in problems
    ]
    return sorted(shown, key=lambda problem: (not problem.is_open, problem.kind == "notice"))


def notices_of(roster: Roster) -> list[str]:
    """What was noticed in the file and stops nothing."""
    return [notice_sentence(notice["code"], notice["params"]) for notice in roster.personal.get("notices", ())]


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """A column as it was understood."""

    header: str
    field: str
    certainty: int | None  # in percent; None where nobody had to guess

    @property
    def is_doubtful(self) -> bool:
        return self.certainty is not None and self.certainty < 100


def columns_of(roster: Roster) -> list[MappedColumn]:
    """Every column of the file with what it was taken for; those without a meaning go into texts as placeholders."""
    fields = {header: name for name, header in reversed(roster.mapping.items())}
    was_guessed = roster.personal.get("mapping_source") == "guessed"
    confidence: dict[str, float] = roster.personal.get("confidence", {}) if was_guessed else {}
    return [
        MappedColumn(
            header=header,
            field=field_word(fields[header]) if header in fields else "",
            certainty=round(100 * confidence[fields[header]]) if fields.get(header) in confidence else None,
        )
        for header in roster.personal.get("header", ())
    ]


def shown_row(roster: Roster, recipient: Recipient) -> ShownRow:
    personal: dict[str, Any] = recipient.personal
    columns = broken_columns(roster, recipient)
    return ShownRow(
        row=recipient.row,
        sheet_row=roster.sheet_rows.of(recipient.row),
        route=Route(recipient.route).word,
        external_id=personal["external_id"],
        name=personal["name"],
        kana=personal["kana"],
        phone=national_format(personal["phone"]) if personal["phone"] else personal["phone_raw"],
        reason=labels.reason_label(recipient.reason) if recipient.reason else "",
        sentence=_sentence(roster, recipient),
        inputs=[(column, personal["cells"].get(column, "")) for column in columns],
        mended=[str(labels.MENDED[code]) for code in personal.get("mended", ()) if code in labels.MENDED],
        rule=labels.rule_label(recipient.reason),
    )


def broken_columns(roster: Roster, recipient: Recipient) -> list[str]:
    """The headers of the cells that have to be mended; none for a row that has no error.

    All of them where the row's cells may have slipped against the headers.
    """
    if recipient.route != Route.ERROR:
        return []
    mapping, header = roster.mapping, roster.personal["header"]
    detail = recipient.personal["detail"]
    if recipient.reason == "extra_cells":
        return [str(name) for name in header]
    if recipient.reason in {"gaiji", "broken_characters"} and detail in header:
        return [str(detail)]
    if recipient.reason == "no_name":
        return [str(mapping.get("name", mapping["phone"]))]
    wanted = _BY_REASON.get(recipient.reason, ())
    return [str(next((mapping[name] for name in wanted if name in mapping), mapping["phone"]))]


def _sentence(roster: Roster, recipient: Recipient) -> str:
    reason, detail = recipient.reason, recipient.personal["detail"]
    if reason == "duplicate":
        return _("%(row)s行目と同じ人です。その行で連絡します。") % {"row": roster.sheet_rows.of(int(detail))}
    if reason == "shared_number":
        sentence = _("%(row)s行目の人と同じ電話番号です。その人への1通で連絡します。")
        return sentence % {"row": roster.sheet_rows.of(int(detail))}
    return labels.reason_sentence(reason, detail) if reason else ""


def is_waiting(roster: Roster) -> bool:
    """Nobody has begun to read it."""
    return roster.state == RosterState.READING and roster.lease_until is None
