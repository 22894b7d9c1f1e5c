from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from devservers import demo, ports, smsc
from devservers.demo import Demonstration
from devservers.environment import ServerUrls
from devservers.errors import CannotStart

USERS = {"staff": {"email": "staff@office.example", "password": "secret"}}


def demonstration(directory: Path) -> Demonstration:
    return Demonstration(
        directory=directory,
        url="http://127.0.0.1:8000",
        environment={"DATABASE_URL": "postgresql://app"},
        urls=ServerUrls(admin_database="postgresql://admin", redis="redis://r"),
        smsc=smsc.bundled(port=2775, password="12345678", journal=directory / "journal.jsonl"),
        logins={"users": USERS, "api_keys": {"tenant": "tdk_1", "other_tenant": "tdk_2"}},
    )


class TestDescribe:
    def test_tells_programs_all_they_need(self, tmp_path: Path) -> None:
        demonstration(tmp_path).describe(pids={"web": 1})

        assert json.loads((tmp_path / "demo.json").read_text()) == {
            "url": "http://127.0.0.1:8000",
            "users": USERS,
            "api_keys": {"tenant": "tdk_1", "other_tenant": "tdk_2"},
            "admin_database_url": "postgresql://admin",
            "database_url": "postgresql://app",
            "redis_url": "redis://r",
            "smsc": {
                "host": "127.0.0.1",
                "port": 2775,
                "system_id": "todoke",
                "password": "12345678",
                "journal": str(tmp_path / "journal.jsonl"),
            },
            "pids": {"web": 1},
        }

    def test_is_for_its_owner_only(self, tmp_path: Path) -> None:
        demonstration(tmp_path).describe(pids={})

        assert (tmp_path / "demo.json").stat().st_mode & 0o777 == 0o600

    def test_replaces_the_old_one_whole(self, tmp_path: Path) -> None:
        demonstration(tmp_path).describe(pids={"web": 1})
        with (tmp_path / "demo.json").open() as before:
            demonstration(tmp_path).describe(pids={"web": 2})

            assert json.load(before)["pids"] == {"web": 1}
        assert json.loads((tmp_path / "demo.json").read_text())["pids"] == {"web": 2}


class TestWebPort:
    def test_is_the_one_that_is_asked_for(self, tmp_path: Path) -> None:
        wanted = ports.free_port()

        assert demo.web_port(given={"PORT": str(wanted)}, directory=tmp_path) == wanted

    def test_is_that_of_last_time(self, tmp_path: Path) -> None:
        first = demo.web_port(given={}, directory=tmp_path)

        assert demo.web_port(given={}, directory=tmp_path) == first

    def test_is_another_where_that_of_last_time_is_taken(self, tmp_path: Path) -> None:
        first = demo.web_port(given={}, directory=tmp_path)

        with socket.create_server((ports.LOOPBACK, first)):
            assert demo.web_port(given={}, directory=tmp_path) != first

    @pytest.mark.parametrize("text", ["http", "-1", "0", "65536", "８０００"])
    def test_says_so_when_it_is_none(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(CannotStart, match=f"PORT={text} is no free port"):
            demo.web_port(given={"PORT": text}, directory=tmp_path)

    def test_says_so_when_it_is_taken(self, tmp_path: Path) -> None:
        with socket.create_server((ports.LOOPBACK, 0)) as listener:
            taken = listener.getsockname()[1]

            with pytest.raises(CannotStart, match="is no free port"):
                demo.web_port(given={"PORT": str(taken)}, directory=tmp_path)
