"""Secrets of a checkout: made once, kept in a file that only its owner may read."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from devservers.errors import CannotStart

_FILE_NAME = "secrets.json"


@dataclass(frozen=True, slots=True)
class Keys:
    """What protects the servers and the data of one data directory."""

    secret_key: str
    master_keys: str
    postgres_password: str
    owner_password: str
    app_password: str
    operator_password: str
    carrier_password: str
    valkey_password: str
    smsc_password: str
    suffix: str
    """Names our database and roles on a server that others use too."""


def new_keys() -> Keys:
    """Fresh ones. Passwords are hexadecimal, so that a URL can hold them as they are."""
    return Keys(
        secret_key=secrets.token_urlsafe(48),
        master_keys="1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        postgres_password=secrets.token_hex(16),
        owner_password=secrets.token_hex(16),
        app_password=secrets.token_hex(16),
        operator_password=secrets.token_hex(16),
        carrier_password=secrets.token_hex(16),
        valkey_password=secrets.token_hex(16),
        # SMPP 3.4 §5.2.2: a password has at most eight characters.
        smsc_password=secrets.token_hex(4),
        suffix=secrets.token_hex(4),
    )


def load_or_create(directory: Path) -> Keys:
    """The keys of this data directory; CannotStart where the file can't be read as such."""
    path = directory / _FILE_NAME
    if not path.exists():
        keys = new_keys()
        _write(path, keys)
        return keys
    try:
        return _parse(path.read_text())
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise CannotStart(
            f"{path} can't be read ({exc}); `make demo-reset` makes new keys and empties the data."
        ) from exc


def _parse(text: str) -> Keys:
    stored = json.loads(text)
    return Keys(**{field.name: str(stored[field.name]) for field in fields(Keys)})


def _write(path: Path, keys: Keys) -> None:
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(keys), file, indent=1)
    unfinished.rename(path)
