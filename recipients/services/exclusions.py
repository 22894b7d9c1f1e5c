"""Those of a roster who are not concerned, from a second file: people who have paid, moved away or died."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.conf import settings
from django.utils.translation import gettext as _

from recipients.columns import guess_columns
from recipients.labels import file_sentence
from recipients.models import ExclusionList, Roster
from recipients.phone_numbers import number_of_anybody
from recipients.reading import FileProblem, Limits, Table, open_table
from recipients.sentences import sentence_of_file
from recipients.services.errors import BadExclusions
from recipients.services.opt_outs import clean_note
from tenants.actors import Actor
from tenants.keys import ring
from tenants.packing import Packed
from tenants.services import record

MOST_ROWS: Final = 100_000


@dataclass(frozen=True, slots=True)
class ExclusionFile:
    """A file as it was uploaded."""

    data: bytes | Packed
    file_name: str


@dataclass(frozen=True, slots=True)
class _Entries:
    numbers: frozenset[bytes]  # of people without an id
    ids: frozenset[bytes]
    numbers_beside_ids: frozenset[bytes]
    rows: int
    unread: int  # rows with neither


def keep_exclusions(roster: Roster, file: ExclusionFile, *, by: Actor, now: datetime) -> ExclusionList:
    """The list of a roster, in place of the one before; the caller has the file read (again).

    Raises ``BadExclusions`` with the sentence of what is wrong; then nothing has changed.
    """
    entries = _read(file)
    ExclusionList.objects.filter(roster=roster).delete()
    kept = ExclusionList(
        roster=roster,
        number_hashes=b"".join(sorted(entries.numbers)),
        id_hashes=b"".join(sorted(entries.ids)),
        spare_hashes=b"".join(sorted(entries.numbers_beside_ids)),
        rows=entries.rows,
        created_by_id=by.user_id,
        created_at=now,
    )
    kept.seal({"file_name": clean_note(file.file_name)[:100], "unread": entries.unread})
    kept.save()
    record(
        action="roster.exclusions_added",
        by=by,
        now=now,
        kind="roster",
        object_id=str(roster.public_id),
        details={"file_name": kept.personal["file_name"], "rows": entries.rows},
    )
    return kept


def _read(file: ExclusionFile) -> _Entries:
    """Raises ``BadExclusions``."""
    try:
        return _entries(
            file, open_table(file.data, limits=Limits(max_bytes=settings.ROSTER_MAX_BYTES, max_rows=MOST_ROWS))
        )
    except FileProblem as exc:
        raise _refusal(file, file_sentence(exc.code, exc.params), code=exc.code) from exc


def _refusal(file: ExclusionFile, sentence: str, **more: str) -> BadExclusions:
    named = sentence_of_file(clean_note(file.file_name), sentence)
    return BadExclusions(named, fields={"exclusions": [named]}, **more)


def _entries(file: ExclusionFile, table: Table) -> _Entries:
    """An id names one person and a number perhaps a family: where a row has an id, its number counts only for rows of
    the roster that have none."""
    mapping = guess_columns(table.header, table.sample()).mapping
    if not mapping.phones and mapping.external_id is None:
        sentence = _(
            "%(line)s行目の見出し（%(columns)s）に、電話番号の列も管理番号の列も見つかりません。"
            "どちらかの列を加えるか、見出しを直してから読み込んでください。"
        )
        raise _refusal(file, sentence % {"line": table.header_line, "columns": "、".join(table.header)})
    hash_phone, hash_id = ring().hasher("phone"), ring().hasher("id")
    numbers, ids, beside, rows, unread = set[bytes](), set[bytes](), set[bytes](), 0, 0
    for _row, cells in table.rows():
        rows += 1
        external_id = _cell(cells, mapping.external_id)
        found = {hash_phone(e164) for column in mapping.phones if (e164 := number_of_anybody(_cell(cells, column)))}
        if external_id:
            ids.add(hash_id(external_id))
        (beside if external_id else numbers).update(found)
        unread += not external_id and not found
    return _Entries(frozenset(numbers), frozenset(ids), frozenset(beside), rows, unread)


def _cell(cells: list[str], column: int | None) -> str:
    return cells[column].strip() if column is not None and column < len(cells) else ""
