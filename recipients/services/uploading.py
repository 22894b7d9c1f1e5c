"""A file comes in, or its columns are understood anew: kept, sealed, and given to a worker to read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Final

from django.db import transaction

from recipients.columns import BadMapping, mapping_from_headers
from recipients.labels import mapping_sentence
from recipients.models import Roster, RosterFile, RosterState
from recipients.services.errors import MappingRefused, RosterFileGone, RosterFrozen, RosterNotReady
from recipients.services.exclusions import ExclusionFile, keep_exclusions
from recipients.task_names import READ_ROSTER
from tenants.actors import Actor
from tenants.clock import today
from tenants.keys import ring
from tenants.models import Department
from tenants.packing import Packed
from tenants.permissions import Permission
from tenants.services import record
from tenants.tasking import enqueue_on_commit

_PIECES_AT_ONCE: Final = 4
LONGEST_NAME: Final = 100


def upload_roster(
    *,
    data: bytes | Packed,
    file_name: str,
    name: str = "",
    department: Department | None,
    mapping: Mapping[str, str] | None = None,
    exclusions: ExclusionFile | None = None,
    by: Actor,
    now: datetime,
) -> Roster:
    """Keep the file and wake a worker; what is wrong with the file the worker finds.

    ``mapping`` is field → column header; without it the columns are remembered or guessed. ``exclusions`` names those
    who are not concerned. Raises ``NotAllowed``, and ``BadExclusions`` for that second file.
    """
    department_id = department.pk if department else None
    by.must_place(Permission.EDIT_ROSTERS, department_id=department_id)
    packed = data if isinstance(data, Packed) else Packed.of(data)
    roster = Roster(
        department=department,
        as_of=today(now),
        file_bytes=packed.size,
        file_hash=ring().hash_pieces("file", packed.pieces()),
        created_by_id=by.user_id,
        created_at=now,
    )
    fields = {"name": _clean_name(name) or _name_of_file(file_name), "file_name": _clean_name(file_name)}
    roster.seal(fields | ({"mapping": dict(mapping), "mapping_source": "chosen"} if mapping else {}))
    with transaction.atomic():
        roster.save()
        _keep_file(roster, packed)
        if exclusions is not None:
            keep_exclusions(roster, exclusions, by=by, now=now)
        record(
            action="roster.uploaded",
            by=by,
            now=now,
            kind="roster",
            object_id=str(roster.public_id),
            department_id=roster.department_id,
            details={**fields, "bytes": packed.size},
        )
        enqueue_on_commit(READ_ROSTER, tenant_id=roster.tenant_id, roster_id=roster.pk)
    return roster


def change_mapping(*, roster: Roster, mapping: Mapping[str, str], by: Actor, now: datetime) -> Roster:
    """Read the same file again with these columns (field → column header). What people mended stays mended.

    Raises ``MappingRefused``, ``RosterNotReady`` (while it is read, or where no header was found), ``RosterFrozen``,
    ``RosterFileGone``, ``NotAllowed``.
    """
    by.must(Permission.EDIT_ROSTERS, department_id=roster.department_id)
    with transaction.atomic():
        roster = lock_to_read_again(roster)
        check_mapping(header=roster.personal["header"], mapping=mapping)
        roster.seal(roster.personal | {"mapping": dict(mapping), "mapping_source": "chosen"})
        read_again(roster)
        record(
            action="roster.mapping_changed",
            by=by,
            now=now,
            kind="roster",
            object_id=str(roster.public_id),
            department_id=roster.department_id,
            details={"mapping": dict(mapping)},
        )
    return roster


def lock_to_read_again(roster: Roster) -> Roster:
    """The roster, locked, where its file can be read again. Raises ``RosterNotReady`` (while it is read, or where no
    header was found), ``RosterFrozen``, ``RosterFileGone``."""
    roster = Roster.objects.select_for_update(no_key=True).get(pk=roster.pk)
    if roster.state == RosterState.READING or not roster.personal.get("header", ()):
        raise RosterNotReady
    if roster.frozen_at:
        raise RosterFrozen
    if not RosterFile.objects.filter(roster_id=roster.pk).exists():
        raise RosterFileGone
    return roster


def read_again(roster: Roster) -> None:
    """Save it and wake a worker to read the file from its beginning. What people mended stays mended."""
    roster.seal({key: value for key, value in roster.personal.items() if key != "failure"})
    roster.state, roster.failure_code = RosterState.READING, ""
    roster.rows_read, roster.tries, roster.lease_until = 0, 0, None
    roster.save()
    enqueue_on_commit(READ_ROSTER, tenant_id=roster.tenant_id, roster_id=roster.pk)


def check_mapping(*, header: list[str], mapping: Mapping[str, str]) -> None:
    """Raises ``MappingRefused`` with the sentence of what is wrong."""
    try:
        mapping_from_headers(header, mapping)
    except BadMapping as exc:
        sentence = mapping_sentence(exc.code, exc.params)
        raise MappingRefused(sentence, code=exc.code.value, fields={"mapping": sentence}) from exc


def _keep_file(roster: Roster, packed: Packed) -> None:
    """At least one piece, so that an empty file has its evidence too; a few at a time, since each is a MiB."""
    seal = ring().sealer(RosterFile._meta.db_table)
    pieces = enumerate(packed.pieces() if packed.size else [b""])
    while some := list(islice(pieces, _PIECES_AT_ONCE)):
        RosterFile.objects.bulk_create(
            RosterFile(tenant_id=roster.tenant_id, roster=roster, number=number, sealed=seal(piece))
            for number, piece in some
        )


def _clean_name(text: str) -> str:
    """One line without control characters or lone surrogates, of bounded length."""
    plain = text.encode("utf-8", "replace").decode()
    return "".join(character for character in plain if character.isprintable()).strip()[:LONGEST_NAME]


def _name_of_file(file_name: str) -> str:
    stem = file_name.rpartition(".")[0] or file_name
    return _clean_name(stem)
