from __future__ import annotations

import socket

import pytest

from devservers import ports
from devservers.errors import CannotStart


@pytest.fixture
def listener() -> socket.socket:
    with socket.create_server((ports.LOOPBACK, 0)) as server:
        yield server


class TestFreePort:
    def test_takes_the_preferred_one_where_it_is_free(self) -> None:
        port = ports.free_port()

        assert ports.free_port(preferred=port) == port

    def test_takes_another_where_the_preferred_one_is_taken(self, listener: socket.socket) -> None:
        taken = listener.getsockname()[1]

        assert ports.free_port(preferred=taken) != taken

    def test_stays_below_the_ports_of_outgoing_connections(self) -> None:
        assert all(ports.LOWEST <= ports.free_port() < ports.HIGHEST for _ in range(20))

    def test_says_so_when_none_is_free(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ports, "is_free", lambda _port: False)

        with pytest.raises(CannotStart, match="No free TCP port"):
            ports.free_port()


class TestWaitUntilListening:
    def test_is_true_once_a_connection_is_accepted(self, listener: socket.socket) -> None:
        port = listener.getsockname()[1]

        assert ports.wait_until_listening(host=ports.LOOPBACK, port=port, timeout_s=5, is_alive=lambda: True)

    def test_gives_up_when_the_process_is_dead(self) -> None:
        port = ports.free_port()

        assert not ports.wait_until_listening(host=ports.LOOPBACK, port=port, timeout_s=60, is_alive=lambda: False)

    def test_gives_up_when_the_time_is_over(self) -> None:
        port = ports.free_port()

        assert not ports.wait_until_listening(host=ports.LOOPBACK, port=port, timeout_s=0.2, is_alive=lambda: True)
