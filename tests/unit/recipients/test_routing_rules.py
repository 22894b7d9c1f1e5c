"""The order of the rules, each against the one after it."""

from __future__ import annotations

from datetime import date

import pytest

from recipients.phone_numbers import NumberKind, NumberProblem, ParsedNumber, parse_number
from recipients.routing_rules import Facts, Reason, Route, Rule, Rules, route_row

MOBILE = parse_number("09012345678")
LANDLINE = parse_number("098-861-2446")
HEALTH_CENTRE = Rules(date(2022, 8, 15), require_consent=True, age_limit=60)
WATER_OFFICE = Rules(date(2022, 8, 15))


def test_consented_and_young_enough_gets_a_text() -> None:
    routed = route_row(Facts(MOBILE, consent=True, age=59), HEALTH_CENTRE)

    assert (routed.route, routed.reason, routed.rule) == (Route.SMS, Reason.NONE, Rule.NONE)


@pytest.mark.parametrize(
    ("facts", "route", "reason", "rule"),
    [
        (Facts(parse_number("x"), excluded=True), Route.SKIP, Reason.EXCLUDED, Rule.EXCLUSION),
        (Facts(parse_number("x"), row_problem=Reason.EXTRA_CELLS), Route.ERROR, Reason.EXTRA_CELLS, Rule.ROW),
        (Facts(parse_number(""), opted_out=True), Route.ERROR, Reason.MISSING, Rule.NUMBER),
        (Facts(LANDLINE, opted_out=True), Route.CALL, Reason.LANDLINE, Rule.NUMBER_KIND),
        (Facts(MOBILE, opted_out=True, consent=False), Route.CALL, Reason.OPTED_OUT, Rule.OPT_OUT),
        (Facts(MOBILE, consent=False, age=60), Route.CALL, Reason.NO_CONSENT, Rule.CONSENT),
        (Facts(MOBILE, consent=None, age=60), Route.ERROR, Reason.UNKNOWN_CONSENT, Rule.CONSENT),
        (Facts(MOBILE, consent=True, age=60, text_problem=Reason.GAIJI), Route.CALL, Reason.AGE, Rule.AGE),
        (Facts(MOBILE, consent=True, age_problem=Reason.BAD_DATE), Route.ERROR, Reason.BAD_DATE, Rule.AGE),
        (Facts(MOBILE, consent=True, text_problem=Reason.NO_NAME), Route.ERROR, Reason.NO_NAME, Rule.TEXT),
    ],
)
def test_the_first_rule_that_applies_decides(facts: Facts, route: Route, reason: Reason, rule: Rule) -> None:
    routed = route_row(facts, HEALTH_CENTRE)

    assert (routed.route, routed.reason, routed.rule) == (route, reason, rule)


@pytest.mark.parametrize(
    "facts", [Facts(MOBILE, consent=False, age=99), Facts(MOBILE, consent=None, age_problem=Reason.BAD_DATE)]
)
def test_an_office_without_the_rules_asks_neither_consent_nor_age(facts: Facts) -> None:
    assert route_row(facts, WATER_OFFICE).route is Route.SMS


@pytest.mark.parametrize("problem", list(NumberProblem))
def test_every_problem_of_a_number_is_an_error_of_the_same_name(problem: NumberProblem) -> None:
    routed = route_row(Facts(ParsedNumber(None, None, problem)), WATER_OFFICE)

    assert (routed.route, routed.reason.value) == (Route.ERROR, problem.value)


@pytest.mark.parametrize("kind", [kind for kind in NumberKind if kind is not NumberKind.MOBILE])
def test_every_other_kind_is_called(kind: NumberKind) -> None:
    routed = route_row(Facts(ParsedNumber("+81312345678", kind)), WATER_OFFICE)

    assert routed.route is Route.CALL
