"""The floor under one message: bare statements, a commit per window, codec and sealing, and nothing else.

Run by ``pipeline.py`` on the same servers, or alone: ``python -m devservers run -- python -m benchmarks.floor``. It uses the
real tables, roles and row security, but no Celery, no rows in Python objects, no states, no journal.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from datetime import UTC, datetime
from typing import Any, Final

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")

import django

django.setup()

import orjson
import psycopg
import uuid_utils.compat as uuids
from django.conf import settings
from django.utils import timezone

from carriers.base import Outgoing
from carriers.providers.smpp.configuration import Configuration
from carriers.providers.smpp.encoding import PartEncoder
from dispatch.services.receipts import matching, recording
from dispatch.services.sending.database import PLANS
from tenants import keys
from tenants.context import tenant_scope
from tenants.services import create_tenant

BATCH: Final = 1_000
RAW_RECEIPT: Final = (
    b"id:0123456789 sub:001 dlvrd:001 submit date:2208151200 done date:2208151200 stat:DELIVRD err:000 text:"
    + b"\0" * 40
)
INSERT: Final = """
INSERT INTO dispatch_message (tenant_id, public_id, batch_id, seq, state, parts, tries, phone_hash, account_id, created_at, sealed)
SELECT %s, u.public_id, %s, u.seq, 0, 1, 0, u.phone_hash, 1, now(), u.sealed
FROM unnest(%b::uuid[], %b::int[], %b::bytea[], %b::bytea[]) AS u (public_id, seq, phone_hash, sealed)
"""
NEW_BATCH: Final = """
INSERT INTO dispatch_batch
    (tenant_id, account_id, state, priority, policy, due_at, size, holder, epoch, in_flight, tries, error, created_at)
VALUES (%s, 1, 1, 0, 'hold', now(), %s, '', 1, '{}', 0, '', now()) RETURNING id
"""
ACCEPT: Final = """
WITH changed AS (
    UPDATE dispatch_message m SET state = 2, carrier_id = u.carrier_id, accepted_at = u.at
    FROM unnest(%b::bigint[], %b::text[], %b::timestamptz[]) AS u (id, carrier_id, at)
    WHERE m.id = u.id AND m.state = 0 RETURNING m.account_id, m.carrier_id, m.id
)
INSERT INTO dispatch_carrierid (account_id, carrier_id, message_id) SELECT * FROM changed
"""
INTEND: Final = "UPDATE dispatch_batch SET in_flight = %b::int[] WHERE id = %s AND epoch = 1"


def connect(alias: str) -> psycopg.Connection[Any]:
    database = settings.DATABASES[alias]
    return psycopg.connect(
        host=database["HOST"],
        port=database["PORT"],
        user=database["USER"],
        password=database["PASSWORD"],
        dbname=database["NAME"],
        autocommit=True,
        options=PLANS,
    )


def insert(tenant_id: int, texts: list[tuple[str, str]]) -> list[int]:
    """Seal and insert a batch of messages as the application's role; answers the batches' ids."""
    ring = keys.ring_of(tenant_id)
    seal, keyed_hash = ring.sealer("dispatch_message"), ring.hasher("phone")
    batches = []
    with connect("default") as connection:
        for start in range(0, len(texts), BATCH):
            piece = texts[start : start + BATCH]
            with connection.transaction():
                connection.execute("SELECT set_config('app.tenant_id', %s, true)", [str(tenant_id)])
                (batch_id,) = connection.execute(NEW_BATCH, [tenant_id, len(piece)]).fetchall()[0]
                batches.append(batch_id)
                connection.execute(
                    INSERT,
                    [
                        tenant_id,
                        batch_id,
                        [uuids.uuid7() for _ in piece],
                        list(range(len(piece))),
                        [keyed_hash(to) for to, _ in piece],
                        [seal(orjson.dumps({"to": to, "text": text})) for to, text in piece],
                    ],
                )
    return batches


def send(tenant_id: int, batches: list[int], window: int) -> None:
    """Load, open, encode, intend and record, a window at a time, as the carrier's role."""
    ring = keys.ring_of(tenant_id)
    encoder = PartEncoder(Configuration.read({"host": "x", "port": 1, "system_id": "x", "password": "x"}))
    with connect("carrier") as connection:
        for batch_id in batches:
            rows = connection.execute(
                "SELECT id, seq, sealed FROM dispatch_message WHERE batch_id = %s AND state = 0 ORDER BY seq",
                [batch_id],
                binary=True,
            ).fetchall()
            for start in range(0, len(rows), window):
                piece = rows[start : start + window]
                now = datetime.now(UTC)
                pdus = []
                for message_id, _, sealed in piece:
                    fields = ring.open_fields("dispatch_message", sealed)
                    part = Outgoing(message_id, fields["to"], "", fields["text"], 1, 1, message_id % 65_536)
                    pdus.append(encoder.encode(part, sequence=1))
                with connection.transaction():
                    connection.execute(INTEND, [[seq * 256 + 1 for _, seq, _ in piece], batch_id])
                    connection.execute(
                        ACCEPT,
                        [[row[0] for row in piece], [f"{row[0]:x}" for row in piece], [now] * len(piece)],
                        binary=True,
                    )


