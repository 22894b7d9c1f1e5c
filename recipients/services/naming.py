"""The names of a roster into the search: gathered while its rows are read, written in one go when it becomes ready.

A line per pair of characters and roster, with the rows that have it, instead of a line per pair and person: 100,000
people need some 20,000 lines, not a million (measured: 4 µs a row in all, against 40).
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Callable, Iterable
from typing import Any, Final

import orjson
from django.db import connection

from recipients.models import Recipient, Roster
from recipients.name_grams import START, folded, grams_of
from recipients.selectors.names import gram_hasher
from tenants.context import current_tenant_id
from tenants.keys import ring

REMEMBERED: Final = 50_000  # parts of names, of which there are few among many people
_INCOMING: Final = "CREATE TEMPORARY TABLE IF NOT EXISTS incoming_grams (gram int8, rows int4[]) ON COMMIT DELETE ROWS"
_EMPTY: Final = "DELETE FROM incoming_grams"
_COPY: Final = "COPY incoming_grams FROM STDIN (FORMAT BINARY)"
# Written by hand, since building a list of numbers for each line takes five times as long (PostgreSQL 18, COPY, "Binary
# Format"; an array is its number of dimensions, flags, type int4, length and lower bound, then length and value of each).
_COPY_HEAD: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_END: Final = b"\xff\xff"
_LINE: Final = struct.Struct(">hiqiiiIii")
_ARRAY_HEAD_BYTES: Final = 20
_INT4: Final = 23
_FORGET: Final = "DELETE FROM recipients_namegram WHERE tenant_id = %s AND roster_id = %s"
_STORE: Final = """
    INSERT INTO recipients_namegram (tenant_id, roster_id, gram, rows)
    SELECT %s, %s, gram, rows FROM incoming_grams ORDER BY gram
"""
_TAKE_OUT: Final = """
    UPDATE recipients_namegram SET rows = array_remove(rows, %s)
    WHERE tenant_id = %s AND roster_id = %s AND gram = ANY(%s)
"""
_FORGET_EMPTY: Final = (
    "DELETE FROM recipients_namegram WHERE tenant_id = %s AND roster_id = %s AND gram = ANY(%s) AND rows = '{}'"
)
_PUT_IN: Final = """
    INSERT INTO recipients_namegram (tenant_id, roster_id, gram, rows)
    SELECT %s, %s, u.gram, ARRAY[%s::int] FROM unnest(%s::bigint[]) AS u (gram)
    ON CONFLICT (tenant_id, gram, roster_id) DO UPDATE SET rows = recipients_namegram.rows || EXCLUDED.rows
"""

_Note = Callable[[int], None]


class NameIndex:
    """Pair of characters → the rows whose name or kana has it."""

    def __init__(self) -> None:
        self._rows: dict[str, array[int]] = {}
        self._notes: dict[str, _Note] = {}
        self._parts: dict[str, tuple[str, str, tuple[_Note, ...]]] = {}

    def add(self, row: int, *names: str) -> None:
        """A person's name and kana, in the order of the rows. A pair that both of them have may be noted twice."""
        parts, notes = self._parts, self._notes
        for name in names:
            last = START
            for part in name.split():
                first, end, inner = parts.get(part) or self._part(part)
                if first:
                    (notes.get(last + first) or self._note(last + first))(row)
                    for note in inner:
                        note(row)
                    last = end

    def rows_with(self, gram: str) -> set[int]:
        return set(self._rows.get(gram, ()))

    def _part(self, part: str) -> tuple[str, str, tuple[_Note, ...]]:
        text = folded(part)
        pairs = {text[place : place + 2] for place in range(len(text) - 1)}
        found = (text[:1], text[-1:], tuple(self._notes.get(pair) or self._note(pair) for pair in pairs))
        if len(self._parts) < REMEMBERED:
            self._parts[part] = found
        return found

    def _note(self, gram: str) -> _Note:
        rows = self._rows[gram] = array("i")
        note = self._notes[gram] = rows.append
        return note

    def store(self, *, roster_id: int) -> None:
        """Replace what the search knows of this roster. Needs the tenant's scope."""
        keyed_hash = gram_hasher(ring())
        with connection.cursor() as cursor:
            cursor.execute(_INCOMING)
            cursor.execute(_EMPTY)
            with cursor.cursor.copy(_COPY) as copy:
                copy.write(_COPY_HEAD)
                for gram, rows in self._rows.items():
                    if rows:
                        copy.write(_line(keyed_hash(gram), rows))
                copy.write(_COPY_END)
            cursor.execute(_FORGET, [current_tenant_id(), roster_id])
            cursor.execute(_STORE, [current_tenant_id(), roster_id])


def _line(gram: int, rows: array[int]) -> bytes:
    values = array("i", [4]) * (2 * len(rows))
    values[1::2] = rows
    if sys.byteorder == "little":
        values.byteswap()
    head = _LINE.pack(2, 8, gram, _ARRAY_HEAD_BYTES + 8 * len(rows), 1, 0, _INT4, len(rows), 1)
    return head + values.tobytes()


def move_name(*, roster_id: int, row: int, before: Iterable[str], after: Iterable[str]) -> None:
    """One row got another name and kana, or (``after`` empty) none any more. Needs the tenant's scope."""
    keyed_hash = gram_hasher(ring())
    old = {keyed_hash(gram) for name in before for gram in grams_of(name)}
    new = {keyed_hash(gram) for name in after for gram in grams_of(name)}
    tenant_id = current_tenant_id()
    with connection.cursor() as cursor:
        if gone := sorted(old - new):
            cursor.execute(_TAKE_OUT, [row, tenant_id, roster_id, gone])
            cursor.execute(_FORGET_EMPTY, [tenant_id, roster_id, gone])
        if come := sorted(new - old):
            cursor.execute(_PUT_IN, [tenant_id, roster_id, row, come])


def index_roster(roster: Roster) -> None:
    """The names of a roster that was read before there was a search by name. Needs the tenant's scope."""
    index, keys, table = NameIndex(), ring(), Recipient._meta.db_table
    rows = Recipient.objects.filter(roster=roster).order_by("row").values_list("row", "sealed")
    for row, sealed in rows.iterator(chunk_size=2_000):
        personal: dict[str, Any] = orjson.loads(keys.open(table, sealed))
        index.add(row, str(personal.get("name") or ""), str(personal.get("kana") or ""))
    index.store(roster_id=roster.pk)
