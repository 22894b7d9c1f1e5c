from __future__ import annotations

import pytest

from devservers import environment, keys
from devservers.environment import ServerUrls
from devservers.errors import CannotStart

URLS = ServerUrls(
    admin_database="postgresql://admin:s%40cret@db.example:5433/postgres?sslmode=require", redis="redis://r"
)


class TestCompose:
    def test_gives_each_role_a_log_in_of_its_own(self) -> None:
        composed = environment.compose(urls=URLS, keys=keys.new_keys(), settings="config.settings.test", base={})

        roles = [composed[f"DATABASE_{role}URL"] for role in ("", "OWNER_", "OPERATOR_", "CARRIER_")]
        assert len(set(roles)) == 4
        assert not [url for url in roles if "admin" in url or "s%40cret" in url]
        assert composed["DATABASE_ADMIN_URL"] == URLS.admin_database

    def test_keeps_what_it_was_based_on(self) -> None:
        composed = environment.compose(
            urls=URLS, keys=keys.new_keys(), settings="config.settings.dev", base={"LANG": "ja", "REDIS_URL": "other"}
        )

        assert composed["LANG"] == "ja"
        assert composed["REDIS_URL"] == "redis://r"
        assert composed["DJANGO_SETTINGS_MODULE"] == "config.settings.dev"


class TestRoleUrl:
    def test_keeps_the_server_and_its_options(self) -> None:
        url = environment.role_url(admin_url=URLS.admin_database, role="app", password="p/w", suffix="abc")

        assert url == "postgresql://todoke_abc_app:p%2Fw@db.example:5433/todoke_abc?sslmode=require"

    def test_keeps_an_ipv6_host(self) -> None:
        url = environment.role_url(admin_url="postgresql://a@[::1]:5/x", role="app", password="p", suffix="s")

        assert url == "postgresql://todoke_s_app:p@[::1]:5/todoke_s"


class TestOutside:
    def test_keeps_the_servers_that_a_person_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("DATABASE_ADMIN_URL", raising=False)
        monkeypatch.setenv("DATABASE_URL", "postgresql://admin@db.example/postgres")

        assert environment.outside()["DATABASE_URL"] == "postgresql://admin@db.example/postgres"

    def test_forgets_the_servers_of_another_of_us(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("DATABASE_ADMIN_URL", "DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL"):
            monkeypatch.setenv(name, "postgresql://ours")

        given = environment.outside()

        assert "postgresql://ours" not in given.values()


class TestServersThatAreNamed:
    def test_an_unreachable_database_is_said_in_a_sentence(self) -> None:
        with pytest.raises(CannotStart, match="The PostgreSQL that DATABASE_URL names does not let us in"):
            environment.check_database("postgresql://nobody@127.0.0.1:1/none")

    @pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "nonsense"])
    def test_an_unreachable_broker_is_said_in_a_sentence(self, url: str) -> None:
        with pytest.raises(CannotStart, match="The Redis or Valkey that REDIS_URL names does not let us in"):
            environment.check_broker(url)
