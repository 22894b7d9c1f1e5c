"""Messages, receipts, calls and notes without the person: states, instants, parts and costs stay.

An emptied blob has a length of its own, by which it is known. Needs the tenant's scope.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django.db import connection

from dispatch.models import Call, CallAttempt, Message
from tenants.context import current_tenant_id
from tenants.keys import ring

BLANK_MESSAGE: Final = {"to": "", "text": "", "name": "", "reference": ""}
BLANK_CALL: Final = {"name": "", "kana": "", "phone": "", "external_id": ""}
BLANK_NOTE: Final = {"note": ""}
_MESSAGES: Final = """
    UPDATE dispatch_message SET sealed = %s, phone_hash = '', reference_hash = NULL WHERE tenant_id = %s AND id = ANY(%s)
"""
_RECEIPTS: Final = "SELECT carriers_forget_receipts(%s)"
_INBOUND: Final = "SELECT carriers_forget_inbound(%s)"
_CALLS: Final = "UPDATE dispatch_call SET sealed = %s, phone_hash = NULL WHERE tenant_id = %s AND id = ANY(%s)"
_NOTES: Final = "UPDATE dispatch_callattempt SET sealed = %s WHERE tenant_id = %s AND call_id = ANY(%s)"


def blank_message() -> bytes:
    return _sealed(Message, BLANK_MESSAGE)


def blank_call() -> bytes:
    return _sealed(Call, BLANK_CALL)


def empty_messages(message_ids: Sequence[int]) -> tuple[int, int]:
    """(messages, receipts)."""
    with connection.cursor() as cursor:
        cursor.execute(_MESSAGES, [blank_message(), current_tenant_id(), list(message_ids)])
        messages = int(cursor.rowcount)
        cursor.execute(_INBOUND, [list(message_ids)])  # what the person answered goes with what was asked
        cursor.execute(_RECEIPTS, [list(message_ids)])
        return messages, int(cursor.fetchone()[0])


def public_ids_of(model: type[Call | Message], ids: Sequence[int]) -> list[UUID]:
    return list(model.objects.filter(pk__in=ids).values_list("public_id", flat=True))


def empty_calls(call_ids: Sequence[int]) -> tuple[int, int]:
    """(calls, notes)."""
    with connection.cursor() as cursor:
        cursor.execute(_CALLS, [blank_call(), current_tenant_id(), list(call_ids)])
        calls = int(cursor.rowcount)
        cursor.execute(_NOTES, [_sealed(CallAttempt, BLANK_NOTE), current_tenant_id(), list(call_ids)])
        return calls, int(cursor.rowcount)


def _sealed(model: type[Any], fields: dict[str, str]) -> bytes:
    return ring().seal_fields(model._meta.db_table, fields)
