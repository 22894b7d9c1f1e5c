"""Problems of a roster are answered by people, and that is written down."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from recipients.models import Roster, RosterProblem
from recipients.services import confirm_problems
from recipients.services.errors import NeedsAnotherPerson, UnknownProblem
from tenants.errors import NotAllowed
from tenants.models import AuditEvent
from tests.app.recipients.conftest import person
from tests.conftest import NOON, Cast

Upload = Callable[..., Roster]


@pytest.fixture
def doubled(uploaded: Upload) -> Roster:
    """The same file for the second time, with a problem that wants a second person beside it."""
    uploaded(person(1), person(2))
    return uploaded(person(1), person(2))


class TestConfirmProblems:
    def test_answers_and_writes_down_who_did(self, acme: Cast, doubled: Roster) -> None:
        with acme.scope():
            confirm_problems(roster=doubled, codes=["same_file"], by=acme.staff, now=NOON)

            problem = RosterProblem.objects.get(roster=doubled)
            assert not problem.is_open
            assert problem.answered_by_id == acme.staff.user_id
            assert AuditEvent.objects.get(action="roster.problem_answered").personal["code"] == "same_file"

    def test_wants_another_person_for_a_release(self, acme: Cast, doubled: Roster) -> None:
        with acme.scope():
            RosterProblem.objects.create(roster=doubled, code="slipped_column", needs="release")

            with pytest.raises(NeedsAnotherPerson):
                confirm_problems(roster=doubled, codes=["slipped_column"], by=acme.staff, now=NOON)
            assert RosterProblem.objects.get(code="slipped_column").is_open

            confirm_problems(roster=doubled, codes=["slipped_column"], by=acme.approver, now=NOON)
            assert not RosterProblem.objects.get(code="slipped_column").is_open

    def test_refuses_a_code_that_is_not_there_and_answers_nothing(self, acme: Cast, doubled: Roster) -> None:
        with acme.scope():
            with pytest.raises(UnknownProblem):
                confirm_problems(roster=doubled, codes=["same_file", "x"], by=acme.staff, now=NOON)

            assert RosterProblem.objects.get(roster=doubled).is_open

    def test_refuses_a_viewer(self, acme: Cast, doubled: Roster) -> None:
        with acme.scope(), pytest.raises(NotAllowed):
            confirm_problems(roster=doubled, codes=["same_file"], by=acme.viewer, now=NOON)
