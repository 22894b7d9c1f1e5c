"""Hosts of their own: network namespaces on one bridge, whose cables can be pulled.

The hall keeps what there is one of (database, broker, carrier); this process looks in over a cable of its own, which is
never cut. Addresses are those set aside for trials of network devices (RFC 2544).
"""

from __future__ import annotations

import enum
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

HALL: Final = "hall"
DATABASE, CARRIER, ONLOOKER = 1, 9, 254
BRIDGE: Final = "bridge"


class Cut(enum.Enum):
    """How a host is cut off. None of its processes is told, and none of its connections closed."""

    CABLE = "its cable is pulled"
    SILENCE = "its packets vanish"
    DATABASE = "it reaches the carrier, and no longer the database and the broker"


class NotHere(Exception):
    """No network namespace can be made on this machine; the text says why."""


@dataclass(frozen=True, slots=True)
class Host:
    """A namespace with one cable to the bridge."""

    name: str
    namespace: str
    address: str
    port: str
    """The bridge's end of its cable."""

    @property
    def within(self) -> tuple[str, ...]:
        """The words that run a command there; they exec, so its process id is the command's."""
        return ("ip", "netns", "exec", self.namespace)


class Network:
    """The hall and the hosts. Use ``network`` to make one."""

    def __init__(self, names: tuple[str, ...]) -> None:
        draw = random.SystemRandom()
        self._mark = f"tdk{draw.getrandbits(24):06x}"
        self._prefix = f"198.18.{draw.randrange(256)}"
        self.hall = Host(HALL, f"{self._mark}-{HALL}", self.address(DATABASE), "")
        self.hosts = {
            name: Host(name, f"{self._mark}-{name}", self.address(DATABASE + number), f"port{number}")
            for number, name in enumerate(names, start=1)
        }

    def address(self, number: int) -> str:
        return f"{self._prefix}.{number}"

    def make(self) -> None:
        """Raises ``NotHere`` where that may not be done."""
        if os.geteuid() != 0 or shutil.which("ip") is None:
            raise NotHere("network namespaces need root and the program ip (Debian: apt install iproute2)")
        _ip("netns", "add", self.hall.namespace)
        self._in_hall("link", "set", "lo", "up")
        self._in_hall("link", "add", BRIDGE, "type", "bridge")
        for number in (DATABASE, CARRIER):
            self._in_hall("address", "add", f"{self.address(number)}/24", "dev", BRIDGE)
        self._in_hall("link", "set", BRIDGE, "up")
        for host in self.hosts.values():
            _ip("netns", "add", host.namespace)
            self._lay_cable(host.port, far_end="eth0", to=host.namespace, address=host.address)
            _ip("-n", host.namespace, "link", "set", "lo", "up")
        self._lay_cable("onlooker", far_end=f"{self._mark}0", to="", address=self.address(ONLOOKER))

    def forget(self) -> None:
        """A cable goes with either of its ends, a bridge with its namespace."""
        for host in (self.hall, *self.hosts.values()):
            _ip("netns", "delete", host.namespace, must=False)

    def cut(self, host: Host, how: Cut) -> None:
        if how is Cut.CABLE:
            self._in_hall("link", "set", host.port, "down")
        elif how is Cut.SILENCE:
            self._in_hall("link", "set", host.port, "nomaster")
        else:
            _ip("-n", host.namespace, "route", "add", "blackhole", self.address(DATABASE))

    def mend(self, host: Host, how: Cut) -> None:
        if how is Cut.CABLE:
            self._in_hall("link", "set", host.port, "up")
        elif how is Cut.SILENCE:
            self._in_hall("link", "set", host.port, "master", BRIDGE)
        else:
            _ip("-n", host.namespace, "route", "delete", "blackhole", self.address(DATABASE))

    def _in_hall(self, *words: str) -> None:
        _ip("-n", self.hall.namespace, *words)

    def _lay_cable(self, port: str, *, far_end: str, to: str, address: str) -> None:
        near, far = f"{self._mark}a", f"{self._mark}b"
        _ip("link", "add", near, "type", "veth", "peer", "name", far)
        _ip("link", "set", near, "netns", self.hall.namespace, "name", port)
        self._in_hall("link", "set", port, "master", BRIDGE, "up")
        if to:
            _ip("link", "set", far, "netns", to, "name", far_end)
        else:
            _ip("link", "set", far, "name", far_end)
        where = ("-n", to) if to else ()
        _ip(*where, "address", "add", f"{address}/24", "dev", far_end)
        _ip(*where, "link", "set", far_end, "up")


@contextmanager
def network(*names: str) -> Iterator[Network]:
    """A hall and hosts of these names. Raises ``NotHere``."""
    made = Network(names)
    try:
        made.make()
        yield made
    finally:
        made.forget()


def _ip(*words: str, must: bool = True) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if must and done.returncode != 0:
        raise NotHere(f"ip {' '.join(words)}: {done.stderr.strip()}")
