"""Which account carries a text."""

from __future__ import annotations

import pytest

from dispatch.routing import AccountFacts, NoRoute, Router, RouteReason

NUMBER = "+819012345678"
TENANT = 7


def chosen(*accounts: AccountFacts, number: str = NUMBER) -> tuple[int, RouteReason]:
    choice = Router(accounts, tenant_id=TENANT).choose(number)
    return choice.account.account_id, choice.reason


class TestRouter:
    def test_takes_the_lower_rank(self) -> None:
        assert chosen(AccountFacts(1, rank=20), AccountFacts(2, rank=10)) == (2, RouteReason.PREFERRED)

    def test_takes_the_older_account_among_equals(self) -> None:
        assert chosen(AccountFacts(2), AccountFacts(1)) == (1, RouteReason.PREFERRED)

    def test_prefers_the_longer_head(self) -> None:
        mobile, one = AccountFacts(1, rank=1, prefixes=("+8190",)), AccountFacts(2, prefixes=("+819012",))

        assert chosen(mobile, one)[0] == 2
        assert chosen(mobile, one, number="+819099999999")[0] == 1

    def test_prefers_an_account_kept_for_the_tenant(self) -> None:
        assert chosen(AccountFacts(1, rank=1), AccountFacts(2, tenant_ids=frozenset({TENANT})))[0] == 2

    def test_passes_over_a_sick_account_and_says_so(self) -> None:
        assert chosen(AccountFacts(1, rank=1, is_healthy=False), AccountFacts(2)) == (2, RouteReason.FAILOVER)

    def test_says_which_account_was_passed_over_and_why(self) -> None:
        accounts = [
            AccountFacts(1, name="one", rank=1, is_healthy=False, ailment="unbound"),
            AccountFacts(2, name="two"),
        ]

        assert Router(accounts, tenant_id=TENANT).choose(NUMBER).detour == "one → two: unbound"
        assert Router(accounts[1:], tenant_id=TENANT).choose(NUMBER).detour == ""

    def test_gives_nothing_to_an_account_that_is_of_no_use(self) -> None:
        accounts = [AccountFacts(1, name="one", rank=1), AccountFacts(2, name="two", is_healthy=False)]
        router = Router(accounts, tenant_id=TENANT).without(1)

        assert router.choose(NUMBER).account.account_id == 2
        assert router.choose(NUMBER).reason is RouteReason.ALL_SICK
        with pytest.raises(NoRoute):
            router.without(2).choose(NUMBER)

    def test_waits_at_the_preferred_one_when_all_are_sick(self) -> None:
        sick = [AccountFacts(1, rank=1, is_healthy=False), AccountFacts(2, is_healthy=False)]

        assert chosen(*sick) == (1, RouteReason.ALL_SICK)

    @pytest.mark.parametrize(
        "account",
        [
            AccountFacts(1, is_enabled=False),
            AccountFacts(1, tenant_ids=frozenset({TENANT + 1})),
            AccountFacts(1, prefixes=("+8180",)),
        ],
    )
    def test_refuses_where_no_account_fits(self, account: AccountFacts) -> None:
        with pytest.raises(NoRoute):
            chosen(account)

    def test_answers_every_number_by_its_own_head(self) -> None:
        router = Router([AccountFacts(1, prefixes=("+8190",)), AccountFacts(2, prefixes=("+8180",))], tenant_id=TENANT)

        heads = ["+819011112222", "+818011112222", "+819033334444"]

        assert [router.choose(number).account.account_id for number in heads] == [1, 2, 1]

    def test_says_whether_anything_can_be_reached(self) -> None:
        assert Router([AccountFacts(1)], tenant_id=TENANT).is_possible
        assert not Router([AccountFacts(1, is_enabled=False)], tenant_id=TENANT).is_possible

    def test_keeps_an_account_for_what_is_urgent(self) -> None:
        router = Router([AccountFacts(1, rank=1), AccountFacts(2, min_priority=9)], tenant_id=TENANT)

        assert [router.choose(NUMBER, priority=priority).account.account_id for priority in (0, 5, 9)] == [1, 1, 2]

    def test_passes_an_urgent_text_over_where_its_account_is_sick(self) -> None:
        router = Router([AccountFacts(1), AccountFacts(2, min_priority=9, is_healthy=False)], tenant_id=TENANT)

        assert router.choose(NUMBER, priority=9).account.account_id == 1
