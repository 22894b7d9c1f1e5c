"""Looking for what must not be there: marks in every writing that a database, a broker, a log or a file could hold."""

from __future__ import annotations

import base64
import json
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import psycopg
import redis
from django.conf import settings

from tests.conftest import admin_url

ENCODINGS: Final = ("utf-8", "cp932", "utf-16-le", "utf-16-be", "euc-jp", "iso-2022-jp", "gb18030")
_HEX_COLUMNS: Final = re.compile(rb"\\\\x[0-9a-f]+")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")


def writings(mark: str) -> dict[str, bytes]:
    """Name → bytes: the mark in each encoding, each also as hex and base64, and as escapes of JSON and addresses."""
    found: dict[str, bytes] = {}
    for encoding in ENCODINGS:
        try:
            plain = mark.encode(encoding)
        except UnicodeEncodeError:
            continue
        found[encoding] = plain
        found[f"{encoding} as hex"] = plain.hex().encode()
        found[f"{encoding} as HEX"] = plain.hex().upper().encode()
        for shift in range(3):  # what stands before it decides between three forms; the ends depend on the neighbours
            text = base64.b64encode(bytes(shift) + plain)
            inner = text[4 if shift else 0 : len(text) // 4 * 4 - 4]
            if len(inner) >= 8:
                found[f"{encoding} as base64 after {shift}"] = inner
    found["JSON"] = json.dumps(mark)[1:-1].encode()
    found["JSON in JSON"] = json.dumps(json.dumps(mark))[3:-3].encode()
    found["JSON, upper case"] = json.dumps(mark)[1:-1].replace("\\u", "\0").upper().replace("\0", "\\u").encode()
    found["address"] = quote(mark).encode()
    found["entities"] = "".join(f"&#{ord(character)};" for character in mark).encode()
    return found


def shortest(marks: dict[str, bytes]) -> dict[str, bytes]:
    """Without those that hold another of them: where they stand, that one is found; of equal ones the first."""
    kept: dict[str, bytes] = {}
    for name, wanted in sorted(marks.items(), key=lambda mark: len(mark[1])):
        if not any(shorter in wanted for shorter in kept.values()):
            kept[name] = wanted
    return kept


def traces(data: bytes, marks: dict[str, bytes]) -> set[str]:
    """The names of the writings that stand in the data, or in what is packed in it."""
    packed = b"\n".join(unpacked(data))  # searched in one go: the pieces are many and small
    found = {name for name, wanted in marks.items() if wanted in data}
    return found | {f"{name}, packed" for name, wanted in marks.items() if wanted in packed}


def unpacked(data: bytes) -> Iterator[bytes]:
    """Base64 of any length, and zlib within it: how Django signs, and how kombu wraps."""
    for match in _BASE64.finditer(data):
        text = match[0].rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
        plain = base64.b64decode(text[: len(text) // 4 * 4])
        yield plain
        try:
            yield zlib.decompressobj().decompress(plain)
        except zlib.error:
            continue


def dump_of_database() -> Iterator[tuple[str, bytes]]:
    """(table and form, content) as the superuser: every table, as text and as binary; what pg_dump writes and more."""
    with psycopg.connect(admin_url()) as connection:
        tables = connection.execute(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        for (table,) in tables:
            for form in ("TEXT", "BINARY"):
                with connection.cursor().copy(f"COPY {table} TO STDOUT (FORMAT {form})") as copy:
                    content = b"".join(bytes(piece) for piece in copy)
                yield f"{table} {form}", _HEX_COLUMNS.sub(b"", content) if form == "TEXT" else content


def statistics_of_database() -> bytes:
    """What the planner remembers of the columns: their most frequent values stand there in clear."""
    with psycopg.connect(admin_url()) as connection:
        connection.execute("ANALYZE")
        rows = connection.execute("SELECT most_common_vals::text, histogram_bounds::text FROM pg_stats").fetchall()
        return "\n".join(str(row) for row in rows).encode()


def files_of_database() -> Iterator[tuple[str, bytes]]:
    """The server's own files of this database, what it sorted beside it, and its log, where it is one of ours here."""
    with psycopg.connect(admin_url()) as connection:
        connection.execute("CHECKPOINT")
        ((directory, database),) = connection.execute(
            "SELECT current_setting('data_directory'), oid::text FROM pg_database WHERE datname = current_database()"
        ).fetchall()
    folder = Path(directory)
    if not os.access(folder, os.R_OK | os.X_OK):
        return
    base = folder / "base"
    for path in [*base.glob(f"{database}/*"), *base.glob("pgsql_tmp/*"), *folder.parent.glob("logs/*")]:
        if path.is_file():
            yield str(path), path.read_bytes()


def broker() -> Any:
    return redis.Redis.from_url(settings.REDIS_URL)


def everything_in_broker() -> bytes:
    """Every key and value, in whatever type it is."""
    client, found = broker(), []
    readers = {
        b"string": client.get,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": client.smembers,
        b"hash": client.hgetall,
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
    }
    for key in client.scan_iter(count=1000):
        found += [key, _flat(readers[client.type(key)](key))]
    return b"\n".join(found)


def _flat(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, dict):
        return b"\n".join(_flat(part) for pair in value.items() for part in pair)
    if isinstance(value, list | set | tuple):
        return b"\n".join(_flat(part) for part in value)
    return str(value).encode()
