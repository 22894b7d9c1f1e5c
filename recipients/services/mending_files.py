"""Rows to be mended leave as a file, are mended in Excel, and re-join their roster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from recipients.excel_damage import is_only_rewritten
from recipients.labels import file_sentence, reason_label, reason_sentence
from recipients.models import Recipient, Roster, Route
from recipients.reading import FileProblem, open_table
from recipients.services.finishing import count_routes
from recipients.services.mending import clean_cell, lock_editable, mend_locked
from recipients.services.reading import known_to, limits
from tenants.actors import Actor
from tenants.errors import Invalid
from tenants.keys import ring
from tenants.packing import Packed
from tenants.permissions import Permission
from tenants.spreadsheets import inert_cell, plain_cell

ROW: Final = "名簿の行"
SHEET_ROW: Final = "Excelの行"
REASON: Final = "直す理由"
REMEDY: Final = "直し方"
MOST_ROWS: Final = 5_000


class MendedFileRefused(Invalid):
    code = "bad_mended_file"
    user_message = _("「名簿の行」の列が見つかりません。書き出したファイルを、列を消さずに直して読み込んでください。")


@dataclass(frozen=True, slots=True)
class FileMending:
    """What came of a file of mended rows."""

    mended: int  # rows that have no error any more
    wrong: int  # rows that were changed and still have one
    unchanged: int  # rows as they were, and rows of the file that are no rows of this roster


def error_table(roster: Roster) -> Iterator[list[str]]:
    """The rows to be mended with their reasons, the header first."""
    header = roster.personal["header"]
    yield [ROW, SHEET_ROW, REASON, REMEDY, *header]
    for recipient in Recipient.objects.filter(roster=roster, route=Route.ERROR).order_by("row"):
        personal = recipient.personal
        reason, detail = recipient.reason, personal["detail"]
        cells = [personal["cells"].get(name, "") for name in header]
        numbers = [str(recipient.row), str(roster.sheet_rows.of(recipient.row))]
        yield [*numbers, reason_label(reason), reason_sentence(reason, detail), *cells]


def mend_from_file(*, roster: Roster, data: bytes | Packed, by: Actor, now: datetime) -> FileMending:
    """Take every changed cell of the file into its row; all of them in one transaction, and nothing else changes.

    Raises ``MendedFileRefused``, ``RosterNotReady``, ``RosterFrozen``, ``NotAllowed``.
    """
    by.must(Permission.EDIT_ROSTERS, department_id=roster.department_id)
    wanted = _read(data)
    with transaction.atomic():
        roster = lock_editable(roster)
        rows = Recipient.objects.filter(roster=roster, route=Route.ERROR, row__in=wanted).order_by("row")
        known, changed = known_to(ring(), roster), []
        for recipient in rows:
            if edit := _changes(recipient.personal["cells"], wanted[recipient.row]):
                mend_locked(roster, recipient, edit, known=known, by=by, now=now)
                changed.append(recipient.row)
        count_routes(roster)
        roster.save()
    wrong = Recipient.objects.filter(roster=roster, route=Route.ERROR, row__in=changed).count()
    return FileMending(mended=len(changed) - wrong, wrong=wrong, unchanged=len(wanted) - len(changed))


def _changes(cells: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str]:
    """What a person changed; what Excel alone made of a cell on the way stays as the roster has it."""
    return {
        name: clean_cell(plain_cell(value))
        for name, value in wanted.items()
        if name in cells
        and not is_only_rewritten(inert_cell(cells[name]), value)
        and not is_only_rewritten(clean_cell(cells[name]), clean_cell(plain_cell(value)))
    }


def _read(data: bytes | Packed) -> dict[int, Mapping[str, str]]:
    """Row of the roster → header → value. Raises ``MendedFileRefused``."""
    found: dict[int, Mapping[str, str]] = {}
    try:
        table = open_table(data, limits=replace(limits(), max_rows=MOST_ROWS))
        if ROW not in table.header:
            raise MendedFileRefused
        for _row, cells in table.rows():
            values = dict(zip(table.header, cells, strict=False))
            number = values.pop(ROW).strip()
            for ours in (SHEET_ROW, REASON, REMEDY):
                values.pop(ours, None)
            if number.isascii() and number.isdecimal() and len(number) < 9:
                found[int(number)] = values
    except FileProblem as exc:
        raise MendedFileRefused(file_sentence(exc.code, exc.params), code=exc.code) from exc
    return found
