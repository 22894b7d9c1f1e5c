"""The SMSC that the demonstration sends through: the bundled simulator, or the one that DEMO_SMSC_URL names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

from devservers.errors import CannotStart
from devservers.ports import LOOPBACK

SYSTEM_ID = "todoke"
DEFAULT_PORT = 2775
_BUNDLED_WINDOW = 10
_FORM = "smpp://system_id:password@host:2775?window=10&binds=1"


@dataclass(frozen=True, slots=True)
class Smsc:
    """Where it listens and who we are to it."""

    host: str
    port: int
    system_id: str
    password: str
    window: int
    binds: int
    journal: Path | None
    """The bundled simulator's record of what it accepted; None for another's SMSC."""

    @property
    def is_bundled(self) -> bool:
        return self.journal is not None

    @property
    def url(self) -> str:
        """As DEMO_SMSC_URL writes it."""
        user_info = f"{quote(self.system_id, safe='')}:{quote(self.password, safe='')}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"smpp://{user_info}@{host}:{self.port}?window={self.window}&binds={self.binds}"


def bundled(*, port: int, password: str, journal: Path) -> Smsc:
    """The simulator, on our own machine."""
    return Smsc(
        host=LOOPBACK,
        port=port,
        system_id=SYSTEM_ID,
        password=password,
        window=_BUNDLED_WINDOW,
        binds=1,
        journal=journal,
    )


def parse(url: str) -> Smsc:
    """The SMSC of a DEMO_SMSC_URL; window 10 and one bind unless it says otherwise. CannotStart where it is not one."""
    try:
        parts = urlsplit(url)
        query = parse_qs(parts.query, strict_parsing=bool(parts.query))
        window, binds = int(query.get("window", ["10"])[0]), int(query.get("binds", ["1"])[0])
        port = parts.port or DEFAULT_PORT
    except ValueError as exc:
        raise CannotStart(f"DEMO_SMSC_URL can't be read ({exc}); it should look like {_FORM}.") from exc
    if parts.scheme != "smpp" or not parts.hostname or not parts.username or window < 1 or binds < 1:
        raise CannotStart(f"DEMO_SMSC_URL should look like {_FORM}.")
    return Smsc(
        host=parts.hostname,
        port=port,
        system_id=unquote(parts.username),
        password=unquote(parts.password or ""),
        window=window,
        binds=binds,
        journal=None,
    )
