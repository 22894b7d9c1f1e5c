"""From what is known of a row to where it goes: a text, a call, an error to be mended, or not concerned.

Every row gets exactly one route, so that sms + call + error + skip = rows of the file. Where several rules apply the
first of `ORDER` decides; the row keeps its name.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from recipients.phone_numbers import NumberKind, NumberProblem, ParsedNumber


class Route(enum.StrEnum):
    """Where a row goes."""

    SMS = "sms"
    CALL = "call"
    ERROR = "error"
    SKIP = "skip"


class Reason(enum.StrEnum):
    """Why a row does not get a text. The values are codes of the API and never change."""

    NONE = ""
    # skip
    EXCLUDED = "excluded"
    DUPLICATE = "duplicate"
    SHARED_NUMBER = "shared_number"
    HAD_RECENTLY = "had_recently"
    ERASED = "erased"
    # call
    LANDLINE = "landline"
    IP_PHONE = "ip_phone"
    NOT_A_MOBILE = "not_a_mobile"
    OPTED_OUT = "opted_out"
    NO_CONSENT = "no_consent"
    AGE = "age"
    # error
    EXTRA_CELLS = "extra_cells"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    TWO_NUMBERS = "two_numbers"
    OTHERS_NUMBER = "others_number"
    UNKNOWN_CONSENT = "unknown_consent"
    BAD_DATE = "bad_date"
    NO_AGE = "no_age"
    BAD_ID = "bad_id"
    GAIJI = "gaiji"
    BROKEN_CHARACTERS = "broken_characters"
    NO_NAME = "no_name"


class Rule(enum.StrEnum):
    """Which rule decided."""

    NONE = ""
    EXCLUSION = "exclusion"
    ROW = "row"
    NUMBER = "number"
    NUMBER_KIND = "number_kind"
    OPT_OUT = "opt_out"
    CONSENT = "consent"
    AGE = "age"
    ID = "id"
    TEXT = "text"
    DUPLICATE = "duplicate"
    FAMILY = "family"
    REPEAT = "repeat"


# The order in which the rules are asked, for the page that shows it. Duplicates are looked for among the rest; what was
# sent earlier is asked when a campaign is made of the roster.
ORDER: Final[tuple[Rule, ...]] = (
    Rule.EXCLUSION,
    Rule.ROW,
    Rule.NUMBER,
    Rule.NUMBER_KIND,
    Rule.OPT_OUT,
    Rule.CONSENT,
    Rule.AGE,
    Rule.ID,
    Rule.TEXT,
    Rule.DUPLICATE,
    Rule.FAMILY,
    Rule.REPEAT,
)
# Which rule stands behind a reason; those of numbers are filled in below.
RULE_OF: Final[dict[Reason, Rule]] = {
    Reason.EXCLUDED: Rule.EXCLUSION,
    Reason.EXTRA_CELLS: Rule.ROW,
    Reason.LANDLINE: Rule.NUMBER_KIND,
    Reason.IP_PHONE: Rule.NUMBER_KIND,
    Reason.NOT_A_MOBILE: Rule.NUMBER_KIND,
    Reason.OPTED_OUT: Rule.OPT_OUT,
    Reason.NO_CONSENT: Rule.CONSENT,
    Reason.UNKNOWN_CONSENT: Rule.CONSENT,
    Reason.AGE: Rule.AGE,
    Reason.BAD_DATE: Rule.AGE,
    Reason.NO_AGE: Rule.AGE,
    Reason.BAD_ID: Rule.ID,
    Reason.NO_NAME: Rule.TEXT,
    Reason.GAIJI: Rule.TEXT,
    Reason.BROKEN_CHARACTERS: Rule.TEXT,
    Reason.DUPLICATE: Rule.DUPLICATE,
    Reason.SHARED_NUMBER: Rule.FAMILY,
    Reason.HAD_RECENTLY: Rule.REPEAT,
}


@dataclass(frozen=True, slots=True)
class Rules:
    """A department's rules. `as_of` is the planned day of sending, on which ages are taken.

    A rule that is off does not look at its column at all: a water office's consent column decides nothing.
    """

    as_of: date
    require_consent: bool = False
    age_limit: int | None = None  # completed years; that age and over is phoned
    id_check: str = ""  # how the last digit of an id is made from the others (recipients.check_digits)


class Facts(NamedTuple):
    """What is known of one row. This and `Routed` are made for every row: frozen dataclasses take three times as long."""

    number: ParsedNumber
    consent: bool | None = False  # None: a word nobody taught us
    age: int | None = None
    age_problem: Reason = Reason.NONE  # BAD_DATE or NO_AGE, where the roster has a column for it
    opted_out: bool = False
    excluded: bool = False
    row_problem: Reason = Reason.NONE  # the row as a whole can't be trusted: EXTRA_CELLS
    text_problem: Reason = Reason.NONE  # it could not be written to: NO_NAME, GAIJI, BROKEN_CHARACTERS
    detail: str = ""  # belongs to the row's, age's or text's problem or to the exclusion: a header, or the cell's word


class Routed(NamedTuple):
    """Where a row goes and why. `detail` is a code of the number, a column's header, or the word in the cell."""

    route: Route
    reason: Reason = Reason.NONE
    detail: str = ""
    rule: Rule = Rule.NONE


