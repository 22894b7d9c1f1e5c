"""An operator lets a batch that was set aside be tried again."""

from __future__ import annotations

from typing import Final

import structlog
from django.db import connections, transaction
from django.utils.translation import gettext_lazy as _

from dispatch.models import BatchState
from dispatch.task_names import PUMP
from tenants.actors import Actor
from tenants.errors import Refused
from tenants.permissions import Permission
from tenants.tasking import enqueue_on_commit

log = structlog.get_logger()

_FREE: Final = """
    UPDATE dispatch_batch SET state = %s, tries = 0, error = '' WHERE id = %s AND state = %s RETURNING account_id
"""


class NotStuck(Refused):
    code = "not_stuck"
    user_message = _("この送信は止まっていません。ページを開き直してください。")


def free_batch(*, batch_id: int, by: Actor) -> None:
    """Parts in flight stay unknown and are not sent again. Raises ``NotAllowed`` and ``NotStuck``."""
    by.must(Permission.OPERATE)
    with transaction.atomic(using="operator"), connections["operator"].cursor() as cursor:
        cursor.execute(_FREE, [BatchState.READY, batch_id, BatchState.STUCK])
        row = cursor.fetchone()
        if row is None:
            raise NotStuck
        enqueue_on_commit(PUMP, using="operator", account_id=row[0])
    log.info("batch.freed", batch_id=batch_id, user_id=by.user_id)
