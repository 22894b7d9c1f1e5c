"""One row of a roster, read, understood and routed: the hot path of an import (aim: 8 µs a row, pure)."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple, Protocol

from recipients.check_digits import is_right
from recipients.columns import ColumnMapping
from recipients.consent_words import read_consent
from recipients.dates import age_on, parse_age, parse_date
from recipients.phone_numbers import NumberKind, NumberProblem, ParsedNumber, parse_number
from recipients.routing_rules import TO_SMS, Facts, Reason, Route, Routed, Rule, Rules, route_row
from tenants.hazards import HAZARD, UNSENDABLE, find_diseases, has_disease

_OLDEST_AGE: Final = 130
_NOTHING: Final[tuple[str, ...]] = ()
_SHORTEST_NUMBER: Final = ParsedNumber(None, None, NumberProblem.MISSING)


WITHDRAWN: Final = "withdrawn"


class Consents(Protocol):
    """The register of consents."""

    def says(self, phone: str, external_id: str) -> bool | None:
        """The latest word of this person with this number; None where there is none."""


@dataclass(frozen=True, slots=True)
class Known:
    """What earlier work knows, by E.164 number (`excluded_ids` by the roster's own id). Sets, or anything that answers
    `in` like them; `consents` is None where the register is empty."""

    opted_out: Container[str] = frozenset()
    consents: Consents | None = None
    excluded: Container[str] = frozenset()
    excluded_ids: Container[str] = frozenset()
    excluded_without_id: Container[str] = frozenset()  # numbers that count for rows without an id


class CheckedRow(NamedTuple):
    """A row with its route. `cells` holds every column under its header, as written; the rest is what they mean.

    `phone` is E.164 for every readable number, landlines too: only where `can_text` is true may a text go there.
    """

    external_id: str
    name: str
    kana: str
    phone: str | None
    number_kind: NumberKind | None
    birth_on: date | None
    age: int | None  # completed years on the rules' day
    consent: bool | None
    route: Route
    reason: Reason
    detail: str
    rule: Rule
    mended: tuple[str, ...]  # codes: zero_restored, decimal_removed
    age_differs: bool  # the age column disagrees with the birth date, which wins
    id_is_wrong: bool  # its check digit does not fit, where the department's ids have one
    hazards: str  # characters that a handset may not show, of a row that gets a text
    disease_columns: tuple[str, ...]  # headers above a disease's name, of such a row
    cells: dict[str, str]

    @property
    def can_text(self) -> bool:
        return self.number_kind is NumberKind.MOBILE


class RowChecker:
    """`check_row` with everything that stays the same for a roster worked out once."""

    __slots__ = (
        "_header",
        "_known",
        "_mapping",
        "_names",
        "_kanas",
        "_phone",
        "_rules",
        "_width",
        "_id_check",
        "_watched",
    )

    def __init__(self, *, header: Sequence[str], mapping: ColumnMapping, rules: Rules, known: Known) -> None:
        self._header = tuple(header)
        self._width = len(self._header)
        self._mapping = mapping
        self._rules = rules
        self._known = known
        self._phone = mapping.phones[0] if len(mapping.phones) == 1 else None
        self._names = mapping.names
        self._kanas = mapping.kanas
        self._id_check = rules.id_check
        # Those that a text quotes; a disease's name in a person's name is none.
        meant = set(mapping.as_headers(self._header).values())
        self._watched = tuple(column for column, name in enumerate(self._header) if name not in meant)

    def check(self, cells: Sequence[str]) -> CheckedRow:
        """Never raises, whatever the cells hold; short rows are filled up with empty cells."""
        header, mapping = self._header, self._mapping
        missing = self._width - len(cells)
        if missing > 0:
            cells = [*cells, *[""] * missing]
        number = parse_number(cells[self._phone]) if self._phone is not None else _choose_number(cells, mapping.phones)
        name = _join(cells, self._names)
        external_id = cells[mapping.external_id].strip() if mapping.external_id is not None else ""
        birth_on, age, age_problem, age_differs = self._read_age(cells)
        consent, consent_detail = self._read_consent(cells, number.e164, external_id)
        id_is_wrong = bool(self._id_check and external_id) and not is_right(external_id, check=self._id_check)
        routed = self._route(cells, number, name, external_id, consent, age, age_problem)
        hazards, diseases = "", _NOTHING
        if routed.route is Route.SMS:
            if id_is_wrong:
                routed = Routed(Route.ERROR, Reason.BAD_ID, external_id, Rule.ID)
            else:
                if HAZARD.search("".join(cells)) is not None:
                    routed, hazards = self._look_for_hazards(cells)
                if has_disease("\n".join([cells[column] for column in self._watched])):
                    diseases = self._find_diseases(cells)
        elif routed.reason is Reason.NO_CONSENT and consent_detail:
            routed = Routed(Route.CALL, Reason.NO_CONSENT, consent_detail, Rule.CONSENT)
        return CheckedRow(
            external_id,
            name,
            _join(cells, self._kanas),
            number.e164,
            number.kind,
            birth_on,
            age,
            consent,
            routed.route,
            routed.reason,
            routed.detail,
            routed.rule,
            (number.detail,) if number.mended else (),
            age_differs,
            id_is_wrong,
            hazards,
            diseases,
            dict(zip(header, cells, strict=False)),
        )

    def _route(
        self,
        cells: Sequence[str],
        number: ParsedNumber,
        name: str,
        external_id: str,
        consent: bool | None,
        age: int | None,
        age_problem: Reason,
    ) -> Routed:
        known, phone = self._known, number.e164
        facts = Facts(
            number,
            consent,
            age,
            age_problem,
            phone is not None and phone in known.opted_out,
        )
        word = self._excluded_by(cells, phone, external_id)
        if word is not None or len(cells) > self._width:
            row_problem = Reason.NONE if word is not None else Reason.EXTRA_CELLS
            detail = word if word is not None else str(len(cells) - self._width)
            facts = Facts(number, excluded=word is not None, row_problem=row_problem, detail=detail)
        routed = route_row(facts, self._rules)
        if routed.route is Route.SMS and not name and self._names:
            return Routed(Route.ERROR, Reason.NO_NAME, rule=Rule.TEXT)
        if routed.route is Route.ERROR and not routed.detail:
            return self._with_detail(routed, cells)
        return routed

    def _with_detail(self, routed: Routed, cells: Sequence[str]) -> Routed:
        """The word that could not be understood, for the page that asks for another."""
        column = {
            Reason.UNKNOWN_CONSENT: self._mapping.consent,
            Reason.BAD_DATE: self._mapping.birth_on if self._mapping.birth_on is not None else self._mapping.age,
        }.get(routed.reason)
        return routed if column is None else Routed(routed.route, routed.reason, cells[column].strip(), routed.rule)

    def _excluded_by(self, cells: Sequence[str], phone: str | None, external_id: str) -> str | None:
        """The word that takes the row out, "" for the exclusion list, None where nothing does."""
        known = self._known
        if external_id and external_id in known.excluded_ids:
            return ""
        if phone is not None and (phone in known.excluded or (not external_id and phone in known.excluded_without_id)):
            return ""
        if self._mapping.excluded is None:
            return None
        word = cells[self._mapping.excluded].strip()
        return None if read_consent(word) is False else word

    def _look_for_hazards(self, cells: Sequence[str]) -> tuple[Routed, str]:
        """Where a row goes that has characters which no handset knows, or which a handset may not show."""
        unsendable = (
            (column, found) for column, cell in enumerate(cells) if (found := UNSENDABLE.search(cell)) is not None
        )
        column, match = next(unsendable, (0, None))
        if match is None:
            return TO_SMS, "".join(dict.fromkeys(HAZARD.findall("".join(cells))))
        broken = match[0] == "\ufffd" or "\ud800" <= match[0] <= "\udfff"
        reason = Reason.BROKEN_CHARACTERS if broken else Reason.GAIJI
        return Routed(Route.ERROR, reason, self._header[column], Rule.TEXT), ""

    def _find_diseases(self, cells: Sequence[str]) -> tuple[str, ...]:
        """The headers above a disease's name."""
        named = (column for column in self._watched if next(find_diseases(cells[column]), None))
        return tuple(self._header[column] for column in named)

    def _read_consent(self, cells: Sequence[str], phone: str | None, external_id: str) -> tuple[bool | None, str]:
        """The roster's word where it has one, else the register's; whoever took it back there has not consented."""
        book = self._known.consents
        said = book.says(phone, external_id) if book is not None and phone is not None else None
        detail = WITHDRAWN if said is False else ""
        column = self._mapping.consent
        if column is not None and (word := cells[column]) and not word.isspace():
            written = read_consent(word)
            return (False, detail) if written and said is False else (written, "" if written is None else detail)
        return bool(said), detail

    def _read_age(self, cells: Sequence[str]) -> tuple[date | None, int | None, Reason, bool]:
        """Birth date, age, what is wrong with them, and whether the age column says something else."""
        mapping = self._mapping
        written = cells[mapping.age].strip() if mapping.age is not None else ""
        age = (int(written) if len(written) <= 2 and written.isdecimal() else parse_age(written)) if written else None
        birth_text = cells[mapping.birth_on] if mapping.birth_on is not None else ""
        if birth_text and not birth_text.isspace():
            birth_on = parse_date(birth_text)
            if birth_on is None:
                return None, None, Reason.BAD_DATE, False
            by_birth = age_on(birth_on, self._rules.as_of)
            if not 0 <= by_birth <= _OLDEST_AGE:
                return birth_on, None, Reason.BAD_DATE, False
            return birth_on, by_birth, Reason.NONE, age is not None and age != by_birth
        if written and age is None:
            return None, None, Reason.BAD_DATE, False
        has_column = mapping.age is not None or mapping.birth_on is not None
        return None, age, Reason.NO_AGE if has_column and age is None else Reason.NONE, False


def check_row(
    cells: Sequence[str], *, header: Sequence[str], mapping: ColumnMapping, rules: Rules, known: Known
) -> CheckedRow:
    """One row, as when a person mended it in the page. For a whole roster keep a `RowChecker`."""
    return RowChecker(header=header, mapping=mapping, rules=rules, known=known).check(cells)


def _choose_number(cells: Sequence[str], columns: Sequence[int]) -> ParsedNumber:
    """The first number that takes a text, else the first that can be called, else what is wrong with the first."""
    numbers = [parse_number(cells[column]) for column in columns]
    for number in numbers:
        if number.can_text:
            return number
    for number in numbers:
        if number.e164:
            return number
    return next((number for number in numbers if number.problem is not NumberProblem.MISSING), _SHORTEST_NUMBER)


def _join(cells: Sequence[str], columns: Sequence[int]) -> str:
    if len(columns) == 1:
        return cells[columns[0]].strip()
    return "\u3000".join(part for column in columns if (part := cells[column].strip()))
