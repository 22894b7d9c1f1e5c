"""The launchers, for real: servers start from the wheels, keep their data, refuse strangers, leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import redis

from devservers import environment, groups, keys, postgres, privileges
from devservers.environment import ServerUrls
from devservers.errors import CannotStart
from devservers.keys import Keys
from devservers.privileges import Descent
from devservers.runner import Runner
from devservers.stopping import StopRequest

pytestmark = pytest.mark.slow
CANNOT = Descent(prefix=("false",), owner=0)


def started(runner: Runner, *, directory: Path, made: Keys) -> ServerUrls:
    return environment.start_servers(runner=runner, directory=directory, keys=made, fsync=False, given={})


@pytest.fixture
def made() -> Keys:
    return keys.new_keys()


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    with Runner(logs=tmp_path / "logs", stop=StopRequest()) as runner:
        yield runner


@pytest.fixture
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)


def setting(url: str, name: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


@pytest.fixture(scope="class")
def keys_of_running() -> Keys:
    return keys.new_keys()


@pytest.fixture(scope="class")
def running(tmp_path_factory: pytest.TempPathFactory, keys_of_running: Keys) -> Iterator[ServerUrls]:
    """Servers that tests only ask."""
    directory = tmp_path_factory.mktemp("running")
    with Runner(logs=directory / "logs", stop=StopRequest()) as runner:
        yield started(runner, directory=directory, made=keys_of_running)


class TestServersThatRun:
    def test_answer_only_here_and_only_to_who_knows_the_password(
        self, running: ServerUrls, keys_of_running: Keys
    ) -> None:
        assert setting(running.admin_database, "listen_addresses") == "127.0.0.1"
        assert setting(running.admin_database, "unix_socket_directories") == ""
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(running.admin_database.replace(keys_of_running.postgres_password, "wrong"))
        with (
            closing(redis.Redis.from_url(running.redis.replace(keys_of_running.valkey_password, "wrong"))) as client,
            pytest.raises(redis.AuthenticationError),
        ):
            client.ping()

    def test_sort_by_code_point_whatever_the_machine_s_locale(self, running: ServerUrls) -> None:
        with psycopg.connect(running.admin_database) as connection:
            row = connection.execute(
                "SELECT datlocprovider, datlocale, pg_encoding_to_char(encoding), upper('é') FROM pg_database"
                " WHERE datname = 'template0'"
            ).fetchone()
        assert row == ("b", "C.UTF-8", "UTF8", "É")

    def test_broker_never_evicts_and_never_saves(self, running: ServerUrls) -> None:
        with closing(redis.Redis.from_url(running.redis, decode_responses=True)) as client:
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            assert client.config_get("save") == {"save": ""}
            assert client.config_get("bind") == {"bind": "127.0.0.1"}


class TestServers:
    def test_are_gone_with_all_their_children_afterwards_and_keep_the_data(self, tmp_path: Path, made: Keys) -> None:
        with Runner(logs=tmp_path / "logs", stop=StopRequest()) as first:
            urls = started(first, directory=tmp_path, made=made)
            with psycopg.connect(urls.admin_database) as connection:
                connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
            assert processes_of(tmp_path)
        assert processes_of(tmp_path) == []

        with Runner(logs=tmp_path / "logs", stop=StopRequest()) as second:
            urls = started(second, directory=tmp_path, made=made)
            with psycopg.connect(urls.admin_database) as connection:
                assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)

    def test_say_what_to_do_when_the_keys_are_not_those_of_the_data(self, tmp_path: Path, made: Keys) -> None:
        with Runner(logs=tmp_path / "logs", stop=StopRequest()) as first:
            started(first, directory=tmp_path, made=made)

        with (
            Runner(logs=tmp_path / "logs", stop=StopRequest()) as second,
            pytest.raises(CannotStart, match="was made with another password; `make demo-reset`"),
        ):
            started(second, directory=tmp_path, made=keys.new_keys())

    @pytest.mark.usefixtures("nothing_named")
    def test_are_durable_unless_told_otherwise(self) -> None:
        with environment.servers() as composed:
            assert setting(composed["DATABASE_ADMIN_URL"], "fsync") == "on"
            assert setting(composed["DATABASE_ADMIN_URL"], "synchronous_commit") == "on"

        with environment.servers(fsync=False) as composed:
            assert setting(composed["DATABASE_ADMIN_URL"], "fsync") == "off"

    @pytest.mark.usefixtures("nothing_named")
    def test_of_two_checkouts_run_at_once(self) -> None:
        with environment.servers(fsync=False) as one, environment.servers(fsync=False) as other:
            assert setting(one["DATABASE_ADMIN_URL"], "port") != setting(other["DATABASE_ADMIN_URL"], "port")

    def test_are_started_again_after_a_kill_and_lose_nothing(self, runner: Runner, tmp_path: Path, made: Keys) -> None:
        urls = started(runner, directory=tmp_path, made=made)
        with psycopg.connect(urls.admin_database) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        os.kill(runner.pids()["postgres"], signal.SIGKILL)

        def answers() -> bool:
            try:
                with psycopg.connect(urls.admin_database, connect_timeout=2) as connection:
                    return connection.execute("SELECT answer FROM kept").fetchone() == (42,)
            except psycopg.OperationalError:
                return False

        restarted: list[str] = []
        runner.supervise(until=lambda: bool(restarted) and answers(), on_restart=restarted.append)
        assert set(restarted) == {"postgres"}

    def test_an_orphan_of_an_earlier_run_is_ended(self, tmp_path: Path, made: Keys) -> None:
        with Runner(logs=tmp_path / "logs", stop=StopRequest()) as first:
            started(first, directory=tmp_path, made=made)
            orphan = first.pids()["postgres"]
            # As if runner and guardian had both been killed.
            with Runner(logs=tmp_path / "logs", stop=StopRequest()) as second:
                started(second, directory=tmp_path, made=made)

                assert not groups.is_running(orphan)
                assert second.is_alive("postgres")


class TestServersThatAreNamed:
    def test_are_used_and_left_clean(self, runner: Runner, tmp_path: Path, made: Keys) -> None:
        named = started(runner, directory=tmp_path, made=made)
        given = {"DATABASE_URL": named.admin_database, "REDIS_URL": named.redis}

        urls = environment.start_servers(
            runner=runner, directory=tmp_path / "other", keys=made, fsync=False, given=given
        )
        composed = environment.compose(urls=urls, keys=made, settings="config.settings.test", base={})
        runner.run(environment.manage("prepare_database", environment=composed), timeout_s=60)
        with psycopg.connect(composed["DATABASE_URL"]) as connection:
            connection.execute("SELECT 1")
        environment.forget(urls=urls, keys=made, given=given)

        assert urls == named
        assert not (tmp_path / "other").exists()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(composed["DATABASE_URL"])

    def test_must_be_a_superuser_s(self, runner: Runner, tmp_path: Path, made: Keys) -> None:
        urls = started(runner, directory=tmp_path, made=made)
        with psycopg.connect(urls.admin_database, autocommit=True) as connection:
            connection.execute("CREATE ROLE weak LOGIN PASSWORD 'weak'")
        weak = urls.admin_database.replace("postgres:", "weak:").replace(made.postgres_password, "weak")

        with pytest.raises(CannotStart, match="must name a superuser"):
            environment.check_database(weak)


class TestCopyOfADatabase:
    def test_leads_the_same_roles_to_the_same_tables_and_shares_no_row(
        self, runner: Runner, tmp_path: Path, made: Keys
    ) -> None:
        urls = started(runner, directory=tmp_path, made=made)
        composed = environment.compose(urls=urls, keys=made, settings="config.settings.test", base={})
        runner.run(environment.manage("prepare_database", environment=composed), timeout_s=60)
        with psycopg.connect(composed["DATABASE_OWNER_URL"]) as connection:
            connection.execute("CREATE TABLE public.sample (n int)")
            connection.execute("GRANT SELECT, INSERT ON public.sample TO todoke_app")

        copy = environment.copy_database(composed, name_ending="_gw1")
        with psycopg.connect(copy["DATABASE_URL"]) as connection:
            connection.execute("INSERT INTO public.sample VALUES (1)")

        with psycopg.connect(composed["DATABASE_URL"]) as connection:
            assert connection.execute("SELECT count(*) FROM public.sample").fetchone() == (0,)
        assert set(copy) == {
            "DATABASE_URL",
            "DATABASE_OWNER_URL",
            "DATABASE_OPERATOR_URL",
            "DATABASE_CARRIER_URL",
        }


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to descend")
class TestDescent:
    def test_needs_no_other_owner_where_user_namespaces_are_allowed(self, tmp_path: Path) -> None:
        descent = privileges.choose(program="/bin/true", directory=tmp_path)

        if descent != privileges.NAMESPACE:
            pytest.skip("this machine allows no user namespaces; the other way is tested below")
        assert descent.owner == 0

    def test_switches_user_where_they_are_not_allowed_even_below_a_closed_folder(
        self, runner: Runner, tmp_path: Path, made: Keys, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(privileges, "NAMESPACE", CANNOT)
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o700)

        urls = started(runner, directory=closed / "data", made=made)

        assert setting(urls.admin_database, "server_version_num") >= "150000"
        assert Path(f"/proc/{runner.pids()['postgres']}").stat().st_uid == privileges.NOBODY

    def test_data_survive_a_change_of_the_way(
        self, tmp_path: Path, made: Keys, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for way in (CANNOT, privileges.NAMESPACE, CANNOT):
            monkeypatch.setattr(privileges, "NAMESPACE", way)
            with Runner(logs=tmp_path / "logs", stop=StopRequest()) as runner:
                urls = started(runner, directory=tmp_path, made=made)
                assert setting(urls.admin_database, "port")

    def test_says_so_when_there_is_no_way(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(privileges, "NAMESPACE", CANNOT)
        monkeypatch.setattr(privileges, "SWITCH", CANNOT)

        with pytest.raises(CannotStart, match="PostgreSQL does not run as root"):
            privileges.choose(program="/bin/true", directory=tmp_path)


def processes_of(directory: Path) -> list[str]:
    """Commands that name a directory, as the machine's own list of processes shows them."""
    listed = subprocess.run(["ps", "-ewwo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(directory) in line and "ps -ewwo" not in line]


def test_cluster_is_whole_or_absent(runner: Runner, tmp_path: Path, made: Keys) -> None:
    """An interrupted initdb is started over, never taken for a cluster."""
    unfinished = tmp_path / "postgres" / "18.new"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")

    urls = started(runner, directory=tmp_path, made=made)

    assert setting(urls.admin_database, "server_version_num") >= "150000"
    assert not unfinished.exists()
    assert not list((tmp_path / "postgres").glob("*.password"))
    assert postgres.SUPERUSER in urls.admin_database