def receive(tenant_id: int, batches: list[int], window: int) -> None:
    """Store and apply a receipt for each message, a window at a time."""
    service = keys.service()
    seal, keyed_hash = service.sealer("carriers_storedreceipt"), service.hasher("phone")
    with connect("carrier") as connection:
        for batch_id in batches:
            rows = connection.execute(
                "SELECT id FROM dispatch_message WHERE batch_id = %s ORDER BY seq", [batch_id]
            ).fetchall()
            for start in range(0, len(rows), window):
                ids = [row[0] for row in rows[start : start + window]]
                carrier_ids = [f"{message_id:x}" for message_id in ids]
                now = datetime.now(UTC)
                count = len(ids)
                with connection.transaction():
                    connection.execute(matching.BY_CARRIER_ID, [1, carrier_ids], binary=True).fetchall()
                    connection.execute(
                        recording.STORE,
                        [
                            1,
                            now,
                            carrier_ids,
                            ["delivered"] * count,
                            [""] * count,
                            [""] * count,
                            [now] * count,
                            [None] * count,
                            [keyed_hash("+819012345678")] * count,
                            [seal(RAW_RECEIPT) for _ in ids],
                            [tenant_id] * count,
                            ids,
                        ],
                    )
                    connection.execute(
                        recording.APPLY, [ids, [9] * count, [None] * count, [None] * count, [now] * count]
                    )


def sealing(tenant_id: int, texts: list[tuple[str, str]]) -> float:
    """Microseconds of CPU that sealing adds to one message from approval to stored receipt, over leaving all in clear.

    The row of the roster is opened, the message sealed and opened again to be sent, the raw receipt sealed, and the number
    gets its two keyed hashes. JSON is not counted: fields would be packed without sealing too.
    """
    ring, service = keys.ring_of(tenant_id), keys.service()
    seal_message, seal_receipt = ring.sealer("dispatch_message"), service.sealer("carriers_storedreceipt")
    hash_number, hash_receipts_number = ring.hasher("phone"), service.hasher("phone")
    row = ring.seal("recipients_recipient", b"x" * 400)
    message = orjson.dumps(dict(zip(("to", "text"), texts[0], strict=True)))
    began = time.process_time()
    for to, _ in texts:
        ring.open("recipients_recipient", row)
        hash_number(to)
        ring.open("dispatch_message", seal_message(message))
        hash_receipts_number(to)
        seal_receipt(RAW_RECEIPT)
    return (time.process_time() - began) * 1e6 / len(texts)


def run(*, messages: int, window: int, postgres_pid: int | None) -> dict[str, float]:
    """Microseconds of CPU per message, ours and (where its pid is known) PostgreSQL's; ``sealing`` is a part of ours."""
    from benchmarks.measuring import cpu_us, difference

    tenant = create_tenant(name=f"floor {time.time_ns()}", office_name="floor", now=timezone.now())
    with tenant_scope(tenant.pk):
        keys.ring_of(tenant.pk)
    texts = [
        (f"+8190{n:08d}", f"【みなと市保健所】見本 {n}様\n療養は令和4年8月17日で終了です。電話 098-000-0100")
        for n in range(messages)
    ]
    roots = {"postgres": postgres_pid} if postgres_pid else {}
    before, began, own = cpu_us(roots), time.monotonic(), time.process_time()
    batches = insert(tenant.pk, texts)
    send(tenant.pk, batches, window)
    receive(tenant.pk, batches, window)
    used = {name: value / messages for name, value in difference(before, cpu_us(roots)).items()}
    used["client"] = (time.process_time() - own) * 1e6 / messages
    result = {**used, "total": sum(used.values()), "seconds": time.monotonic() - began}
    return {**result, "sealing": sealing(tenant.pk, texts)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--window", type=int, default=200)
    parser.add_argument("--postgres-pid", type=int)
    options = parser.parse_args()
    result = run(messages=options.messages, window=options.window, postgres_pid=options.postgres_pid)
    print(json.dumps({name: round(value, 1) for name, value in result.items()}))


if __name__ == "__main__":
    main()