TO_SMS: Final = Routed(Route.SMS)
_KIND_REASONS: Final[dict[NumberKind, Reason]] = {
    NumberKind.LANDLINE: Reason.LANDLINE,
    NumberKind.IP_PHONE: Reason.IP_PHONE,
    NumberKind.OTHER: Reason.NOT_A_MOBILE,
}
_NUMBER_REASONS: Final[dict[NumberProblem, Reason]] = {problem: Reason(problem.value) for problem in NumberProblem}
RULE_OF.update(dict.fromkeys(_NUMBER_REASONS.values(), Rule.NUMBER))
_OPTED_OUT: Final = Routed(Route.CALL, Reason.OPTED_OUT, rule=Rule.OPT_OUT)
_NO_CONSENT: Final = Routed(Route.CALL, Reason.NO_CONSENT, rule=Rule.CONSENT)
_TOO_OLD: Final = Routed(Route.CALL, Reason.AGE, rule=Rule.AGE)


def route_row(facts: Facts, rules: Rules) -> Routed:
    """Asks the rules in their `ORDER`; the first that applies decides."""
    if facts.excluded:
        return Routed(Route.SKIP, Reason.EXCLUDED, facts.detail, Rule.EXCLUSION)
    if facts.row_problem:
        return Routed(Route.ERROR, facts.row_problem, facts.detail, Rule.ROW)
    number = facts.number
    if number.kind is not NumberKind.MOBILE:
        return _route_number(number)
    if facts.opted_out:
        return _OPTED_OUT
    if rules.require_consent and not facts.consent:
        return _NO_CONSENT if facts.consent is False else _unknown_consent(facts)
    if rules.age_limit is not None:
        if facts.age is not None and facts.age >= rules.age_limit:
            return _TOO_OLD
        if facts.age_problem:
            return Routed(Route.ERROR, facts.age_problem, facts.detail, Rule.AGE)
    if facts.text_problem:
        return Routed(Route.ERROR, facts.text_problem, facts.detail, Rule.TEXT)
    return TO_SMS


def _route_number(number: ParsedNumber) -> Routed:
    if number.problem is not None:
        return Routed(Route.ERROR, _NUMBER_REASONS[number.problem], number.detail, Rule.NUMBER)
    assert number.kind is not None  # noqa: S101  ParsedNumber has a kind where it has no problem
    return Routed(Route.CALL, _KIND_REASONS[number.kind], number.detail, Rule.NUMBER_KIND)


def _unknown_consent(facts: Facts) -> Routed:
    return Routed(Route.ERROR, Reason.UNKNOWN_CONSENT, facts.detail, Rule.CONSENT)


def rule_of(reason: str) -> str:
    """The rule behind a stored reason; "" for a text and for what no rule decided."""
    return str(RULE_OF.get(Reason(reason), Rule.NONE)) if reason in _KNOWN_REASONS else ""


_KNOWN_REASONS: Final = frozenset(reason.value for reason in Reason)
