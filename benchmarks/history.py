"""Years of earlier texts: some made by the application itself, and copies of them by the million.

Each copy is a whole row of its own (recipient, batch, message, receipt) under another number; twenty texts to each number. The
copies skip the triggers that check foreign keys, nothing else: indexes grow as they would have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import psycopg
from django.conf import settings
from psycopg import sql

from benchmarks.office import prepare
from devservers.ports import LOOPBACK

ORIGINALS: Final = 2_000
TEXTS_PER_NUMBER: Final = 20
ROUNDS_AT_ONCE: Final = 100
FIRST_NUMBER: Final = 10_000_000  # of office.roster_file, behind 090

_NUMBER: Final = f"""CASE WHEN n < {TEXTS_PER_NUMBER} THEN {{column}}
    ELSE substr(sha256({{column}} || int4send(n / {TEXTS_PER_NUMBER})), 1, length({{column}})) END"""
_WHEN: Final = "{column} - n * interval '5 minutes'"
_SHIFTED: Final = "{column} + n * %(stride)s"

COPIED: Final[dict[str, dict[str, str]]] = {
    "recipients_recipient": {"id": _SHIFTED, "row": _SHIFTED, "phone_hash": _NUMBER, "id_hash": _NUMBER},
    "dispatch_batch": {"id": _SHIFTED, "created_at": _WHEN},
    "dispatch_message": {
        "id": _SHIFTED,
        "public_id": "gen_random_uuid()",
        "batch_id": _SHIFTED,
        "recipient_id": _SHIFTED,
        "phone_hash": _NUMBER,
        "carrier_id": "to_hex(t.id + n * %(stride)s)",
        "created_at": _WHEN,
        "accepted_at": _WHEN,
        "final_at": _WHEN,
    },
    "carriers_storedreceipt": {
        "id": _SHIFTED,
        "message_id": _SHIFTED,
        "carrier_id": "to_hex(t.message_id + n * %(stride)s)",
        "to_hash": _NUMBER,
        "received_at": _WHEN,
    },
}
"""Table → what differs in the nth copy of a row; every other column is copied as it is."""


_CARRIER_IDS: Final = """
    INSERT INTO dispatch_carrierid (account_id, carrier_id, message_id)
    SELECT account_id, carrier_id, id FROM dispatch_message WHERE carrier_id <> ''
"""


@dataclass(frozen=True, slots=True)
class History:
    """The tenant that sent them, somebody who may look, and numbers that got ``TEXTS_PER_NUMBER`` and one texts each."""

    tenant_id: int
    actor: Any
    numbers: tuple[str, ...]


def fill(messages: int) -> History:
    """Needs prepared servers without any worker yet."""
    actor, tenant_id = _originals()
    with _superuser() as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute("SET session_replication_role = replica")
        for table, differing in COPIED.items():
            _copy(connection, table, differing, rounds=messages // ORIGINALS)
        connection.execute(_CARRIER_IDS)
    with _superuser(autocommit=True) as connection:
        for table in (*COPIED, "dispatch_carrierid"):
            connection.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(table)))
        connection.execute("CHECKPOINT")
    return History(tenant_id, actor, tuple(f"090{FIRST_NUMBER + n:08d}" for n in range(ORIGINALS)))


def _superuser(*, autocommit: bool = False) -> psycopg.Connection[Any]:
    database = settings.DATABASES["owner"]["NAME"]
    return psycopg.connect(settings.DATABASE_ADMIN_URL, dbname=database, autocommit=autocommit)


def _originals() -> tuple[Any, int]:
    """Texts that the application made, settled as the pump and the receipts would have."""
    from carriers.models import CarrierAccount
    from carriers.services import configure_account
    from dispatch.services.campaigns.departure import send_campaign
    from dispatch.services.expansion import expand_campaign
    from tenants import keys
    from tenants.context import tenant_scope

    account = configure_account(
        name="history",
        provider="smpp",
        config={"host": LOOPBACK, "port": 1, "system_id": "history"},
        secrets={"password": "history"},
        window=10,
        binds=1,
        texts_per_s=None,
    )
    campaign, actor, now = prepare(ORIGINALS, name="history")
    tenant_id = campaign.tenant_id
    with tenant_scope(tenant_id):
        send_campaign(campaign=campaign, by=actor, now=now)
    expand_campaign(tenant_id=tenant_id, campaign_id=campaign.pk, now=now)
    raw = keys.service().sealer("carriers_storedreceipt")(b"id:0123456789 sub:001 dlvrd:001 stat:DELIVRD err:000 text:")
    CarrierAccount.objects.using("operator").filter(pk=account.pk).update(is_enabled=False)
    with _superuser() as connection:
        connection.execute("UPDATE dispatch_batch SET state = 2 WHERE tenant_id = %s", [tenant_id])
        connection.execute(
            """UPDATE dispatch_message SET state = 9, carrier_id = to_hex(id), accepted_at = created_at, final_at = created_at
               WHERE tenant_id = %s""",
            [tenant_id],
        )
        connection.execute(
            """INSERT INTO carriers_storedreceipt
                   (account_id, carrier_id, status, code, reason, received_at, to_hash, sealed, tenant_id, message_id)
               SELECT %s, carrier_id, 'delivered', '', '', final_at, phone_hash, %s, tenant_id, id
               FROM dispatch_message WHERE tenant_id = %s""",
            [account.pk, raw, tenant_id],
        )
    return actor, tenant_id


def _copy(connection: psycopg.Connection[Any], table: str, differing: dict[str, str], *, rounds: int) -> None:
    columns = [
        name
        for (name,) in connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s ORDER BY ordinal_position",
            [table],
        )
    ]
    values = [differing.get(column, "{column}").format(column=f't."{column}"') for column in columns]
    statement = f"""
        INSERT INTO {table} ({", ".join(f'"{column}"' for column in columns)}) OVERRIDING SYSTEM VALUE
        SELECT {", ".join(values)}
        FROM generate_series(%(first)s::int, %(last)s::int) n, (SELECT * FROM {table} WHERE id <= %(original)s) t
    """
    original = connection.execute(f"SELECT max(id) FROM {table}").fetchone()
    parameters = {"original": original[0] if original else 0, "stride": ORIGINALS * 10}
    for first in range(1, rounds, ROUNDS_AT_ONCE):
        last = min(first + ROUNDS_AT_ONCE, rounds) - 1
        connection.execute(statement, {**parameters, "first": first, "last": last})
        connection.commit()
    connection.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")
    connection.commit()
