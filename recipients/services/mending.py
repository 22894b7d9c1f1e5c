"""A person puts a cell right, and the row is checked again at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from recipients import routing_rules as rules
from recipients.checking import CheckedRow, Known, check_row
from recipients.columns import ColumnMapping, mapping_from_headers
from recipients.models import Recipient, Roster, Route
from recipients.routing_rules import Reason
from recipients.services.duplicates import SameAs, person_key
from recipients.services.errors import RosterFrozen, RosterNotReady, UnknownField
from recipients.services.finishing import count_routes
from recipients.services.naming import move_name
from recipients.services.reading import known_to, rules_of
from recipients.services.storing import RowSealer, store_rows
from tenants.actors import Actor
from tenants.keys import ring
from tenants.permissions import Permission
from tenants.services import AboutPerson, record

LONGEST_CELL: Final = 2000
_REACHED: Final = (Route.SMS, Route.CALL)


def mend_row(*, roster: Roster, row: int, fields: Mapping[str, str], by: Actor, now: datetime) -> Recipient:
    """The row with other cells, checked and routed anew; the roster's counts follow in the same transaction.

    ``fields`` is value by field ("phone", "name", …) or by column header. Raises ``UnknownField``, ``RosterNotReady``,
    ``RosterFrozen``, ``NotAllowed``, ``Recipient.DoesNotExist``.
    """
    by.must(Permission.EDIT_ROSTERS, department_id=roster.department_id)
    with transaction.atomic():
        roster = lock_editable(roster)
        before: Recipient = Recipient.objects.get(roster=roster, row=row)
        mend_locked(roster, before, _edit(roster, fields), known=known_to(ring(), roster), by=by, now=now)
        count_routes(roster)
        roster.save()
    mended: Recipient = Recipient.objects.get(roster=roster, row=row)
    return mended


def mend_locked(
    roster: Roster, before: Recipient, edit: Mapping[str, str], *, known: Known, by: Actor, now: datetime
) -> None:
    """One row of a locked roster, with ``edit`` as header → value; the caller counts anew and saves the roster."""
    checked, same_as = check_edited(roster, before, edit, known=known)
    phone_header = roster.personal["header"][mapping_of(roster).phones[0]]
    sealer = RowSealer(ring(), phone_header=phone_header)
    stored = sealer.seal(before.row, checked, same_as=same_as, by_hand=True)
    store_rows(roster_id=roster.pk, rows=[stored])
    named = (before.personal["name"], before.personal["kana"])
    move_name(roster_id=roster.pk, row=before.row, before=named, after=(checked.name, checked.kana))
    _keep_edit(roster, before.row, edit)
    was = {name: before.personal["cells"].get(name) for name in edit}
    record(
        action="roster.row_mended",
        by=by,
        now=now,
        kind="roster",
        object_id=str(roster.public_id),
        department_id=roster.department_id,
        details={"row": before.row},
        about=AboutPerson(
            subject=subject_of_row(roster_id=roster.pk, row=before.row), details={"fields": dict(edit), "before": was}
        ),
    )


def subject_of_row(*, roster_id: int, row: int) -> bytes:
    """By what the trail finds again whose row was mended."""
    return ring().hash("audit row", f"{roster_id}:{row}")


def lock_editable(roster: Roster) -> Roster:
    """The roster, locked against other changes. Raises ``RosterNotReady`` and ``RosterFrozen``."""
    roster = (
        Roster.objects.select_for_update(of=("self",), no_key=True)
        .select_related("tenant", "department")
        .get(pk=roster.pk)
    )
    if not roster.is_ready:
        raise RosterNotReady
    if roster.frozen_at is not None:
        raise RosterFrozen
    return roster


def mapping_of(roster: Roster) -> ColumnMapping:
    return mapping_from_headers(roster.personal["header"], roster.mapping)


def check_edited(
    roster: Roster, recipient: Recipient, edit: Mapping[str, str], *, known: Known
) -> tuple[CheckedRow, SameAs | None]:
    """How the row would be routed with ``edit`` (header → value), and the row that stands for it too."""
    header = roster.personal["header"]
    cells = recipient.personal["cells"] | dict(edit)
    checked = check_row(
        [cells.get(name, "") for name in header],
        header=header,
        mapping=mapping_of(roster),
        rules=rules_of(roster),
        known=known,
    )
    return checked, _same_person(roster, recipient, checked)


def _edit(roster: Roster, fields: Mapping[str, str]) -> dict[str, str]:
    """Header → clean value. Raises ``UnknownField``."""
    header, mapping = roster.personal["header"], roster.mapping
    edit: dict[str, str] = {}
    for name, value in fields.items():
        column = mapping.get(name, name)
        if column not in header:
            raise UnknownField(fields={name: UnknownField.user_message})
        edit[column] = clean_cell(value)
    return edit


def clean_cell(value: str) -> str:
    """What a database stores: no lone surrogates, no NUL or other control characters but line breaks."""
    text = value.encode("utf-8", "replace").decode()
    return "".join(character for character in text if character >= " " or character in "\n\t")[:LONGEST_CELL]


def _same_person(roster: Roster, recipient: Recipient, checked: CheckedRow) -> SameAs | None:
    """Of two rows of one person the first one counts, whichever of them was mended; of a family too, if asked for."""
    key = person_key(checked)
    if key is None or checked.phone is None:
        return None
    others = Recipient.objects.filter(
        roster_id=recipient.roster_id, phone_hash=ring().hash("phone", checked.phone), route__in=_REACHED
    ).exclude(pk=recipient.pk)
    family = None
    for other in others.order_by("row"):
        known = other.personal
        who = (known["external_id"], str(known["name"]).split(), known["birth_on"])
        mine = (checked.external_id, checked.name.split(), checked.birth_on.isoformat() if checked.birth_on else None)
        if (who[0] == mine[0]) if mine[0] else (who == mine):
            return SameAs(int(other.row), Reason.DUPLICATE)
        if family is None and other.route == Route.SMS:
            family = other
    if roster.one_text_per_number and family is not None and checked.route == rules.Route.SMS:
        return SameAs(int(family.row), Reason.SHARED_NUMBER)
    return None


def _keep_edit(roster: Roster, row: int, edit: Mapping[str, str]) -> None:
    """Beside the file, so that reading it again with other columns loses nothing of people's work."""
    edits: dict[str, Any] = roster.personal.get("edits", {})
    roster.seal(roster.personal | {"edits": edits | {str(row): edits.get(str(row), {}) | dict(edit)}})
