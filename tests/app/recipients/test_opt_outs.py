"""Numbers that want no texts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from recipients.models import OptOut, Roster
from recipients.selectors.registers import find_opt_outs, is_opted_out
from recipients.services import add_opt_out, end_opt_out
from recipients.services.errors import AlreadyOptedOut, NotATextNumber
from tenants.errors import NotAllowed
from tests.app.recipients.conftest import person
from tests.conftest import NOON, Cast

Upload = Callable[..., Roster]


class TestOptOuts:
    def test_turns_a_text_into_a_call(self, acme: Cast, globex: Cast, uploaded: Upload) -> None:
        with acme.scope():
            add_opt_out(phone="０９０ 1000 0001", by=acme.admin, now=NOON)

        roster = uploaded(person(1), person(2))

        assert (roster.sms, roster.call, roster.reasons) == (1, 1, {"opted_out": 1})
        with globex.scope():
            assert not is_opted_out("+819010000001")

    def test_can_be_ended_and_begun_again(self, acme: Cast) -> None:
        with acme.scope():
            entry = add_opt_out(phone="09010000001", note="窓口で", by=acme.admin, now=NOON)
            end_opt_out(entry=entry, by=acme.admin, now=NOON)
            assert not is_opted_out("+819010000001")

            add_opt_out(phone="09010000001", by=acme.admin, now=NOON)

            assert is_opted_out("+819010000001")
            assert len(find_opt_outs("+81 90-1000-0001")) == 2

    def test_refuses_the_same_number_twice(self, acme: Cast) -> None:
        with acme.scope():
            add_opt_out(phone="09010000001", by=acme.admin, now=NOON)

            with pytest.raises(AlreadyOptedOut):
                add_opt_out(phone="090-1000-0001", by=acme.admin, now=NOON)
            assert OptOut.objects.count() == 1

    def test_refuses_what_is_no_number(self, acme: Cast) -> None:
        with acme.scope(), pytest.raises(NotATextNumber):
            add_opt_out(phone="なし", by=acme.admin, now=NOON)

    def test_refuses_staff(self, acme: Cast) -> None:
        with acme.scope(), pytest.raises(NotAllowed):
            add_opt_out(phone="09010000001", by=acme.staff, now=NOON)
